package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/problem"
)

// turnEvery is how often it is looked whether another run has ended.
const turnEvery = 100 * time.Millisecond

// turn waits until no other run of the plan's concurrency group is under way; one
// that is to be cancelled is asked to end. Done ends the turn.
func (p *Pipeline) turn(ctx context.Context, plan *ci.Plan, wait func(text string)) (done func(), err error) {
	if plan.Concurrency == "" {
		return func() {}, nil
	}
	sum := sha256.Sum256([]byte(strings.ToLower(plan.Concurrency))) // the remote knows no case here
	name := filepath.Join(p.State, "concurrency", hex.EncodeToString(sum[:8]))
	fail := func(err error) (func(), error) {
		return nil, problem.New(problem.FileFailed, "cannot take turns in the group %s", plan.Concurrency).Because(err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fail(err)
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fail(err)
	}
	for first := true; ; first = false {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fail(errors.Join(err, file.Close()))
		}
		if first {
			wait(p.beforeUs(name, plan))
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, problem.New(problem.Interrupted, "interrupted while waiting for another run")
		case <-time.After(turnEvery):
		}
	}
	_ = file.Truncate(0)
	_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0) // only who is to be cancelled needs it
	return func() { _ = file.Close() }, nil
}

// beforeUs says what is waited for, and asks it to end when the group wants that.
func (p *Pipeline) beforeUs(name string, plan *ci.Plan) string {
	content, _ := os.ReadFile(name)
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if plan.CancelInProgress && err == nil && pid > 1 && pid != os.Getpid() && syscall.Kill(pid, syscall.SIGINT) == nil {
		return fmt.Sprintf("Another run of the group %s is cancelled (process %d)", plan.Concurrency, pid)
	}
	return fmt.Sprintf("Waiting for another run of the group %s", plan.Concurrency)
}
