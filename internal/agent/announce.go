package agent

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// announce writes a line into the log of the pod's server, so that whoever reads
// the log later knows that the trouble was made. It is a courtesy: what cannot be
// written is left out.
func (n *Node) announce(f Fault, p pod, what string) {
	for _, proc := range p.processes {
		if slices.Contains(proc.names, "pause") {
			continue
		}
		// A log that nobody reads any more must not hold the agent up.
		log, err := os.OpenFile(n.procFile(proc.pid, "fd/1"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		parts := strings.Split(f.ID, "/")
		_, _ = fmt.Fprintf(log, "pawskind: fault %s %s: %s %s\n", parts[max(0, len(parts)-2)], what, f.Kind, f.Pod)
		_ = log.Close()
		return
	}
}
