package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

// repo is an empty git repository, and the app in it.
func repo(t *testing.T) (string, *App) {
	t.Helper()
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, exec.Command("git", "init", "-q", folder).Run())
	config, err := project.Load(folder, nil, nil)
	require.NoError(t, err)
	return folder, &App{UI: &UI{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, Config: config}
}

func TestHookIsInstalledAndRemoved(t *testing.T) {
	folder, app := repo(t)
	file := filepath.Join(folder, ".git/hooks/pre-push")
	require.NoError(t, app.CIInstallHook(t.Context(), false))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o111, "git runs only hooks that are executable")
	require.NoError(t, exec.Command("sh", "-n", file).Run())

	require.NoError(t, os.Chmod(file, 0o644))
	require.NoError(t, app.CIInstallHook(t.Context(), false), "again, over its own")
	info, err = os.Stat(file)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o111)

	require.NoError(t, app.CIInstallHook(t.Context(), true))
	require.NoFileExists(t, file)
	require.NoError(t, app.CIInstallHook(t.Context(), true), "there is nothing to remove")
}

func TestForeignHookIsLeftAlone(t *testing.T) {
	folder, app := repo(t)
	file := filepath.Join(folder, ".git/hooks/pre-push")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\necho mine\n"), 0o755))
	for _, remove := range []bool{false, true} {
		err := app.CIInstallHook(t.Context(), remove)
		var p *problem.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, problem.HookForeign, p.Code)
	}
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "#!/bin/sh\necho mine\n", string(content))
}

func TestHookGoesWhereGitLooks(t *testing.T) {
	folder, app := repo(t)
	require.NoError(t, exec.Command("git", "-C", folder, "config", "core.hooksPath", "my hooks").Run())
	require.NoError(t, app.CIInstallHook(t.Context(), false))
	require.FileExists(t, filepath.Join(folder, "my hooks/pre-push"))
	require.NoDirExists(t, filepath.Join(folder, ".git/hooks/pre-push"))
}

// The hook is run as git runs it, with a program whose name has to be quoted.
func TestHookRunsTheWorkflowsAndItsStatusCounts(t *testing.T) {
	folder, _ := repo(t)
	program := filepath.Join(folder, "it's pawskind")
	file := filepath.Join(folder, "pre-push")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho \"ran $*\"\nexit 7\n"), 0o755))
	require.NoError(t, writeHook(file, hook(program)))
	command := exec.Command(file, "origin", "git@example.org:a/b.git")
	out, err := command.Output()
	require.Equal(t, "ran ci\n", string(out))
	require.Error(t, err)
	require.Equal(t, 7, command.ProcessState.ExitCode())

	require.NoError(t, os.Remove(program))
	command = exec.Command(file)
	command.Env = []string{"PATH=/usr/bin:/bin"}
	out, err = command.CombinedOutput()
	require.Error(t, err, "a push is not let through unchecked")
	require.Contains(t, string(out), "does not find pawskind")
}

func TestHookNeedsARepository(t *testing.T) {
	config, err := project.Load(t.TempDir(), nil, nil)
	require.NoError(t, err)
	app := &App{UI: &UI{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, Config: config}
	require.Equal(t, problem.ExitValidation, problem.Exit(app.CIInstallHook(t.Context(), false)))
}
