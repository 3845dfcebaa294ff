package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// hogWord marks the agent's helper process that takes memory.
const hogWord = "hog"

// Hog is the helper process of a memory fault: `agent hog BYTES`. False when the
// arguments are no order for it. It takes memory once told to by a byte on its
// input, and ends with its input: it never outlives its agent.
func Hog(args []string) bool {
	if len(args) != 3 || args[1] != hogWord {
		return false
	}
	size, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hog:", err)
		return true
	}
	for _, score := range []string{"-1000", "0"} { // the server shall be chosen, not this
		if os.WriteFile("/proc/self/oom_score_adj", []byte(score), 0) == nil {
			break
		}
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return true
	}
	go func() {
		if err := takeMemory(size); err != nil {
			fmt.Fprintln(os.Stderr, "hog:", err)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the agent closes it or ends
	return true
}

// takeMemory fills a file that is memory. It counts for the cgroup but not for
// this process, so that the kernel's choice falls on the container's own.
func takeMemory(size int64) error {
	fd, err := unix.MemfdCreate(hogWord, unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("making a file in memory: %w", err)
	}
	block := make([]byte, 1<<20)
	// At a pace that lets the agent stop it before what one kill freed is taken too.
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for taken := int64(0); taken < size; {
		<-pace.C
		n, err := unix.Write(fd, block)
		switch {
		case errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EINTR): // again
		case err != nil:
			return fmt.Errorf("taking memory: %w", err)
		default:
			taken += int64(n)
		}
	}
	return nil
}

// hog is a running helper process.
type hog struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	once  sync.Once
	// ended is closed when the kernel killed a process of the container, or the
	// helper ended otherwise.
	ended chan struct{}
}

// startHog runs the helper in a memory cgroup and watches for the kill.
func startHog(binary string, g group, size int64, killed func() bool) (*hog, error) {
	cmd := exec.Command(binary, hogWord, strconv.FormatInt(size, 10))
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=8MiB", "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the memory helper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the memory helper: %w", err)
	}
	h := &hog{cmd: cmd, input: input, ended: make(chan struct{})}
	err = write(g.file("cgroup.procs"), strconv.Itoa(cmd.Process.Pid))
	if err == nil {
		_, err = input.Write([]byte{1})
	}
	if err != nil {
		_ = h.Close()
		_ = cmd.Wait()
		return nil, fmt.Errorf("placing the memory helper in the container: %w", err)
	}
	go h.watch(killed)
	return h, nil
}

func (h *hog) watch(killed func() bool) {
	gone := make(chan struct{})
	go func() {
		_ = h.cmd.Wait()
		close(gone)
	}()
	defer close(h.ended)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-gone:
			return
		case <-tick.C:
			if killed() {
				_ = h.Close()
				<-gone
				return
			}
		}
	}
}

// Close ends the helper and gives the memory back.
func (h *hog) Close() error {
	h.once.Do(func() {
		_ = h.input.Close()
		_ = h.cmd.Process.Kill()
	})
	return nil
}

func (h *hog) over() bool {
	select {
	case <-h.ended:
		return true
	default:
		return false
	}
}
