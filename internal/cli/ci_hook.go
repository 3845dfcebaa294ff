package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/paws360/pawskind/internal/problem"
)

// hookMark is in every hook that pawskind has written, and in no other.
const hookMark = "# pawskind ci pre-push hook"

// hook runs the workflows before a push. Git gives the refs on its input, which
// nothing here reads; a program that is gone must not go unnoticed.
func hook(program string) string {
	return fmt.Sprintf(`#!/bin/sh
%s: made by 'pawskind ci install-hook', removed with --remove.
# 'git push --no-verify' pushes without it.
program=%s
[ -x "$program" ] || program=$(command -v pawskind) || {
  echo "[CI] the pre-push hook does not find pawskind | Install it, or remove the hook" >&2
  exit 1
}
exec "$program" ci </dev/null
`, hookMark, shellQuote(program))
}

func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// CIInstallHook makes git run the workflows before each push, or stops that.
func (a *App) CIInstallHook(ctx context.Context, remove bool) error {
	repo, err := a.repository(ctx)
	if err != nil {
		return err
	}
	folder, err := git(ctx, repo, "rev-parse", "--git-path", "hooks") // knows core.hooksPath
	if err != nil {
		return err
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(repo, folder)
	}
	file := filepath.Join(folder, "pre-push")
	content, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.FileFailed, "cannot read %s", file).Because(err)
	}
	present := err == nil
	if present && !strings.Contains(string(content), hookMark) {
		return problem.New(problem.HookForeign, "%s is a hook that pawskind has not made", relative(file))
	}
	if remove {
		return a.removeHook(file, present)
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	if err := writeHook(file, hook(program)); err != nil {
		return problem.New(problem.FileFailed, "cannot write %s", file).Because(err)
	}
	a.Note("%s %s runs the workflows before each push", a.symbol("✓", "OK"), relative(file))
	return nil
}

func writeHook(file, content string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		return err
	}
	return os.Chmod(file, 0o755) // an older file keeps its mode otherwise
}

func (a *App) removeHook(file string, present bool) error {
	if !present {
		a.Note("there is no hook to remove")
		return nil
	}
	if err := os.Remove(file); err != nil {
		return problem.New(problem.FileFailed, "cannot remove %s", file).Because(err)
	}
	a.Note("%s %s is removed", a.symbol("✓", "OK"), relative(file))
	return nil
}

// repository is the root of the git repository that the project is in.
func (a *App) repository(ctx context.Context) (string, error) {
	return git(ctx, a.Config.Root, "rev-parse", "--show-toplevel")
}

// git asks git, in a folder, and gives its answer without the last line's end.
func git(ctx context.Context, folder string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = folder
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		what := strings.TrimSpace(complaint.String())
		if what == "" {
			what = err.Error()
		}
		return "", problem.New(problem.NoRepository, "git %s in %s: %s", strings.Join(args, " "), folder, what)
	}
	return strings.TrimRight(string(out), "\n"), nil
}
