package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/paws360/pawskind/internal/ci"
)

var (
	example = flag.String("example", "", "write the example's page to this folder, to be looked at")
	update  = flag.Bool("update", false, "rewrite the golden files")
)

var zero = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func job(key string, from, to float64, c ci.Conclusion, needs ...string) ci.JobResult {
	at := func(s float64) time.Time { return zero.Add(time.Duration(s * float64(time.Second))) }
	j := ci.JobResult{Key: key, ID: key, Name: key, Needs: needs, Conclusion: c, Started: at(from), Ended: at(to), Log: "logs/" + key + ".log"}
	for i, name := range []string{"Check out", "Set up", "Run"} {
		part := (to - from) / 3
		s := ci.StepResult{Name: name, Outcome: ci.Success, Conclusion: ci.Success, Started: at(from + float64(i)*part), Ended: at(from + float64(i+1)*part)}
		if i == 2 {
			s.Outcome, s.Conclusion = c, c
		}
		j.Steps = append(j.Steps, s)
	}
	return j
}

// pipeline has a job in every state, a matrix, a long edge and a superfluous one.
func pipeline() (ci.Result, *ci.Plan) {
	r := ci.Result{
		ID: "20260102-030405", File: ".github/workflows/ci.yml", Workflow: "ci", Event: "push", Commit: "0123456789abcdef0123", Dirty: true,
		Started: zero, Ended: zero.Add(95 * time.Second), Conclusion: ci.Failure,
		Jobs: []ci.JobResult{
			job("lint", 0.2, 14, ci.Success),
			job("unit (backend)", 0.3, 41, ci.Success, "lint"),
			job("unit (frontend)", 14, 33, ci.Failure, "lint"),
			job("unit (a long leg, ubuntu-latest, 1.26)", 14, 35, ci.Success, "lint"),
			job("docs", 0, 4, ci.Success),
			job("integration", 41, 94, ci.Cancelled, "unit (backend)", "lint"),
			job("build", 35, 60, ci.Success, "unit (backend)", "unit (a long leg, ubuntu-latest, 1.26)"),
			job("flaky", 60, 61, ci.Failure, "build"),
			{Key: "deploy", Conclusion: ci.Skipped, Needs: []string{"build", "unit (frontend)", "docs"}, Reason: "unit (frontend) failed"},
			{Key: "smoke", Conclusion: ci.Skipped, Needs: []string{"deploy"}, Reason: "deploy was skipped"},
		},
		NotReproduced: []ci.Notice{
			{File: ".github/workflows/ci.yml", Line: 4, What: "permissions", Why: "no token of the platform is used here"},
			{File: ".github/workflows/ci.yml", Line: 61, What: "environment", Why: "nobody is asked to approve"},
		},
	}
	r.Jobs[4].Cached = "20260101-101010"
	r.Jobs[7].ContinueOnError = true
	r.Jobs[6].Outputs, r.Jobs[6].Artifacts = map[string]string{"version": "1.2.3"}, []string{"jar", "site"}
	r.Jobs[2].Annotations = []ci.Annotation{
		{Level: "error", File: "src/app/page.tsx", Line: 12, Column: 7, Message: "Expected 3 rows, got 2", Title: "courses are listed", Step: "Run"},
		{Level: "warning", File: "src/lib/log.ts", Message: "unused variable", Step: "Run"},
		{Level: "notice", Message: "41 tests ran", Step: "Run"},
	}
	plan := &ci.Plan{File: r.File}
	for i, j := range r.Jobs {
		plan.Jobs = append(plan.Jobs, ci.Job{Key: j.Key, Line: 10 + 6*i})
	}
	return r, plan
}

func tail(j ci.JobResult) []string {
	if j.Conclusion != ci.Failure {
		return nil
	}
	return []string{"not ok 3 - courses are listed", "  <b>Expected 3 rows, got 2</b>", "##[error]Process completed with exit code 1."}
}

func written(t *testing.T, name string, r ci.Result, plan *ci.Plan) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, r, plan, tail))
	if *example != "" {
		require.NoError(t, os.WriteFile(filepath.Join(*example, name+".html"), b.Bytes(), 0o644))
	}
	_, err := html.Parse(bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	return b.String()
}

// body is the page without the style sheet, which the golden file need not repeat.
func body(text string) string {
	_, after, _ := strings.Cut(text, "</style>")
	return after
}

func TestPage(t *testing.T) {
	r, plan := pipeline()
	got := body(written(t, "pipeline", r, plan))
	file := filepath.Join("testdata", "pipeline.html")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestPageNeedsNothingButItself(t *testing.T) {
	r, plan := pipeline()
	text := written(t, "pipeline", r, plan)
	require.NotRegexp(t, regexp.MustCompile(`(?i)<script|<link|https?://|src=`), text)
}

func TestEveryStateShowsWithoutColour(t *testing.T) {
	r, plan := pipeline()
	text := written(t, "pipeline", r, plan)
	for _, words := range []string{"✓</text>", "ran, 25.0 s", "≡ cached: took 4.0 s in run 20260101-101010", "failed, allowed", "⊘</text>", "– skipped", "1 not reproduced here"} {
		require.Contains(t, text, words)
	}
}

func TestHostileTextsAreText(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&`
	r, plan := pipeline()
	for i := range r.Jobs {
		j := &r.Jobs[i]
		j.Key, j.Reason, j.Log = evil+fmt.Sprint(i), evil, "javascript:alert(1)"
		j.Outputs, j.Artifacts = map[string]string{evil: evil}, []string{evil}
		j.Annotations = []ci.Annotation{{Level: evil, File: evil, Message: evil, Title: evil, Step: evil}}
		for k := range j.Steps {
			j.Steps[k].Name = evil
		}
	}
	r.Workflow, r.Event, r.Commit, r.ID = evil, evil, evil, evil
	text := written(t, "hostile", r, plan)
	require.NotContains(t, text, "<script")
	require.NotContains(t, text, "<img")
	require.NotContains(t, text, `href="javascript`)
}

func TestOddRuns(t *testing.T) {
	r, _ := pipeline()
	require.NotContains(t, written(t, "no-plan", r, nil), "not reproduced:")
	require.Contains(t, written(t, "empty", ci.Result{Conclusion: ci.Skipped}, nil), "The run has no jobs.")
	one := ci.Result{Workflow: "one", Started: zero, Ended: zero.Add(time.Second), Conclusion: ci.Success, Jobs: []ci.JobResult{job("only", 0, 1, ci.Success, "missing", "only")}}
	require.Contains(t, written(t, "one", one, nil), "ran, 1.0 s")
	circle := ci.Result{Started: zero, Ended: zero.Add(time.Second), Jobs: []ci.JobResult{job("a", 0, 1, ci.Success, "b"), job("b", 0, 1, ci.Success, "a")}}
	require.Contains(t, written(t, "circle", circle, nil), "<svg")
}

func TestLayers(t *testing.T) {
	// 0 → 1 → 2 → 4, 0 → 2 (superfluous), 3 → 4 (long)
	all := layers([][]int{nil, {0}, {1, 0}, nil, {2, 3}})
	require.Len(t, all, 4)
	jobsOf := func(layer []item) (list []int) {
		for _, i := range layer {
			list = append(list, i.job)
		}
		return list
	}
	require.Equal(t, []int{0, 3}, jobsOf(all[0]))
	require.Equal(t, []int{1, -1}, jobsOf(all[1]))
	require.Equal(t, []int{2, -1}, jobsOf(all[2]))
	require.Equal(t, []int{4}, jobsOf(all[3]))
	require.Equal(t, []int{0}, all[2][0].from)
	require.Equal(t, []int{1}, all[2][1].from)
	require.ElementsMatch(t, []int{0, 1}, all[3][0].from)
}

func TestTimesAreRead(t *testing.T) {
	require.Equal(t, "1.5 s", took(zero, zero.Add(1500*time.Millisecond)))
	require.Equal(t, "2 min 05 s", took(zero, zero.Add(125*time.Second)))
	require.Equal(t, "–", took(time.Time{}, zero))
	for whole := 100 * time.Millisecond; whole < 100*time.Hour; whole = whole * 3 / 2 {
		require.LessOrEqual(t, whole/tick(whole), time.Duration(9), whole)
	}
	require.Equal(t, []string{"0.5 s", "20 s", "2 min", "1:30"}, []string{label(500 * time.Millisecond), label(20 * time.Second), label(2 * time.Minute), label(90 * time.Second)})
}
