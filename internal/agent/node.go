// Package agent does and undoes faults inside the pods of one node: with
// cgroups, packet filters, signals and file events of the kernel it runs on.
package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// The kinds of faults.
const (
	KindFreeze    = "freeze"
	KindCrash     = "crash"
	KindPartition = "partition"
	KindThrottle  = "throttle"
	KindFillDisk  = "fill-disk"
	KindMemory    = "memory"
	KindDelay     = "delay"
)

// The states of a fault.
const (
	// StatePending: no process of the pod was seen yet.
	StatePending      = "Pending"
	StateActive       = "Active"
	StateDone         = "Done"
	StateFailed       = "Failed"
	StateNotSupported = "NotSupported"
)

// Fault is one fault to hold on one pod of this node.
type Fault struct {
	// ID is stable and unique: "<namespace>/<environment>/<fault name>/<pod>".
	ID   string
	Kind string

	PodUID, Namespace, Pod, Container string
	// Process is the server that a crash kills: the oldest process of that name,
	// or the container's first process when empty.
	Process string
	// Peers are the addresses that a partition cuts off; empty means all.
	Peers []string
	// Direction of a partition: both, in or out, as the pod sees it.
	Direction string
	// CPUPercent of one core is what a throttled container gets.
	CPUPercent int
	// Path is the volume to fill, inside the container.
	Path string
	// DelayMillis is what a delay adds to every packet; 0 means 100.
	DelayMillis int
}

// Status is what became of a fault.
type Status struct {
	ID, State, Message string
	Since              time.Time
}

// Node holds faults on the node it runs on. What it holds can be found again
// by the next process: in the kernel, and in StateDir.
type Node struct {
	// Proc and Cgroup are where the node's processes and cgroups are seen.
	Proc, Cgroup string
	// StateDir keeps what a restarted agent must know. It should outlive a
	// restart of the node, so that nothing that is done once is done again.
	StateDir string
	// NodeNet is the node's network namespace; empty means that of process 1.
	NodeNet string

	mu    sync.Mutex
	swept bool
	// open are the faults that end by themselves when this process ends.
	open map[string]io.Closer
}

// executor does one kind of fault. Both methods are repeated at will.
type executor interface {
	// hold makes the fault so on the pod, and says what it did.
	hold(n *Node, m *marker, p pod) (state, message string, err error)
	// release undoes it; the pod may be gone.
	release(n *Node, m *marker, pods map[string]pod) error
}

var executors = map[string]executor{
	KindFreeze: freezer{}, KindCrash: crasher{}, KindPartition: partitioner{}, KindThrottle: throttler{},
	KindFillDisk: filler{}, KindMemory: presser{}, KindDelay: delayer{},
}

// Reconcile makes what is held on this node exactly want. Reports also what
// could not be undone.
func (n *Node) Reconcile(ctx context.Context, want []Fault) []Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	statuses, err := n.reconcile(ctx, want)
	if err != nil { // nothing is known of the node: say it of every fault
		for _, f := range want {
			statuses = append(statuses, Status{ID: f.ID, State: StatePending, Message: err.Error(), Since: now()})
		}
	}
	return statuses
}

// RestoreAll undoes everything that any agent ever did on this node.
func (n *Node) RestoreAll(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.swept = false
	statuses, err := n.reconcile(ctx, nil)
	if !n.swept {
		err = errors.Join(err, errors.New("looking for forgotten faults failed"))
	}
	for _, s := range statuses {
		err = errors.Join(err, fmt.Errorf("%s: %s", s.ID, s.Message))
	}
	return err
}

func (n *Node) reconcile(ctx context.Context, want []Fault) ([]Status, error) {
	held, err := n.load()
	if err != nil {
		return nil, err
	}
	if len(want)+len(held) == 0 && n.swept {
		return nil, nil
	}
	pods, err := n.pods()
	if err != nil {
		return nil, err
	}
	statuses := n.releaseUnwanted(held, want, pods)
	if !n.swept {
		n.swept = n.sweep(held, pods) == nil
	}
	for _, f := range want {
		if ctx.Err() != nil {
			break
		}
		statuses = append(statuses, n.holdOne(f, held[f.ID], pods))
	}
	slices.SortFunc(statuses, func(a, b Status) int { return cmp.Compare(a.ID, b.ID) })
	return statuses, nil
}

func (n *Node) releaseUnwanted(held map[string]*marker, want []Fault, pods map[string]pod) []Status {
	var stuck []Status
	for id, m := range held {
		stays := slices.ContainsFunc(want, func(f Fault) bool {
			return f.ID == id && f.Kind == m.Fault.Kind && (f.PodUID == m.Fault.PodUID || f.Kind == KindCrash)
		})
		if stays {
			continue
		}
		if err := n.release(m, pods); err != nil {
			stuck = append(stuck, Status{ID: id, State: StateActive, Message: "not undone yet: " + err.Error(), Since: m.Since})
			continue
		}
		delete(held, id)
	}
	return stuck
}

func (n *Node) release(m *marker, pods map[string]pod) error {
	n.drop(m.Fault.ID)
	if e, known := executors[m.Fault.Kind]; known {
		if err := e.release(n, m, pods); err != nil {
			return err
		}
	}
	if p, lives := pods[m.Fault.PodUID]; lives && m.State == StateActive {
		n.announce(m.Fault, p, "is undone")
	}
	return n.forget(m)
}

// keep remembers what must be closed to end a fault; drop closes it.
func (n *Node) keep(id string, c io.Closer) {
	if n.open == nil {
		n.open = map[string]io.Closer{}
	}
	n.open[id] = c
}

func (n *Node) drop(id string) {
	if c, found := n.open[id]; found {
		_ = c.Close() // ends the fault whatever it returns
		delete(n.open, id)
	}
}

func (n *Node) holdOne(f Fault, m *marker, pods map[string]pod) Status {
	if m == nil {
		m = &marker{State: StatePending, Since: now()}
	}
	m.Fault = f
	if m.State == StateDone {
		return m.status()
	}
	p, seen := pods[f.PodUID]
	if !seen {
		n.drop(f.ID)
		m.State, m.Message = StatePending, "no process of the pod is seen on this node"
		return m.status()
	}
	state, message, err := StateFailed, "", error(nil)
	if e, known := executors[f.Kind]; known {
		state, message, err = e.hold(n, m, p)
	} else {
		err = unsupported("this agent knows no fault %q", f.Kind)
	}
	var not *notSupported
	switch {
	case errors.As(err, &not):
		state, message = StateNotSupported, not.Error()
	case err != nil:
		state, message = StateFailed, err.Error()
	}
	if state != m.State {
		m.Since = now()
		if state == StateActive || state == StateDone {
			n.announce(f, p, "begins")
		}
	}
	m.State, m.Message = state, message
	if err := n.save(m); err != nil {
		m.Message += "; " + err.Error()
	}
	return m.status()
}

// notSupported tells that this node cannot do a fault.
type notSupported struct{ error }

func unsupported(format string, args ...any) error {
	return &notSupported{fmt.Errorf(format, args...)}
}

func (n *Node) nodeNet() string {
	if n.NodeNet != "" {
		return n.NodeNet
	}
	return filepath.Join(n.Proc, "1/ns/net")
}

// sweep undoes what has no marker: found in the kernel alone.
func (n *Node) sweep(held map[string]*marker, pods map[string]pod) error {
	var frozen []string
	for _, m := range held {
		for _, s := range m.Undo {
			frozen = append(frozen, s.File)
		}
	}
	var failed error
	for _, p := range pods {
		if sw, err := n.freezeSwitch(p); err == nil && sw.requested() && !slices.Contains(frozen, sw.file) {
			failed = errors.Join(failed, sw.thaw())
		}
	}
	return errors.Join(failed, n.sweepNetworks(held, pods))
}

func isGone(err error) bool { return errors.Is(err, os.ErrNotExist) }

// now is the time without what a marker cannot keep.
func now() time.Time { return time.Now().UTC().Round(0) }
