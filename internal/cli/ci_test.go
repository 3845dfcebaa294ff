package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/problem"
)

const smallWorkflow = `name: small
on: [push, workflow_dispatch]
jobs:
  first:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Look
        run: cat file.txt
  second:
    needs: first
    runs-on: ubuntu-latest
    steps:
      - run: echo second
`

// pipelineRepo is a repository with the small workflow.
func pipelineRepo(t *testing.T) (string, *App) {
	t.Helper()
	folder, app := repo(t)
	require.NoError(t, os.MkdirAll(filepath.Join(folder, ".github/workflows"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, ".github/workflows/small.yml"), []byte(smallWorkflow), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file.txt"), []byte("content\n"), 0o644))
	for _, args := range [][]string{{"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "a commit"}} {
		require.NoError(t, exec.Command("git", append([]string{"-C", folder}, args...)...).Run())
	}
	t.Chdir(folder)
	app.Format = Text
	return folder, app
}

func ciOptions() CIOptions { return CIOptions{Runner: "host", Services: "environment"} }

func TestCIRunsAndTellsHowItWent(t *testing.T) {
	folder, app := pipelineRepo(t)
	require.NoError(t, app.CI(t.Context(), ciOptions()))
	require.Regexp(t, `OK +first +success`, printed(app))
	require.Regexp(t, `Run 1: \.local/pipeline-artifacts/small/1/report\.html`, printed(app))
	status, err := exec.Command("git", "-C", folder, "status", "--porcelain").Output()
	require.NoError(t, err)
	require.Empty(t, string(status), "a run is no change of the repository")

	app.Out = &bytes.Buffer{}
	require.NoError(t, app.CI(t.Context(), ciOptions()))
	require.Contains(t, printed(app), "success in 0.0s (2 cached)")

	require.NoError(t, os.Remove(filepath.Join(folder, "file.txt")))
	app.Out = &bytes.Buffer{}
	err = app.CI(t.Context(), ciOptions())
	require.Equal(t, problem.ExitGeneral, problem.Exit(err))
	require.ErrorContains(t, err, "failure (first)")
	require.Contains(t, printed(app), "No such file or directory", "the failing step's last lines")
}

func TestCIEventsAreJSONLines(t *testing.T) {
	_, app := pipelineRepo(t)
	app.Format = JSON
	require.NoError(t, app.CI(t.Context(), ciOptions()))
	var kinds []ci.EventKind
	for line := range strings.Lines(printed(app)) {
		var e ci.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, ci.RunStarted, kinds[0])
	require.Equal(t, ci.RunEnded, kinds[len(kinds)-1])
	require.Contains(t, kinds, ci.Line)
}

func TestCIPlanIsShownAndNothingRuns(t *testing.T) {
	folder, app := pipelineRepo(t)
	o := ciOptions()
	o.List, o.Jobs = true, []string{"first"}
	require.NoError(t, app.CI(t.Context(), o))
	require.Contains(t, printed(app), "first")
	require.NotContains(t, printed(app), "second")
	o.List, o.DryRun, o.Jobs = false, true, nil
	require.NoError(t, app.CI(t.Context(), o))
	require.Contains(t, printed(app), "Look")
	require.NoDirExists(t, filepath.Join(folder, ".local/pipeline-artifacts"))
	require.Equal(t, []string{"first", "second"}, app.CIJobs(""))
	require.Equal(t, []string{"small"}, app.CIWorkflows())
}

func TestCIWrongUseIsTold(t *testing.T) {
	_, app := pipelineRepo(t)
	for name, change := range map[string]func(*CIOptions){
		"runner":   func(o *CIOptions) { o.Runner = "moon" },
		"services": func(o *CIOptions) { o.Services = "moon" },
		"alone":    func(o *CIOptions) { o.Alone = true },
		"parallel": func(o *CIOptions) { o.Parallel = -1 },
		"workflow": func(o *CIOptions) { o.Workflow = "ghost" },
		"job":      func(o *CIOptions) { o.Jobs = []string{"ghost"} },
		"event":    func(o *CIOptions) { o.Event = "release" },
		"input":    func(o *CIOptions) { o.Event, o.Inputs = "workflow_dispatch", map[string]string{"ghost": "1"} },
	} {
		o := ciOptions()
		change(&o)
		require.Equal(t, problem.ExitValidation, problem.Exit(app.CI(t.Context(), o)), name)
	}
	app.Format = YAML
	require.Equal(t, problem.ExitValidation, problem.Exit(app.CI(t.Context(), ciOptions())))
}

func TestCIExitStatus(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		ctx        context.Context
		conclusion ci.Conclusion
		err        error
		status     int
	}{
		{t.Context(), ci.Success, nil, 0},
		{t.Context(), ci.Skipped, nil, 0},
		{t.Context(), ci.Failure, nil, 1},
		{t.Context(), ci.Cancelled, nil, 1},
		{done, ci.Cancelled, nil, 130},
		{t.Context(), "", problem.New(problem.NotReproduced, "x"), 2},
	} {
		require.Equal(t, tc.status, problem.Exit(ciVerdict(tc.ctx, ci.Result{Conclusion: tc.conclusion}, tc.err)), tc.conclusion)
	}
}

// A saved file runs what it affects; Ctrl-C ends the watching.
func TestCIWatches(t *testing.T) {
	folder, app := pipelineRepo(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	notes := &lines{found: make(chan string, 100)}
	app.Err, app.Quiet = notes, false
	o := ciOptions()
	o.Watch = true
	ended := make(chan error, 1)
	go func() { ended <- app.CI(ctx, o) }()
	notes.await(t, "waiting for a change")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file.txt"), []byte("changed\n"), 0o644))
	notes.await(t, "running: first")
	notes.await(t, "waiting for a change")
	cancel()
	require.Equal(t, problem.ExitInterrupted, problem.Exit(<-ended))
}

func TestWhatThisProgramPrintsIsNoChange(t *testing.T) {
	folder, app := pipelineRepo(t)
	out, err := os.Create(filepath.Join(folder, "out.log"))
	require.NoError(t, err)
	defer func() { _ = out.Close() }()
	app.Out = out
	p, err := app.pipeline(t.Context())
	require.NoError(t, err)
	before, err := p.Fingerprint(t.Context())
	require.NoError(t, err)

	_, err = out.WriteString("a run's summary\n")
	require.NoError(t, err)
	after, err := p.Fingerprint(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "other.log"), nil, 0o644))
	after, err = p.Fingerprint(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}

// lines hands on what is written to it, line by line.
type lines struct {
	rest  string
	found chan string
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest += string(p)
	for {
		line, rest, whole := strings.Cut(l.rest, "\n")
		if !whole {
			return len(p), nil
		}
		l.rest = rest
		l.found <- line
	}
}

func (l *lines) await(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case line := <-l.found:
			if strings.Contains(line, text) {
				return
			}
		case <-timeout:
			require.Fail(t, "nothing says: "+text)
		}
	}
}
