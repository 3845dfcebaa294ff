package agent

import (
	"errors"
	"fmt"
	"syscall"
)

// crasher kills the server process of a container, once.
type crasher struct{}

func (crasher) hold(n *Node, m *marker, p pod) (string, string, error) {
	if m.Victim == nil {
		found, ok := server(n.container(p, m.Fault.Container), m.Fault.Process)
		if !ok {
			return "", "", fmt.Errorf("no process %q runs in container %q of the pod", m.Fault.Process, m.Fault.Container)
		}
		// Remembered before it is done: an agent that dies here kills this very
		// process afterwards, or none.
		m.Victim = &victim{PID: found.pid, Start: found.start}
		if err := n.save(m); err != nil {
			return "", "", err
		}
	}
	if _, start, ok := n.stat(m.Victim.PID); ok && start == m.Victim.Start {
		if err := syscall.Kill(m.Victim.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return "", "", fmt.Errorf("killing process %d: %w", m.Victim.PID, err)
		}
	}
	return StateDone, fmt.Sprintf("killed process %d", m.Victim.PID), nil
}

func (crasher) release(*Node, *marker, map[string]pod) error { return nil }

// server is the oldest process of that name: the postmaster among its children.
func server(list []process, name string) (process, bool) {
	for _, p := range list {
		if name == "" || p.called(name) {
			return p, true
		}
	}
	return process{}, false
}
