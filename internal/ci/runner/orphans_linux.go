package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// trackingVariable is the remote's: every process of a leg has it in its
// environment with a value of that leg's, whatever group it moved to.
const trackingVariable = "RUNNER_TRACKING_ID"

// endAll kills every process that carries the mark, and those that they started,
// until there is none. A process that starts others while it is looked for is
// found in the next round.
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

// marked are the processes with that entry in their environment, and all their
// descendants: a child may have cleared its environment.
func marked(entry string) []int {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	parents, found := map[int]int{}, map[int]bool{}
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		state, parent := stat(folder)
		if state == 'Z' || pid == os.Getpid() {
			continue // it is gone already, or it is this one
		}
		parents[pid] = parent
		environ, err := os.ReadFile(filepath.Join(folder, "environ"))
		if err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+entry+"\x00")) {
			found[pid] = true
		}
	}
	var pids []int
	for pid := range parents {
		for p := pid; p > 1; p = parents[p] {
			if found[p] {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

// stat is a process's state and its parent.
func stat(folder string) (state byte, parent int) {
	content, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return 'Z', 0
	}
	fields := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
	if len(fields) < 2 {
		return 'Z', 0
	}
	parent, _ = strconv.Atoi(string(fields[1]))
	return fields[0][0], parent
}
