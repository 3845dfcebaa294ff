package observer

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
)

// How often members are asked, from the beginning of one look to the next:
// while something changes or a fault holds, and at rest. What changes just after a
// look began is told RestInterval and one look of at most MemberTimeout later:
// within the 5 s of addendum §5, with a second and more for a slow machine to tell it.
const (
	BusyInterval = 700 * time.Millisecond
	RestInterval = 1500 * time.Millisecond
	// breath is what lies between two looks at least.
	breath = 100 * time.Millisecond
	// settle is how long after a change the busy interval goes on.
	settle = 10 * time.Second
)

// Watcher looks at environments again and again, one goroutine each, and wakes
// the reconciler when a verdict changes.
type Watcher struct {
	observer *Observer
	events   chan event.GenericEvent

	mu    sync.Mutex
	loops map[types.NamespacedName]*loop
}

type loop struct {
	cancel context.CancelFunc
	poke   chan struct{}
	mu     sync.Mutex
	env    *v1alpha1.PawsEnvironment
	latest *Snapshot
}

// NewWatcher watches with the given observer.
func NewWatcher(o *Observer) *Watcher {
	return &Watcher{observer: o, events: make(chan event.GenericEvent, 64), loops: map[types.NamespacedName]*loop{}}
}

// Events wake the reconciler.
func (w *Watcher) Events() <-chan event.GenericEvent { return w.events }

// Follow watches the environment as it is given, and looks at once when its
// spec is new. It returns the latest snapshot, nil before the first.
func (w *Watcher) Follow(ctx context.Context, env *v1alpha1.PawsEnvironment) *Snapshot {
	key := client.ObjectKeyFromObject(env)
	w.mu.Lock()
	defer w.mu.Unlock()
	l, ok := w.loops[key]
	if !ok {
		loopCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		l = &loop{cancel: cancel, poke: make(chan struct{}, 1), env: env.DeepCopy()}
		w.loops[key] = l
		go w.run(loopCtx, l)
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.env.Generation != env.Generation || l.env.UID != env.UID {
		l.wake()
	}
	l.env = env.DeepCopy()
	return l.latest
}

// Poke makes the environment be looked at without delay.
func (w *Watcher) Poke(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l, ok := w.loops[key]; ok {
		l.wake()
	}
}

// Forget stops watching an environment.
func (w *Watcher) Forget(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l, ok := w.loops[key]; ok {
		l.cancel()
		delete(w.loops, key)
	}
}

func (l *loop) wake() {
	select {
	case l.poke <- struct{}{}:
	default:
	}
}

func (w *Watcher) run(ctx context.Context, l *loop) {
	logger := log.FromContext(ctx)
	var seen string
	changed := time.Now()
	for ctx.Err() == nil {
		l.mu.Lock()
		env := l.env
		l.mu.Unlock()
		began := time.Now()
		snapshot, err := w.observer.Look(ctx, env)
		if err != nil {
			logger.Error(err, "looking at the members failed")
		} else {
			l.mu.Lock()
			l.latest = &snapshot
			l.mu.Unlock()
			if digest := digest(snapshot); digest != seen {
				seen, changed = digest, time.Now()
				w.events <- event.GenericEvent{Object: env}
			}
		}
		interval := RestInterval
		if err != nil || busy(env, snapshot, time.Since(changed)) {
			interval = BusyInterval
		}
		select {
		case <-ctx.Done():
		case <-l.poke:
			changed = time.Now()
		case <-time.After(rest(interval, time.Since(began))):
		}
	}
}

// busy tells whether more is to be expected: something changed a while ago, is not
// well, or is held by a fault.
func busy(env *v1alpha1.PawsEnvironment, s Snapshot, unchanged time.Duration) bool {
	return unchanged < settle || s.Report.Overall != v1alpha1.Healthy || len(env.Spec.Chaos) > 0
}

// rest is what is left of the interval after a look that took so long.
func rest(interval, took time.Duration) time.Duration { return max(interval-took, breath) }

// digest is what of a snapshot matters to the reconciler: verdicts, not figures
// that change with every look.
func digest(s Snapshot) string {
	r := s.Report
	status := StatusMembers(r)
	membership := s.Etcd.Membership
	for i := range status {
		status[i].Message = ""
	}
	var pending []string // healthy, and yet something is to be done
	for _, m := range s.Postgres.Members {
		if m.PendingRestart {
			pending = append(pending, m.Name)
		}
	}
	reasons := map[string]string{}
	for _, c := range r.Components {
		reasons[c.Name] = string(c.Health) + c.Reason
	}
	text, _ := json.Marshal([]any{status, reasons, r.Leader, r.RedisMaster, r.Synchronous.Reason, r.Isolation.Reason, membership, pending})
	return string(text)
}

// StatusMembers renders the members' verdicts for the status, with lag by class.
func StatusMembers(r health.Report) []v1alpha1.MemberStatus {
	var list []v1alpha1.MemberStatus
	for _, c := range r.Components {
		for _, m := range c.Members {
			status := v1alpha1.MemberStatus{Component: m.Component, Name: m.Name, Role: m.Role, Health: m.Health, Message: m.Message}
			if m.LagSeconds != nil {
				status.Lag = health.LagClass(*m.LagSeconds)
			}
			list = append(list, status)
		}
	}
	return list
}
