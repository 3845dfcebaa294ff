// Package ci runs workflows for real, on this machine, and checks what came of
// them: a corpus of small ones that cover what real ones use, and the scenarios
// TC-018 to TC-020.
package ci

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/pipeline"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

var update = flag.Bool("update", false, "rewrite the golden plans")

// expectation is a case's expect.yml.
type expectation struct {
	Event   string            `json:"event"`
	Inputs  map[string]string `json:"inputs"`
	Secrets map[string]string `json:"secrets"`
	// After are files as they are changed after the commit; null removes one.
	After map[string]*string `json:"after"`
	// Error is a pattern of what reading the workflow must complain about.
	Error string `json:"error"`
	// PlanOnly leaves out the run, for what needs an engine.
	PlanOnly bool `json:"planOnly"`
	// Names looks jobs up by their names instead of their keys.
	Names      bool           `json:"names"`
	Conclusion ci.Conclusion  `json:"conclusion"`
	Jobs       map[string]leg `json:"jobs"`
	// NotReproduced are words that the plan must list as not reproduced.
	NotReproduced []string `json:"notReproduced"`
	// Apart are jobs that must not run at the same time.
	Apart [][]string `json:"apart"`
	// Untouched are files that must not turn up in the developer's tree.
	Untouched []string `json:"untouched"`
}

// leg is what is expected of one leg.
type leg struct {
	Conclusion  ci.Conclusion            `json:"conclusion"`
	Reason      string                   `json:"reason"`
	Outputs     map[string]string        `json:"outputs"`
	Steps       map[string]ci.Conclusion `json:"steps"`
	Outcomes    map[string]ci.Conclusion `json:"outcomes"`
	Log         []string                 `json:"log"`
	NotInLog    []string                 `json:"notInLog"`
	Annotations []string                 `json:"annotations"`
	Artifacts   []string                 `json:"artifacts"`
	// After are jobs that must have ended before this one starts.
	After []string `json:"after"`
	// Says is a text of the log, of the reason or of an annotation.
	Says string `json:"says"`
}

func TestMain(m *testing.M) {
	_ = os.Setenv("PAWSKIND_TEST_LEAK", "it leaks") // environment-is-clean looks for it
	os.Exit(m.Run())
}

func TestCorpus(t *testing.T) {
	cases, err := filepath.Glob("corpus/*/workflow.yml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(cases), 25)
	for _, file := range cases {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			var want expectation
			content, err := os.ReadFile(filepath.Join(folder, "expect.yml"))
			require.NoError(t, err)
			require.NoError(t, yaml.UnmarshalStrict(content, &want))
			check(t, folder, want)
		})
	}
}

func check(t *testing.T, folder string, want expectation) {
	t.Helper()
	name := ".github/workflows/" + filepath.Base(folder) + ".yml"
	r := newRepo(t)
	if _, err := os.Stat(filepath.Join(folder, "files")); err == nil {
		require.NoError(t, os.CopyFS(r.folder, os.DirFS(filepath.Join(folder, "files"))))
	}
	content, err := os.ReadFile(filepath.Join(folder, "workflow.yml"))
	require.NoError(t, err)
	r.write(name, string(content))
	if filepath.Base(folder) == "tree" {
		require.NoError(t, os.Chmod(filepath.Join(r.folder, "run.sh"), 0o755))
	}
	r.commit()
	for file, text := range want.After {
		if text == nil {
			require.NoError(t, os.Remove(filepath.Join(r.folder, file)))
			continue
		}
		r.write(file, *text+"\n")
	}
	event := want.Event
	if event == "" {
		event = "push"
	}
	plan, err := workflow.Read(r.folder, name, event, want.Inputs)
	if want.Error != "" {
		require.Error(t, err)
		require.Regexp(t, regexp.MustCompile("(?i)"+want.Error), err.Error())
		return
	}
	require.NoError(t, err)
	golden(t, filepath.Join(folder, "plan.json"), plan)
	for _, word := range want.NotReproduced {
		require.True(t, slices.ContainsFunc(plan.NotReproduced, func(n ci.Notice) bool { return n.What == word && n.Line > 0 }), "%s: %v", word, plan.NotReproduced)
	}
	if want.PlanOnly {
		return
	}
	result := r.run(plan, pipeline.Options{Event: event, Inputs: want.Inputs, Secrets: want.Secrets})
	judge(t, r, result, want)
}

func golden(t *testing.T, file string, plan *ci.Plan) {
	t.Helper()
	got, err := json.MarshalIndent(plan, "", "  ")
	require.NoError(t, err)
	got = append(got, '\n')
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(content), string(got), "run: go test ./test/ci -update")
}

func judge(t *testing.T, r *repo, result ci.Result, want expectation) {
	t.Helper()
	jobs := map[string]ci.JobResult{}
	for _, j := range result.Jobs {
		key := j.Key
		if want.Names {
			key = j.Name
		}
		jobs[key] = j
	}
	if want.Conclusion == "" {
		want.Conclusion = ci.Success
	}
	for key, leg := range want.Jobs {
		j, found := jobs[key]
		require.True(t, found, "there is no job %q in %v", key, result.Jobs)
		leg.judge(t, key, j, r.log(result, j))
		for _, before := range leg.After {
			require.False(t, jobs[before].Ended.After(j.Started), "%s starts before %s has ended", key, before)
		}
	}
	require.Equal(t, want.Conclusion, result.Conclusion)
	for _, pair := range want.Apart {
		a, b := jobs[pair[0]], jobs[pair[1]]
		require.True(t, !a.Ended.After(b.Started) || !b.Ended.After(a.Started), "%v ran at the same time", pair)
	}
	for _, file := range want.Untouched {
		require.NoFileExists(t, filepath.Join(r.folder, file))
	}
	require.FileExists(t, filepath.Join(result.Folder, "report.html"))
}

func (want leg) judge(t *testing.T, key string, j ci.JobResult, log string) {
	t.Helper()
	if want.Conclusion == "" {
		want.Conclusion = ci.Success
	}
	require.Equal(t, want.Conclusion, j.Conclusion, "%s: %s\n%s", key, j.Reason, log)
	require.Contains(t, j.Reason, want.Reason, key)
	for name, value := range want.Outputs {
		require.Equal(t, value, j.Outputs[name], "%s: output %s\n%s", key, name, log)
	}
	conclusions, outcomes := map[string]ci.Conclusion{}, map[string]ci.Conclusion{}
	for _, s := range j.Steps {
		conclusions[s.Name], outcomes[s.Name] = s.Conclusion, s.Outcome
	}
	for name, conclusion := range want.Steps {
		require.Equal(t, conclusion, conclusions[name], "%s: step %s of %v\n%s", key, name, conclusions, log)
	}
	for name, outcome := range want.Outcomes {
		require.Equal(t, outcome, outcomes[name], "%s: outcome of %s", key, name)
	}
	for _, text := range want.Log {
		require.Contains(t, log, text, key)
	}
	for _, text := range want.NotInLog {
		require.NotContains(t, log, text, key)
	}
	for _, name := range want.Artifacts {
		require.Contains(t, j.Artifacts, name, key)
	}
	var said []string
	for _, a := range j.Annotations {
		said = append(said, annotationText(a))
	}
	for _, text := range want.Annotations {
		require.Contains(t, said, text, key)
	}
	if want.Says != "" {
		require.Contains(t, strings.Join(append(said, j.Reason, log), "\n"), want.Says)
	}
}
