package agent

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// freezer stops every process of a pod where it stands: its node is lost, as
// the others see it.
type freezer struct{}

// frozenWithin bounds the wait for the last process to stand still.
const frozenWithin = 5 * time.Second

// freezeSwitch is the file that freezes a pod.
type freezeSwitch struct {
	file, on, off string
	// told is where the kernel tells that all stand still, and how.
	told, word, yes string
}

func (n *Node) freezeSwitch(p pod) (freezeSwitch, error) {
	g, err := n.podGroup(p, "freezer")
	if err != nil {
		return freezeSwitch{}, err
	}
	return switchOf(g), nil
}

func switchOf(g group) freezeSwitch {
	if g.v2 {
		return freezeSwitch{file: g.file("cgroup.freeze"), on: "1", off: "0", told: g.file("cgroup.events"), word: "frozen", yes: "1"}
	}
	return freezeSwitch{file: g.file("freezer.state"), on: "FROZEN", off: "THAWED", told: g.file("freezer.state"), yes: "FROZEN"}
}

// requested tells whether the pod is frozen, or about to be.
func (s freezeSwitch) requested() bool {
	text, err := read(s.file)
	return err == nil && text != s.off
}

func (s freezeSwitch) frozen() bool {
	if s.word == "" {
		text, err := read(s.told)
		return err == nil && text == s.yes
	}
	count, err := counter(s.told, s.word)
	return err == nil && count == 1
}

func (s freezeSwitch) thaw() error {
	if err := write(s.file, s.off); err != nil && !isGone(err) {
		return err
	}
	return nil
}

func (freezer) hold(n *Node, m *marker, p pod) (string, string, error) {
	sw, err := n.freezeSwitch(p)
	if err != nil {
		return "", "", err
	}
	m.Undo = []setting{{File: sw.file, Old: sw.off}}
	if err := n.save(m); err != nil {
		return "", "", err
	}
	// Written again while it freezes: a process born meanwhile is caught too.
	frozen := func() (bool, error) {
		if sw.frozen() {
			return true, nil
		}
		return false, write(sw.file, sw.on)
	}
	if err := until(frozenWithin, frozen); err != nil {
		return "", "", errors.Join(fmt.Errorf("freezing the pod: %w", err), sw.thaw())
	}
	return StateActive, fmt.Sprintf("%d processes stand still", len(p.processes)), nil
}

func (freezer) release(_ *Node, m *marker, _ map[string]pod) error { return restore(m.Undo) }

// restore writes settings back, the last one first; what is gone needs nothing.
func restore(list []setting) error {
	var failed error
	for i := len(list) - 1; i >= 0; i-- {
		if err := write(list[i].File, list[i].Old); err != nil && !isGone(err) && !errors.Is(err, syscall.ESRCH) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// until asks again and again, within a bound.
func until(bound time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s", bound)
		case <-tick.C:
		}
	}
}
