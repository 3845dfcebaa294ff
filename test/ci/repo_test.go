package ci

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/pipeline"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

// repo is a git repository for one test.
type repo struct {
	*testing.T
	folder string
	// pipeline keeps its runs and caches outside the tree.
	pipeline *pipeline.Pipeline

	mu     sync.Mutex
	events []ci.Event
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	local := t.TempDir()
	r := &repo{T: t, folder: folder, pipeline: &pipeline.Pipeline{Repo: folder, Store: artifacts.Open(local, 0), State: filepath.Join(local, "ci")}}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) {
	r.Helper()
	command := exec.Command("git", args...)
	command.Dir = r.folder
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := command.CombinedOutput()
	require.NoError(r, err, string(out))
}

func (r *repo) write(name, content string) {
	r.Helper()
	file := filepath.Join(r.folder, name)
	require.NoError(r, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(r, os.WriteFile(file, []byte(content), 0o644))
}

func (r *repo) commit() {
	r.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "a commit")
}

// plan reads a workflow as it is now.
func (r *repo) plan(file string) *ci.Plan {
	r.Helper()
	plan, err := workflow.Read(r.folder, file, "push", nil)
	require.NoError(r, err)
	return plan
}

// run runs the plan on the host.
func (r *repo) run(plan *ci.Plan, o pipeline.Options) ci.Result {
	r.Helper()
	o.Runner = "host"
	r.events = nil
	result, err := r.pipeline.Run(r.Context(), o, plan, func(e ci.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, e)
	})
	require.NoError(r, err)
	return result
}

// log is a job's log; empty when it has none.
func (r *repo) log(result ci.Result, j ci.JobResult) string {
	r.Helper()
	if j.Log == "" {
		return ""
	}
	content, err := os.ReadFile(filepath.Join(result.Folder, j.Log))
	require.NoError(r, err)
	return string(content)
}

// annotationText is an annotation in the words of the expectations.
func annotationText(a ci.Annotation) string {
	text := a.Level
	if a.File != "" {
		text += fmt.Sprintf(" %s:%d", a.File, a.Line)
		if a.Column > 0 {
			text += fmt.Sprintf(":%d", a.Column)
		}
	}
	if a.Title != "" {
		text += " " + a.Title
	}
	return text + ": " + a.Message
}
