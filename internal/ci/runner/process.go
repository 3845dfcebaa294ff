package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// command is one that a step runs, on the host or in the leg's container.
type command struct {
	args []string
	env  map[string]string
	dir  string
	out  io.Writer
}

// grace is how long a command has to end after each signal; drain is how long
// the output is waited for that a process in the background holds open.
const (
	grace = 2 * time.Second
	drain = 200 * time.Millisecond
)

// errMissing says that there is no such program.
var errMissing = errors.New("it is not installed")

// exec runs a command to its end and returns its exit status. The processes are
// one group, which is ended as a whole when the context ends; what leaves the
// group is found when the leg ends.
func (l *leg) exec(ctx context.Context, c command) (int, error) {
	if l.container != nil {
		c = l.container.wrap(c)
	}
	program, err := look(c.args[0], c.env["PATH"])
	if err != nil {
		return 127, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return 1, fmt.Errorf("making a pipe for %s: %w", c.args[0], err)
	}
	process := exec.Command(program, c.args[1:]...)
	process.Dir, process.Stdout, process.Stderr = c.dir, writer, writer
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		process.Env = append(process.Env, name+"="+c.env[name])
	}
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = process.Start()
	_ = writer.Close()
	if err != nil {
		_ = reader.Close()
		return 126, fmt.Errorf("starting %s: %w", c.args[0], err)
	}
	read := l.read(reader, c.out)
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = stop(process.Process.Pid, ended)
	}
	select { // a process in the background may hold the output open
	case <-read:
	case <-time.After(drain):
	}
	if ctx.Err() != nil {
		return 1, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitStatus(exit), nil
	}
	return 0, err
}

// read passes on what a command writes, until the last process that holds the
// pipe is gone: a server in the background must not die of a closed pipe.
func (l *leg) read(from *os.File, to io.Writer) <-chan struct{} {
	done := make(chan struct{})
	l.readers.Go(func() {
		defer close(done)
		_, _ = io.Copy(to, from) // it ends when the processes do
		_ = from.Close()
	})
	return done
}

func exitStatus(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// stop ends a process group, as the remote does: asked first, then killed.
func stop(group int, ended <-chan error) error {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		_ = syscall.Kill(-group, signal) // it may be gone already
		select {
		case err := <-ended:
			_ = syscall.Kill(-group, syscall.SIGKILL)
			return err
		case <-time.After(grace):
		}
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
	return <-ended
}

// look finds a program on the step's own PATH, not on this process's.
func look(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, errMissing)
}
