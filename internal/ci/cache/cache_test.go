package cache

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
)

// TestWhatEachChangeRuns: each kind of input, and the legs that must run again.
// What they come to is the same as before, so what depends on them need not.
func TestWhatEachChangeRuns(t *testing.T) {
	for name, test := range map[string]struct {
		change func(w *world)
		want   string
	}{
		"nothing":                     {func(*world) {}, ""},
		"a declared file":             {func(w *world) { w.write("src/a.go", "package b") }, "all lint"},
		"a file that is taken away":   {func(w *world) { w.write("src/notes.md", "other") }, "all"},
		"a file that nobody declares": {func(w *world) { w.write("README.md", "other") }, "all"},
		"a file in a declared folder": {func(w *world) { w.write("docs/deep/er.md", "new") }, "all build deploy"},
		"a script that a step calls":  {func(w *world) { w.write("hack/lint.sh", "other") }, "all lint"},
		"an action of the repository": {func(w *world) { w.write(".github/actions/x/action.yml", "x") }, "all lint build deploy"},
		"an untracked file":           {func(w *world) { w.write("src/new.go", "package a") }, "all lint"},
		"an ignored file":             {func(w *world) { w.write("src/x.log", "x") }, ""},
		"a deleted file":              {func(w *world) { require.NoError(t, os.Remove(filepath.Join(w.root, "src/a.go"))) }, "all lint"},
		"a mode":                      {func(w *world) { require.NoError(t, os.Chmod(filepath.Join(w.root, "src/a.go"), 0o755)) }, "all lint"},
		"a file that git need not watch": {func(w *world) {
			w.git("update-index", "--assume-unchanged", "src/a.go")
			w.write("src/a.go", "package c")
		}, "all lint"},
		"the commit alone":              {func(w *world) { w.git("commit", "-q", "--allow-empty", "-m", "second") }, "all"},
		"a tag":                         {func(w *world) { w.git("tag", "v1") }, "all"},
		"the branch":                    {func(w *world) { w.git("checkout", "-q", "-b", "other") }, "all"},
		"staging":                       {func(w *world) { w.write("src/x.log", ""); w.git("add", "-A") }, ""},
		"a definition":                  {func(w *world) { w.job("lint").Definition += " -v" }, "lint"},
		"the line of a job":             {func(w *world) { w.job("lint").Line = 12 }, ""},
		"the matrix leg":                {func(w *world) { w.job("lint").Matrix = map[string]any{"go": "1.26"} }, "lint"},
		"a container":                   {func(w *world) { w.job("lint").Container = "go:1.26" }, "lint"},
		"a moved image":                 {func(w *world) { w.images["node:20"] = "sha256:2" }, "build"},
		"a moved image of a service":    {func(w *world) { w.images["postgres:17"] = "sha256:3" }, "build"},
		"an image that is gone":         {func(w *world) { delete(w.images, "node:20") }, "build"},
		"an image that nobody uses":     {func(w *world) { w.images["other:1"] = "sha256:4" }, ""},
		"the environment's servers":     {func(w *world) { w.facts.Servers = "PostgreSQL 15" }, "build"},
		"a tool that scripts call":      {func(w *world) { w.systemTool("2") }, "all lint build deploy"},
		"a user's own tool":             {func(w *world) { w.tool("other", "1") }, ""},
		"a JDK beside the default":      {func(w *world) { w.facts.Installed = []string{"java 21 /opt/21"} }, "all lint build deploy"},
		"the environment":               {func(w *world) { w.facts.Env["CI"] = "1" }, "all lint build deploy"},
		"an input of the event":         {func(w *world) { w.facts.Event["level"] = "debug" }, "all lint build deploy"},
		"the event":                     {func(w *world) { w.plan.Event = "pull_request" }, "all lint build deploy"},
		"a secret":                      {func(w *world) { w.facts.Secrets["TOKEN"] = "new" }, "lint"},
		"a secret that is gone":         {func(w *world) { delete(w.facts.Secrets, "TOKEN") }, "lint"},
		"a secret that nobody mentions": {func(w *world) { w.facts.Secrets["OTHER"] = "new" }, ""},
		"a tool that is mentioned":      {func(w *world) { w.tool("tool", "2.0") }, "lint"},
		"a tool for all":                {func(w *world) { w.tool("go", "2") }, "all lint build deploy"},
		"the runner":                    {func(w *world) { w.facts.Runner = "container" }, "all lint build deploy"},
		"the services":                  {func(w *world) { w.facts.Services = "container" }, "build"},
		"pawskind":                      {func(w *world) { w.facts.Version = "1.1" }, "all lint build deploy"},
		"another workflow":              {func(w *world) { w.plan.File = "other.yml" }, "all lint build deploy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			require.Equal(t, "all lint build deploy", w.ran())
			require.Empty(t, w.ran())
			test.change(w)
			require.Equal(t, test.want, w.ran())
			require.Empty(t, w.ran())
		})
	}
}

func TestASymbolicLinkIsWhereItLeads(t *testing.T) {
	w := newWorld(t)
	link := filepath.Join(w.root, "src", "link")
	require.NoError(t, os.Symlink("a.go", link))
	require.Equal(t, "all lint build deploy", w.ran())
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink("b.go", link))
	require.Equal(t, "all lint", w.ran())
	require.NoError(t, os.Remove(link))
	w.write("src/link", "b.go")
	require.Equal(t, "all lint", w.ran(), "a file with the same content is another thing")
}

func TestOutputsAndArtifactsOfNeedsAreInputs(t *testing.T) {
	w := newWorld(t)
	output, artifact := "v1", "jar"
	run := func() (ran []string) {
		results := w.run(func(job ci.Job, _ map[string]ci.JobResult, folder *artifacts.Run) ci.JobResult {
			r := w.pass(job, folder, artifact)
			r.Outputs = map[string]string{"version": output}
			return r
		})
		for _, job := range w.plan.Jobs {
			if results[job.Key].Cached == "" {
				ran = append(ran, job.Key)
			}
		}
		return ran
	}
	run()
	require.Empty(t, run())
	w.write("src/a.go", "package b")
	output = "v2"
	require.Equal(t, []string{"all", "lint", "build", "deploy"}, run())
	w.write("src/a.go", "package c")
	artifact = "war"
	require.Equal(t, []string{"all", "lint", "build", "deploy"}, run())
	w.write("src/a.go", "package d")
	require.Equal(t, []string{"all", "lint"}, run(), "what comes to the same as before changes nothing for others")
}

func TestAServedLegHasAllThatItLeftBehind(t *testing.T) {
	w := newWorld(t)
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	execute := func(job ci.Job, _ map[string]ci.JobResult, folder *artifacts.Run) ci.JobResult {
		r := w.pass(job, folder, "built")
		require.NoError(t, os.Symlink("result.txt", filepath.Join(folder.Artifacts(), job.Key, "out", "latest")))
		r.Started, r.Ended = started, started.Add(time.Minute)
		r.Steps = []ci.StepResult{{Name: "make", Conclusion: ci.Success}}
		return r
	}
	w.run(execute)
	results := w.run(execute)
	entries, err := w.runs.List()
	require.NoError(t, err)
	folder := entries[0].Folder
	for _, job := range w.plan.Jobs {
		r := results[job.Key]
		require.Equal(t, "1", r.Cached)
		require.Equal(t, time.Minute, r.Ended.Sub(r.Started))
		require.Equal(t, map[string]string{"from": "built"}, r.Outputs)
		require.Equal(t, "make", r.Steps[0].Name)
		log, err := os.ReadFile(filepath.Join(folder, r.Log))
		require.NoError(t, err)
		require.Equal(t, "log of 1", string(log))
		file := filepath.Join(folder, "artifacts", job.Key, "out", "latest")
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "built", string(content))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o750), info.Mode().Perm())
	}
}

func TestOnlySuccessIsKept(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		results := w.run(func(ci.Job, map[string]ci.JobResult, *artifacts.Run) ci.JobResult {
			return ci.JobResult{Conclusion: ci.Failure}
		})
		for key, r := range results {
			require.Empty(t, r.Cached, key)
		}
	}
}

func TestWhatChangesWhileItRunsIsNotKept(t *testing.T) {
	w := newWorld(t)
	c := w.open()
	folder, err := w.runs.Begin("ci.yml")
	require.NoError(t, err)
	log := folder.Log("lint")
	require.NoError(t, os.WriteFile(filepath.Join(folder.Folder, log), nil, 0o644))
	keep := func() error {
		leg, err := c.Leg(t.Context(), w.plan, *w.job("lint"), nil, folder)
		require.NoError(t, err)
		return leg.Keep(ci.JobResult{Key: "lint", Conclusion: ci.Success, Log: log})
	}
	w.write("README.md", "other")
	require.NoError(t, keep(), "it does not read that file")
	w.write("src/a.go", "package x")
	w.write("src/a.go", "package a")
	require.ErrorIs(t, keep(), errChanged, "not even when it was changed back")
}

func TestADamagedEntryIsAMissAndLeavesNothing(t *testing.T) {
	damage := map[string]func(t *testing.T, folder string){
		"no JSON":         func(t *testing.T, f string) { put(t, filepath.Join(f, "entry.json"), "{") },
		"an empty file":   func(t *testing.T, f string) { put(t, filepath.Join(f, "entry.json"), "") },
		"an edited entry": func(t *testing.T, f string) { edit(t, filepath.Join(f, "entry.json")) },
		"an edited log":   func(t *testing.T, f string) { put(t, filepath.Join(f, "log"), "other") },
		"an edited file":  func(t *testing.T, f string) { put(t, filepath.Join(f, "artifacts/lint/out/result.txt"), "bad") },
		"a missing file":  func(t *testing.T, f string) { require.NoError(t, os.RemoveAll(filepath.Join(f, "artifacts"))) },
		"a missing log":   func(t *testing.T, f string) { require.NoError(t, os.Remove(filepath.Join(f, "log"))) },
		"an empty folder": func(t *testing.T, f string) {
			require.NoError(t, os.RemoveAll(f))
			require.NoError(t, os.Mkdir(f, 0o700))
		},
		"a truncated file": func(t *testing.T, f string) {
			require.NoError(t, os.Truncate(filepath.Join(f, "artifacts/lint/out/result.txt"), 1))
		},
	}
	for name, hurt := range damage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ran()
			s := &store{folder: Folder(w.local), now: time.Now}
			hurt(t, s.place(s.latest(w.plan.File, "lint")))
			c := w.open()
			folder, err := w.runs.Begin("ci.yml")
			require.NoError(t, err)
			leg, err := c.Leg(t.Context(), w.plan, *w.job("lint"), nil, folder)
			require.NoError(t, err)
			_, found := leg.Take(folder.Log("lint"))
			require.False(t, found)
			require.NoFileExists(t, filepath.Join(folder.Artifacts(), "lint", "out", "result.txt"))
			require.NoFileExists(t, filepath.Join(folder.Folder, folder.Log("lint")))
			require.Equal(t, "lint", w.ran(), "it runs, and is whole again")
			require.Empty(t, w.ran())
		})
	}
}

func TestRunsShareWhatTheyUploaded(t *testing.T) {
	w := newWorld(t)
	uploaded := func(run string) string {
		return filepath.Join(w.runs.Root, "ci", run, "artifacts", "lint", "out", "result.txt")
	}
	w.ran()
	require.Empty(t, w.ran())
	first, err := os.Stat(uploaded("1"))
	require.NoError(t, err)
	second, err := os.Stat(uploaded("2"))
	require.NoError(t, err)
	require.True(t, os.SameFile(first, second), "served twice, it takes its room once")
	require.EqualValues(t, 0o750, second.Mode().Perm())

	require.NoError(t, os.Remove(uploaded("2")))
	put(t, uploaded("2"), "another")
	require.Empty(t, w.ran(), "who replaces a run's file leaves the others' as they were")
	put(t, uploaded("3"), "edited")
	require.Equal(t, "lint", w.ran(), "who edits one in its place is found out")
	require.Empty(t, w.ran())
}

func put(t *testing.T, file, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
}

func edit(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	content[len(content)/2] ^= 1
	put(t, file, string(content))
}

func TestTakeLatestAndWhy(t *testing.T) {
	w := newWorld(t)
	w.ran()
	w.write("src/a.go", "package other")
	w.facts.Secrets["TOKEN"] = "new"
	c := w.open()
	folder, err := w.runs.Begin("ci.yml")
	require.NoError(t, err)
	cached, err := c.Leg(t.Context(), w.plan, *w.job("lint"), nil, folder)
	require.NoError(t, err)
	leg := cached.(*Leg)
	require.False(t, leg.Has())
	require.Equal(t, "changed since run 1: files, secrets", leg.Why())
	result, found := leg.TakeLatest(folder.Log("lint"))
	require.True(t, found)
	require.Equal(t, "1", result.Cached)
	cached, err = c.Leg(t.Context(), w.plan, ci.Job{Key: "new"}, nil, folder)
	require.NoError(t, err)
	require.Equal(t, "it has not passed before", cached.(*Leg).Why())
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	w.ran()
	s := &store{folder: Folder(w.local), now: time.Now}
	for i, key := range []string{"all", "lint", "build", "deploy"} {
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		require.NoError(t, os.Chtimes(s.place(s.latest(w.plan.File, key)), at, at))
	}
	require.NoError(t, s.prune(9*time.Hour+30*time.Minute, KeepBytes))
	require.Equal(t, "all", w.ran(), "what is old goes, and what is used is not old")
	one := folderBytes(s.place(s.latest(w.plan.File, "build")))
	at := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(s.place(s.latest(w.plan.File, "build")), at, at))
	require.NoError(t, s.prune(KeepFor, one+one/2))
	require.Equal(t, "all lint deploy", w.ran(), "the one that was used last stays")
	left, err := os.ReadDir(filepath.Join(s.folder, "new"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestNoSecretIsWritten(t *testing.T) {
	w := newWorld(t)
	w.facts.Secrets["TOKEN"] = "hunter2hunter2"
	w.facts.Env["KEY"] = "swordfish"
	w.ran()
	require.NoError(t, filepath.WalkDir(Folder(w.local), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		require.NotContains(t, string(content), "hunter2")
		require.NotContains(t, string(content), "swordfish")
		return err
	}))
}
