package cache

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
)

// TestNothingAffectedIsServedAndNothingElseRuns changes a world at random, one or
// more things at a time, and runs it after each. Each leg really reads its inputs
// and its output tells all of them: a served leg whose output is not what
// running it would give is a stale hit, and a leg that runs though it would come
// to what it came to just before is a needless one.
func TestNothingAffectedIsServedAndNothingElseRuns(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(t)
			last := map[string]string{}
			served, ran := 0, 0
			for step := range 40 {
				var did []string
				for range random.IntN(3) {
					name := slices.Sorted(maps.Keys(mutations))[random.IntN(len(mutations))]
					mutations[name](w, random)
					did = append(did, name)
				}
				results := w.run(func(job ci.Job, needs map[string]ci.JobResult, folder *artifacts.Run) ci.JobResult {
					return w.pass(job, folder, w.truth(job, needs, folder))
				})
				for _, job := range w.plan.Jobs {
					// What it would come to now, its needs being what they are.
					needs := map[string]ci.JobResult{}
					for key := range ancestors(w.plan, job) {
						needs[key] = results[key]
					}
					want := w.truth(job, needs, nil)
					got := results[job.Key].Outputs["from"]
					require.Equal(t, want, got, "step %d: after %v, %s is stale", step, did, job.Key)
					if results[job.Key].Cached != "" {
						served++
						continue
					}
					ran++
					require.NotEqual(t, last[job.Key], want, "step %d: after %v, %s runs for nothing", step, did, job.Key)
				}
				for _, job := range w.plan.Jobs {
					last[job.Key] = results[job.Key].Outputs["from"]
				}
			}
			require.Greater(t, served, 20)
			require.Greater(t, ran, 20)
		})
	}
}

// truth is what the leg reads, told by hand and not by the code under test.
func (w *world) truth(job ci.Job, needs map[string]ci.JobResult, folder *artifacts.Run) string {
	var facts []string
	say := func(format string, args ...any) { facts = append(facts, fmt.Sprintf(format, args...)) }
	declared := map[string]func(name string) bool{
		"all": func(string) bool { return true },
		"lint": func(name string) bool {
			return strings.HasPrefix(name, "src/") && !strings.HasSuffix(name, ".md") || name == "hack/lint.sh"
		},
		"build":  func(name string) bool { return strings.HasPrefix(name, "docs/") },
		"deploy": func(name string) bool { return strings.HasPrefix(name, "docs/") },
	}[job.ID]
	require.NoError(w.t, filepath.WalkDir(w.root, func(file string, d os.DirEntry, err error) error {
		name, _ := filepath.Rel(w.root, file)
		if name == ".git" {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".log") || !declared(name) {
			return err
		}
		info, err := os.Lstat(file)
		require.NoError(w.t, err)
		if to, err := os.Readlink(file); err == nil {
			say("%s -> %s", name, to)
			return nil
		}
		content, err := os.ReadFile(file)
		say("%s %o %s", name, info.Mode().Perm(), content)
		return err
	}))
	say("%s %v %s %s", job.Definition, job.Matrix, w.plan.Event, w.facts.Version)
	say("%s %s %v", w.facts.Runner, w.facts.Env["CI"], w.facts.Event)
	if job.ID == "lint" {
		say("%s %s", w.facts.Secrets["TOKEN"], w.inTool("tool"))
	}
	if job.ID == "all" {
		head, err := os.ReadFile(filepath.Join(w.root, ".git/refs/heads/main"))
		require.NoError(w.t, err)
		say("%s", head)
	}
	say("%s", w.inTool("go"))
	called, err := os.ReadFile(filepath.Join(w.system, "bin", "called-by-scripts"))
	require.NoError(w.t, err)
	say("%s %v", called, w.facts.Installed)
	if job.ID == "build" {
		say("%s %s %s", w.images["node:20"], w.images["postgres:17"], w.facts.Servers)
	}
	for _, key := range slices.Sorted(maps.Keys(needs)) {
		say("%s %s", key, needs[key].Outputs["from"])
		if folder != nil { // what it downloads is what the need's output tells
			content, err := os.ReadFile(filepath.Join(folder.Artifacts(), key, "out", "result.txt"))
			require.NoError(w.t, err)
			require.Equal(w.t, needs[key].Outputs["from"], string(content))
		}
	}
	return digest(facts...)
}

func (w *world) inTool(name string) string {
	content, err := os.ReadFile(filepath.Join(w.local, "bin", name))
	require.NoError(w.t, err)
	return string(content)
}

// files are the names that mutations play with: few, so that they meet again.
var files = []string{"src/a.go", "src/b.go", "src/notes.md", "docs/index.md", "docs/x/y.md", "hack/lint.sh", "README.md", "src/deep/c.go"}

func pick(random *rand.Rand, list []string) string { return list[random.IntN(len(list))] }

// mutations are all kinds of change. Contents have one length and few values, so
// that sizes tell nothing and earlier states come back.
var mutations = map[string]func(w *world, random *rand.Rand){
	"write": func(w *world, random *rand.Rand) {
		name := pick(random, files)
		require.NoError(w.t, os.RemoveAll(filepath.Join(w.root, name))) // it may be a link
		w.write(name, fmt.Sprintf("content %d", random.IntN(3)))
	},
	"write in place": func(w *world, random *rand.Rand) {
		file := filepath.Join(w.root, "src/a.go")
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			require.NoError(w.t, os.WriteFile(file, fmt.Appendf(nil, "content %d", random.IntN(3)), 0o644))
			require.NoError(w.t, os.Chtimes(file, info.ModTime(), info.ModTime()))
		}
	},
	"delete": func(w *world, random *rand.Rand) { _ = os.Remove(filepath.Join(w.root, pick(random, files))) },
	"rename": func(w *world, random *rand.Rand) {
		_ = os.Rename(filepath.Join(w.root, pick(random, files)), filepath.Join(w.root, pick(random, files)))
	},
	"link": func(w *world, random *rand.Rand) {
		file := filepath.Join(w.root, pick(random, files))
		_ = os.Remove(file)
		_ = os.Symlink(fmt.Sprintf("to%d", random.IntN(2)), file)
	},
	"mode": func(w *world, random *rand.Rand) {
		file := filepath.Join(w.root, pick(random, files))
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			require.NoError(w.t, os.Chmod(file, os.FileMode(0o644+0o111*random.IntN(2))))
		}
	},
	"ignored": func(w *world, random *rand.Rand) { w.write("src/out.log", fmt.Sprint(random.IntN(9))) },
	"stage":   func(w *world, _ *rand.Rand) { w.git("add", "-A") },
	"commit": func(w *world, random *rand.Rand) {
		w.git("add", "-A")
		w.git("commit", "-q", "--allow-empty", "-m", fmt.Sprint(random.Uint64()))
	},
	"definition": func(w *world, random *rand.Rand) {
		job := &w.plan.Jobs[random.IntN(len(w.plan.Jobs))]
		job.Definition = strings.TrimSuffix(strings.TrimSuffix(job.Definition, " --one"), " --two") + pick(random, []string{"", " --one", " --two"})
	},
	"matrix": func(w *world, random *rand.Rand) {
		w.plan.Jobs[random.IntN(len(w.plan.Jobs))].Matrix = map[string]any{"v": random.IntN(2)}
	},
	"line":        func(w *world, random *rand.Rand) { w.plan.Jobs[random.IntN(len(w.plan.Jobs))].Line = random.IntN(99) },
	"event":       func(w *world, random *rand.Rand) { w.plan.Event = pick(random, []string{"push", "pull_request"}) },
	"input":       func(w *world, random *rand.Rand) { w.facts.Event["level"] = pick(random, []string{"info", "debug"}) },
	"environment": func(w *world, random *rand.Rand) { w.facts.Env["CI"] = pick(random, []string{"true", "1"}) },
	"secret": func(w *world, random *rand.Rand) {
		w.facts.Secrets["TOKEN"] = pick(random, []string{"one", "two", "six"})
	},
	"another secret": func(w *world, random *rand.Rand) { w.facts.Secrets["OTHER"] = pick(random, []string{"one", "two"}) },
	"version":        func(w *world, random *rand.Rand) { w.facts.Version = pick(random, []string{"1.0", "1.1"}) },
	"runner":         func(w *world, random *rand.Rand) { w.facts.Runner = pick(random, []string{"host", "container"}) },
	"a moved image": func(w *world, random *rand.Rand) {
		w.images[pick(random, []string{"node:20", "postgres:17", "another"})] = pick(random, []string{"sha256:1", "sha256:2"})
	},
	"the environment's servers": func(w *world, random *rand.Rand) { w.facts.Servers = pick(random, []string{"17", "15"}) },
	"a tool beside": func(w *world, random *rand.Rand) {
		w.facts.Installed = []string{pick(random, []string{"java 21", "java 25"})}
	},
	"a tool that scripts call": func(w *world, random *rand.Rand) {
		version := pick(random, []string{"1", "2"})
		if content, err := os.ReadFile(filepath.Join(w.system, "bin", "called-by-scripts")); err == nil && string(content) != version {
			w.systemTool(version)
		}
	},
	"a tool":         func(w *world, random *rand.Rand) { w.setTool("tool", pick(random, []string{"1", "2"})) },
	"a tool for all": func(w *world, random *rand.Rand) { w.setTool("go", pick(random, []string{"1", "2"})) },
}

// setTool leaves a tool that has the version already as it is: another file with
// the same content is another tool.
func (w *world) setTool(name, version string) {
	if !strings.Contains(w.inTool(name), "echo "+version+"\n") {
		w.tool(name, version)
	}
}
