package compare

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var zero = time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }

func job(key string, from, to float64, c ci.Conclusion, steps ...string) ci.JobResult {
	j := ci.JobResult{Key: key, Name: key, Conclusion: c, Started: at(from), Ended: at(to)}
	for _, s := range steps {
		j.Steps = append(j.Steps, ci.StepResult{Name: s, Outcome: ci.Success, Conclusion: ci.Success, Started: at(from), Ended: at(to)})
	}
	return j
}

func local() ci.Result {
	docs := job("docs", -100, -90, ci.Success, "Run make docs")
	docs.Cached = "20260101-000000"
	return ci.Result{ID: "20260102-040000", Started: at(0), Ended: at(60), Conclusion: ci.Success, Jobs: []ci.JobResult{
		job("lint", 0, 12, ci.Success, "Run actions/checkout@v4", "Run make lint"),
		job("unit (1.25)", 12, 40, ci.Success, "Run actions/checkout@v4", "Test"),
		job("unit (1.26)", 12, 41, ci.Success, "Run actions/checkout@v4", "Test", "Upload the coverage", "Post Run actions/checkout@v4"),
		docs,
		job("deploy", 41, 60, ci.Success, "Ship"),
	}}
}

func fixture(t *testing.T) Remote {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "remote.json"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	remote, err := Read(file)
	require.NoError(t, err)
	return remote
}

func TestComparison(t *testing.T) {
	c := Runs(local(), fixture(t))
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(c))
	for _, row := range c.Table() {
		out.WriteString(strings.Join(row, " | ") + "\n")
	}
	file := filepath.Join("testdata", "comparison.txt")
	if *update {
		require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

// remoteOf is the remote on which everything went as here.
func remoteOf(r ci.Result) Remote {
	var remote Remote
	for _, j := range r.Jobs {
		there := Job{Name: j.Name, Conclusion: j.Conclusion, Started: j.Started.Add(time.Hour), Ended: j.Ended.Add(time.Hour + time.Minute)}
		there.Steps = append(there.Steps, Step{Name: "Set up job", Conclusion: ci.Success})
		for _, s := range j.Steps {
			there.Steps = append(there.Steps, Step{Name: s.Name, Conclusion: s.Conclusion})
		}
		remote.Jobs = append(remote.Jobs, there)
	}
	return remote
}

func TestAlike(t *testing.T) {
	c := Runs(local(), remoteOf(local()))
	require.True(t, c.Same)
	require.Empty(t, c.Differences)
}

func TestEachDifferenceIsSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*ci.Result, *Remote)
		kind   string
		text   string
		same   bool
	}{
		"job": {func(_ *ci.Result, r *Remote) { r.Jobs[0].Conclusion = ci.Cancelled }, Conclusions, "the job lint ended as success here and as cancelled on the remote", false},
		"step": {func(_ *ci.Result, r *Remote) { r.Jobs[0].Steps[2].Conclusion = ci.Skipped }, Conclusions,
			`the step "Run make lint" of lint ended as success here and as skipped on the remote`, false},
		"not ended":   {func(_ *ci.Result, r *Remote) { r.Jobs[0].Conclusion = "" }, Conclusions, "the job lint ended as success here and as not ended on the remote", false},
		"missing job": {func(l *ci.Result, _ *Remote) { l.Jobs = l.Jobs[1:] }, Missing, "the job lint is only on the remote (success)", false},
		"more jobs":   {func(_ *ci.Result, r *Remote) { r.Jobs = r.Jobs[1:] }, Missing, "the job lint is only here (success)", false},
		"missing step": {func(l *ci.Result, _ *Remote) { l.Jobs[0].Steps = l.Jobs[0].Steps[1:] }, Missing,
			`the step "Run actions/checkout@v4" of lint is only on the remote (success)`, false},
		"more steps": {func(_ *ci.Result, r *Remote) { r.Jobs[4].Steps = nil }, Missing, `the step "Ship" of deploy is only here (success)`, false},
		"order": {func(_ *ci.Result, r *Remote) { r.Jobs[0].Started, r.Jobs[0].Ended = at(9000), at(9001) }, Order,
			"here lint ran before unit (1.25), on the remote after it", true},
	} {
		t.Run(name, func(t *testing.T) {
			here, there := local(), remoteOf(local())
			tc.change(&here, &there)
			c := Runs(here, there)
			require.NotEmpty(t, c.Differences)
			require.Equal(t, tc.kind, c.Differences[0].Kind)
			require.Equal(t, tc.text, c.Differences[0].Text)
			require.Equal(t, tc.same, c.Same)
		})
	}
}

func TestPagesAndAttemptsAreJoined(t *testing.T) {
	remote, err := Read(strings.NewReader(`{"jobs":[{"name":"a","run_attempt":1,"conclusion":"failure"},{"name":"b","run_attempt":1,"conclusion":"timed_out"}]}
{"jobs":[{"name":"a","run_attempt":2,"conclusion":"success","startedAt":"2026-01-02T03:04:05Z","completedAt":"2026-01-02T03:04:06Z"}]}`))
	require.NoError(t, err)
	require.Len(t, remote.Jobs, 2)
	require.Equal(t, Job{Name: "b", Conclusion: ci.Failure}, remote.Jobs[0])
	require.Equal(t, ci.Success, remote.Jobs[1].Conclusion)
	require.Equal(t, time.Second, remote.Jobs[1].Ended.Sub(remote.Jobs[1].Started))
}

func TestWhatIsNoRunIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "no jobs": `{"total_count":0,"jobs":[]}`, "not JSON": "<html>", "cut short": `{"jobs":[{"name":"a"`,
		"an error": `{"message":"Not Found"}`, "nameless": `{"jobs":[{"conclusion":"success"}]}`,
	} {
		_, err := Read(strings.NewReader(content))
		require.Error(t, err, name)
	}
}
