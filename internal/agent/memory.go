package agent

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
)

// presser takes the memory of a container until the kernel kills a process of
// it; then it gives the memory back, and the fault is done.
type presser struct{}

func (presser) hold(n *Node, m *marker, p pod) (string, string, error) {
	if h, running := n.open[m.Fault.ID].(*hog); running && !h.over() {
		return StateActive, m.Message, nil
	}
	if m.Memory != nil && m.Memory.group().killedSince(m.Memory.Kills) {
		n.drop(m.Fault.ID)
		_ = restore(m.Undo) // those that live on; what is dead needs nothing
		m.Undo = nil
		return StateDone, "the container ran out of memory, and the kernel killed a process of it", nil
	}
	list := n.container(p, m.Fault.Container)
	if len(list) == 0 {
		return "", "", fmt.Errorf("no process runs in container %q of the pod", m.Fault.Container)
	}
	g, ok := n.group(list[0], "memory", false)
	if !ok {
		return "", "", unsupported("no memory cgroup of the container is seen under %s", n.Cgroup)
	}
	limit, limited := g.memoryLimit()
	if !limited {
		return "", "", unsupported("container %q has no memory limit: this would take the node's memory", m.Fault.Container)
	}
	kills, err := g.kills()
	if err != nil {
		return "", "", err
	}
	m.Memory = &memoryMark{Dir: g.dir, V2: g.v2, Kills: kills}
	if err := n.save(m); err != nil {
		return "", "", err
	}
	if err := n.preferVictims(m, list); err != nil {
		return "", "", err
	}
	h, err := startHog(filepath.Join(n.Proc, "self/exe"), g, limit, func() bool { return g.killedSince(kills) })
	if err != nil {
		return "", "", err
	}
	n.keep(m.Fault.ID, h)
	return StateActive, fmt.Sprintf("taking memory up to the limit of %d MiB", limit>>20), nil
}

// memoryMark is a memory cgroup, and how often the kernel had killed in it
// before the fault.
type memoryMark struct {
	Dir   string
	V2    bool
	Kills int
}

func (k memoryMark) group() group { return group{dir: k.Dir, v2: k.V2} }

// preferVictims has the kernel choose among the container's own processes, not
// the helper. More likely needs no capability; making the helper less likely does.
func (n *Node) preferVictims(m *marker, list []process) error {
	for _, p := range list {
		if err := n.set(m, n.procFile(p.pid, "oom_score_adj"), "1000"); err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

func (presser) release(_ *Node, m *marker, _ map[string]pod) error { return restore(m.Undo) }

func (g group) kills() (int, error) {
	if g.v2 {
		return counter(g.file("memory.events"), "oom_kill")
	}
	return counter(g.file("memory.oom_control"), "oom_kill")
}

// killedSince tells whether the kernel killed more than base, or all: then the
// cgroup is gone.
func (g group) killedSince(base int) bool {
	kills, err := g.kills()
	return isGone(err) || err == nil && kills != base
}

// memoryLimit is the least limit of the container and its pod.
func (g group) memoryLimit() (int64, bool) {
	name := "memory.limit_in_bytes"
	if g.v2 {
		name = "memory.max"
	}
	limit := int64(math.MaxInt64)
	for _, dir := range []string{g.dir, filepath.Dir(g.dir)} {
		text, err := read(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if value, err := strconv.ParseInt(text, 10, 64); err == nil {
			limit = min(limit, value)
		}
	}
	return limit, limit < 1<<50 // version 1 tells "no limit" by a huge number
}
