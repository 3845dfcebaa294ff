package runner

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// trackingVariable is the remote's: every process of a leg has it in its
// environment with a value of that leg's, whatever group it moved to.
const trackingVariable = "RUNNER_TRACKING_ID"

// endAll kills every process that carries the mark, until there is none.
func endAll(mark string) {
	for round := 0; round < 50; round++ {
		pids := marked(trackingVariable + "=" + mark)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(10 * time.Millisecond) // the kernel needs a moment to end them
	}
}

// marked are the processes with that entry in their environment.
func marked(entry string) []int {
	out, err := exec.Command("ps", "-axwwE", "-o", "pid=,command=").Output()
	if err != nil {
		return nil
	}
	var pids []int
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.Contains(line, entry) {
			if pid, err := strconv.Atoi(fields[0]); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
