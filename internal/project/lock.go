package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/paws360/pawskind/internal/problem"
)

// Prepare makes the folder of local files, unseen by git and by other users.
func (c *Config) Prepare() error {
	if err := os.MkdirAll(c.Local(), 0o700); err != nil {
		return problem.New(problem.FileFailed, "cannot make %s", c.Local()).Because(err)
	}
	ignore := filepath.Join(c.Local(), ".gitignore")
	if _, err := os.Stat(ignore); err == nil {
		return nil
	}
	if err := os.WriteFile(ignore, []byte("*\n"), 0o644); err != nil {
		return problem.New(problem.FileFailed, "cannot write %s", ignore).Because(err)
	}
	return nil
}

// Lock keeps other commands that change the project out until unlock is called
// or the process ends.
func (c *Config) Lock() (unlock func(), err error) {
	if err := c.Prepare(); err != nil {
		return nil, err
	}
	name := filepath.Join(c.Local(), "lock")
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, problem.New(problem.FileFailed, "cannot open %s", name).Because(err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(name)
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, problem.New(problem.Busy, "another pawskind (process %s) is changing this project", strings.TrimSpace(string(holder)))
		}
		return nil, problem.New(problem.FileFailed, "cannot lock %s", name).Because(err)
	}
	_ = file.Truncate(0)
	_, _ = fmt.Fprintf(file, "%d\n", os.Getpid())
	return func() { _ = file.Close() }, nil
}
