package runner_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/runner"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

// world is a repository with one workflow and what running it came to.
type world struct {
	repo, file string
	event      string
	inputs     map[string]string
	secrets    map[string]string
	services   schedule.Services
	onEvent    func(ci.Event)

	mu     sync.Mutex
	events []ci.Event
	result ci.Result
}

func git(t *testing.T, repo string, args ...string) {
	t.Helper()
	command := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
	command.Dir = repo
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
}

// repository commits files; the workflow is .github/workflows/ci.yml.
func repository(t *testing.T, yaml string, files map[string]string) *world {
	t.Helper()
	w := &world{repo: t.TempDir(), file: ".github/workflows/ci.yml"}
	git(t, w.repo, "init", "-q", "-b", "main")
	w.put(t, w.file, yaml)
	for name, content := range files {
		w.put(t, name, content)
	}
	git(t, w.repo, "add", "-A")
	git(t, w.repo, "commit", "-q", "-m", "first")
	return w
}

func (w *world) put(t *testing.T, name, content string) {
	t.Helper()
	file := filepath.Join(w.repo, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
}

func (w *world) run(t *testing.T, ctx context.Context) *world { //nolint:revive // t comes first in the tests' helpers
	t.Helper()
	plan, err := workflow.Read(w.repo, w.file, w.event, w.inputs)
	require.NoError(t, err)
	state := t.TempDir()
	store := artifacts.Open(state, 0)
	folder, err := store.Begin(w.file)
	require.NoError(t, err)
	r, err := runner.New(ctx, runner.Options{Repo: w.repo, State: state, Work: state, Runner: "host", RunID: folder.ID})
	require.NoError(t, err)
	w.result, err = schedule.Run(ctx, schedule.Options{
		Runner: r, Folder: folder, Secrets: w.secrets, Services: w.services, CacheDir: filepath.Join(state, "cache"), Parallel: 2,
	}, plan, w.told)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	left, err := filepath.Glob(filepath.Join(state, "pawskind-ci-*", "[^l]*"))
	require.NoError(t, err)
	require.Empty(t, left, "the run leaves no checkout")
	return w
}

func (w *world) told(e ci.Event) {
	w.mu.Lock()
	w.events = append(w.events, e)
	w.mu.Unlock()
	if w.onEvent != nil {
		w.onEvent(e)
	}
}

func (w *world) job(t *testing.T, key string) ci.JobResult {
	t.Helper()
	for _, job := range w.result.Jobs {
		if job.Key == key {
			return job
		}
	}
	require.Failf(t, "no such job", "%s in %v", key, w.result.Jobs)
	return ci.JobResult{}
}

func (w *world) log(t *testing.T, key string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.result.Folder, w.job(t, key).Log))
	require.NoError(t, err)
	return string(content)
}

func (w *world) passed(t *testing.T) *world {
	t.Helper()
	for _, job := range w.result.Jobs {
		if job.Conclusion.Failed() {
			t.Logf("%s: %s %s\n%s", job.Key, job.Conclusion, job.Reason, w.log(t, job.Key))
		}
	}
	require.Equal(t, ci.Success, w.result.Conclusion)
	return w
}

// steps is how a job's steps ended, as "name: outcome/conclusion".
func steps(job ci.JobResult) []string {
	var list []string
	for _, s := range job.Steps {
		list = append(list, s.Name+": "+string(s.Outcome)+"/"+string(s.Conclusion))
	}
	return list
}

// ci1 is a workflow of one job with those steps.
func ci1(steps string) string {
	indented := "      " + strings.ReplaceAll(strings.TrimSpace(steps), "\n", "\n      ")
	return "on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n" + indented + "\n"
}
