package cache

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
)

// world is a repository with a workflow of four jobs, and everything that their
// results hang on.
type world struct {
	t     *testing.T
	root  string
	local string
	// system is where programs are that are not the user's own.
	system string
	// images are the ids that images' names have.
	images map[string]string
	facts  Facts
	plan   *ci.Plan
	runs   *artifacts.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, root: t.TempDir(), local: t.TempDir(), system: t.TempDir()}
	w.runs = artifacts.Open(w.local, 0)
	w.facts = Facts{
		Version: "1.0", Runner: "host", Services: "environment",
		Env:     map[string]string{"CI": "true"},
		Event:   map[string]string{"level": "info"},
		Secrets: map[string]string{"TOKEN": "one", "OTHER": "two"},
		Image:   func(_ context.Context, name string) string { return w.images[name] },
		Search:  filepath.Join(w.local, "bin") + ":" + filepath.Join(w.system, "bin"), Home: w.local,
	}
	w.images = map[string]string{"node:20": "sha256:1", "postgres:17": "sha256:2"}
	w.plan = &ci.Plan{File: ".github/workflows/ci.yml", Name: "CI", Event: "push", Jobs: []ci.Job{
		{Key: "all", ID: "all", Definition: "run: make"},
		{Key: "lint", ID: "lint", Definition: "run: ./hack/lint.sh\nsecrets.TOKEN tool", Paths: []string{"src/**", "!src/**/*.md"}, Secrets: []string{"TOKEN"}},
		{Key: "build", ID: "build", Definition: "run: build", Paths: []string{"docs"}, Needs: []string{"lint"}, Container: "node:20", Services: []ci.Service{{Name: "db", Image: "postgres:17"}}},
		{Key: "deploy", ID: "deploy", Definition: "run: deploy", Paths: []string{"docs"}, Needs: []string{"build"}},
	}}
	w.write("src/a.go", "package a")
	w.write("src/notes.md", "notes")
	w.write("docs/index.md", "docs")
	w.write("hack/lint.sh", "lint")
	w.write("README.md", "readme")
	w.write(".gitignore", "*.log\n")
	w.tool("tool", "1")
	w.tool("go", "1")
	w.systemTool("1")
	w.git("init", "-q", "-b", "main")
	w.git("add", "-A")
	w.git("commit", "-q", "-m", "first")
	return w
}

func (w *world) git(args ...string) {
	w.t.Helper()
	command := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"}, args...)...)
	command.Dir = w.root
	out, err := command.CombinedOutput()
	require.NoError(w.t, err, string(out))
}

func (w *world) write(name, content string) {
	w.t.Helper()
	file := filepath.Join(w.root, name)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(w.t, os.WriteFile(file, []byte(content), 0o644))
}

// tool puts a program on the jobs' PATH that tells its version.
func (w *world) tool(name, version string) {
	w.t.Helper()
	file := filepath.Join(w.local, "bin", name)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(w.t, os.WriteFile(file, []byte("#!/bin/sh\necho "+version+"\n"), 0o755))
}

// systemTool puts a program on the PATH that no job names.
func (w *world) systemTool(version string) {
	w.t.Helper()
	file := filepath.Join(w.system, "bin", "called-by-scripts")
	require.NoError(w.t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(w.t, os.WriteFile(file, []byte(version), 0o755))
}

func (w *world) open() *Cache {
	w.t.Helper()
	c, err := open(w.t.Context(), w.root, Folder(w.local), w.facts, time.Now)
	require.NoError(w.t, err)
	return c
}

// run runs the plan: a leg that is not served comes to what execute says. It
// returns the results by key.
func (w *world) run(execute func(job ci.Job, needs map[string]ci.JobResult, folder *artifacts.Run) ci.JobResult) map[string]ci.JobResult {
	w.t.Helper()
	c := w.open()
	folder, err := w.runs.Begin(w.plan.File)
	require.NoError(w.t, err)
	results := map[string]ci.JobResult{}
	for _, job := range w.plan.Jobs {
		needs := map[string]ci.JobResult{}
		for need := range ancestors(w.plan, job) {
			needs[need] = results[need]
		}
		leg, err := c.Leg(w.t.Context(), w.plan, job, needs, folder)
		require.NoError(w.t, err)
		result, found := leg.Take(folder.Log(job.Key))
		if !found {
			result = execute(job, needs, folder)
			result.Key, result.Log = job.Key, folder.Log(job.Key)
			require.NoError(w.t, os.WriteFile(filepath.Join(folder.Folder, result.Log), []byte("log of "+folder.ID), 0o644))
			require.NoError(w.t, leg.Keep(result))
		}
		results[job.Key] = result
	}
	require.NoError(w.t, c.Close())
	return results
}

func ancestors(plan *ci.Plan, job ci.Job) map[string]bool {
	found := map[string]bool{}
	for _, need := range job.Needs {
		found[need] = true
		for _, j := range plan.Jobs {
			if j.Key == need {
				for key := range ancestors(plan, j) {
					found[key] = true
				}
			}
		}
	}
	return found
}

// pass is a leg that succeeds with an output and an artifact of that content.
func (w *world) pass(job ci.Job, folder *artifacts.Run, content string) ci.JobResult {
	w.t.Helper()
	file := filepath.Join(folder.Artifacts(), job.Key, "out", "result.txt")
	require.NoError(w.t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(w.t, os.WriteFile(file, []byte(content), 0o750))
	return ci.JobResult{Conclusion: ci.Success, Outputs: map[string]string{"from": content}, Artifacts: []string{job.Key}}
}

// ran are the keys of the legs that were not served.
func (w *world) ran() string {
	w.t.Helper()
	var keys []string
	results := w.run(func(job ci.Job, _ map[string]ci.JobResult, folder *artifacts.Run) ci.JobResult {
		return w.pass(job, folder, "of "+job.Key)
	})
	for _, job := range w.plan.Jobs {
		if results[job.Key].Cached == "" {
			keys = append(keys, job.Key)
		}
	}
	return strings.Join(keys, " ")
}

func (w *world) job(key string) *ci.Job {
	for i := range w.plan.Jobs {
		if w.plan.Jobs[i].Key == key {
			return &w.plan.Jobs[i]
		}
	}
	panic(fmt.Sprintf("no job %s", key))
}
