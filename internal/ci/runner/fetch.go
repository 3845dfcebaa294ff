package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/paws360/pawskind/internal/ci/tree"
	"github.com/paws360/pawskind/internal/problem"
)

// actions are those that are fetched from their repositories, and kept.
type actions struct {
	folder string

	mu sync.Mutex
	// away says why the network cannot be had; it is tried once in a run.
	away error
}

// patience bounds how long fetching an action may take.
const patience = 60 * time.Second

// server is where actions are fetched from.
const server = "https://github.com"

// fetch gives the folder of an action: OWNER/NAME or OWNER/NAME/PATH.
func (a *actions) fetch(ctx context.Context, name, ref string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	parts := strings.SplitN(name, "/", 3)
	if len(parts) < 2 || ref == "" {
		return "", fmt.Errorf("the action %q is not of the form OWNER/NAME@VERSION", name+"@"+ref)
	}
	for _, part := range []string{name, ref} {
		if !filepath.IsLocal(part) || strings.HasPrefix(part, "-") {
			return "", fmt.Errorf("the action %q is not of the form OWNER/NAME@VERSION", name+"@"+ref)
		}
	}
	repository := parts[0] + "/" + parts[1]
	folder := filepath.Join(a.folder, parts[0], parts[1]+"@"+strings.ReplaceAll(ref, "/", "_"))
	action := folder
	if len(parts) == 3 {
		action = filepath.Join(folder, parts[2])
	}
	if isFolder(folder) {
		return action, nil
	}
	err := a.away
	if err == nil {
		err = clone(ctx, server+"/"+repository, ref, folder)
		if unreachable(err) {
			a.away = err
		}
	}
	if err != nil {
		return "", problem.New(problem.ActionUnreachable, "the action %s@%s is not built in and cannot be fetched", name, ref).Because(err)
	}
	return action, nil
}

func unreachable(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "resolve host") || strings.Contains(text, "connect to") || strings.Contains(text, "unable to access") || errors.Is(err, context.DeadlineExceeded)
}

// clone fetches one version of a repository into a folder, wholly or not at all.
func clone(ctx context.Context, address, ref, folder string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	part, err := os.MkdirTemp(filepath.Dir(folder), ".part-")
	if err != nil {
		return err
	}
	defer func() { _ = tree.RemoveAll(part) }()
	for _, args := range [][]string{
		{"init", "--quiet"}, {"fetch", "--quiet", "--depth", "1", address, ref}, {"checkout", "--quiet", "FETCH_HEAD"},
	} {
		command := exec.CommandContext(ctx, "git", args...)
		command.Dir = part
		command.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], errors.Join(err, ctx.Err()), strings.TrimSpace(string(out)))
		}
	}
	return os.Rename(part, folder)
}
