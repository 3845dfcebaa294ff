package view

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

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

var zero = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }

// story is a run with everything in it: a job from the cache, one that fails, one
// that is skipped for it, one that still runs when half is told.
func story() []ci.Event {
	plan := &ci.Plan{File: ".github/workflows/ci.yml", Name: "ci", Event: "push", Jobs: []ci.Job{
		{Key: "lint", Steps: []string{"Check out", "Lint"}},
		{Key: "unit (1.26)", Steps: []string{"Check out", "Test"}},
		{Key: "docs", Steps: []string{"Spell"}},
		{Key: "deploy", Needs: []string{"lint", "unit (1.26)"}, Steps: []string{"Ship"}},
	}}
	remark := ci.Annotation{Level: "error", File: "main.go", Line: 3, Column: 7, Message: "undefined: x\nmore", Step: "Lint"}
	result := &ci.Result{
		Workflow: "ci", Started: at(0), Ended: at(70), Conclusion: ci.Failure,
		Jobs: []ci.JobResult{
			{Key: "lint", Conclusion: ci.Failure, Started: at(1), Ended: at(5), Steps: make([]ci.StepResult, 2), Annotations: []ci.Annotation{remark}},
			{Key: "unit (1.26)", Conclusion: ci.Success, Started: at(1), Ended: at(70), Steps: make([]ci.StepResult, 2)},
			{Key: "docs", Conclusion: ci.Success, Cached: "20260101-000000", Started: at(-60), Ended: at(-58)},
			{Key: "deploy", Conclusion: ci.Skipped, Reason: "lint failed"},
		},
		NotReproduced: []ci.Notice{{File: ".github/workflows/ci.yml", Line: 4, What: "permissions", Why: "no token is used here"}},
	}
	return []ci.Event{
		{Time: at(0), Kind: ci.RunStarted, Plan: plan},
		{Time: at(0.1), Kind: ci.JobEnded, Job: "docs", Conclusion: ci.Success, Cached: "20260101-000000"},
		{Time: at(1), Kind: ci.JobStarted, Job: "lint"},
		{Time: at(1), Kind: ci.JobStarted, Job: "unit (1.26)"},
		{Time: at(1), Kind: ci.StepStarted, Job: "lint", Step: "Check out"},
		{Time: at(2), Kind: ci.StepEnded, Job: "lint", Step: "Check out", Conclusion: ci.Success},
		{Time: at(2), Kind: ci.StepStarted, Job: "lint", Step: "Lint"},
		{Time: at(2), Kind: ci.StepStarted, Job: "unit (1.26)", Step: "Check out"},
		{Time: at(4), Kind: ci.Line, Job: "lint", Step: "Lint", Text: "main.go:3:7: undefined: x"},
		{Time: at(4), Kind: ci.Annotated, Job: "lint", Step: "Lint", Annotation: &remark},
		{Time: at(5), Kind: ci.StepEnded, Job: "lint", Step: "Lint", Conclusion: ci.Failure},
		{Time: at(5), Kind: ci.JobEnded, Job: "lint", Conclusion: ci.Failure},
		{Time: at(5), Kind: ci.JobEnded, Job: "deploy", Conclusion: ci.Skipped, Text: "lint failed"},
		{Time: at(70), Kind: ci.JobEnded, Job: "unit (1.26)", Conclusion: ci.Success},
		{Time: at(70), Kind: ci.RunEnded, Conclusion: ci.Failure, Result: result},
	}
}

func tell(style Style, events []ci.Event) (*View, *bytes.Buffer) {
	time.Local = time.UTC
	var out bytes.Buffer
	v := newWith(&out, style, func() time.Time { return at(9) })
	for _, e := range events {
		v.Tell(e)
	}
	return v, &out
}

func TestPlainLines(t *testing.T) {
	_, out := tell(Style{Symbols: true}, story())
	golden(t, "plain.txt", out.String())
	_, out = tell(Style{Verbose: true}, story())
	golden(t, "plain-verbose-ascii.txt", out.String())
}

func TestTree(t *testing.T) {
	v, _ := tell(Style{}, story()[:11])
	golden(t, "tree.txt", strings.Join(v.tree.lines(Style{Symbols: true, Width: 60}, at(9)), "\n")+"\n")
	golden(t, "tree-ascii.txt", strings.Join(v.tree.lines(Style{}, at(9)), "\n")+"\n")
}

func TestTreeFitsTheTerminal(t *testing.T) {
	v, _ := tell(Style{}, story()[:11])
	for height := 4; height < 12; height++ {
		lines := v.tree.lines(Style{Width: 24, Height: height, Symbols: true}, at(9))
		require.LessOrEqual(t, len(lines), height-1)
		for _, line := range lines {
			require.LessOrEqual(t, len([]rune(line)), 24, line)
		}
	}
}

func TestTerminalIsLeftClean(t *testing.T) {
	_, out := tell(Style{Terminal: true, Symbols: true}, story())
	require.NotContains(t, out.String(), "\x1b[3", "no colours unless asked for")
	require.True(t, strings.HasSuffix(out.String(), "\r\x1b[J"))
	up, down := strings.Count(out.String(), "A\r"), strings.Count(out.String(), "\x1b[J")
	require.Equal(t, down-1, up, "each drawing but the first goes over the one before")
}

func TestColours(t *testing.T) {
	v, _ := tell(Style{}, story())
	lines := strings.Join(v.tree.lines(Style{Colour: true, Symbols: true}, at(70)), "\n")
	require.Contains(t, lines, "\x1b[31m✗\x1b[0m")
	require.Contains(t, lines, "\x1b[32m≡\x1b[0m")
}

func TestSummary(t *testing.T) {
	v, _ := tell(Style{Symbols: true, Quiet: true}, story())
	var out bytes.Buffer
	v.Summary(&out, *v.tree.result)
	golden(t, "summary.txt", out.String())
	v, _ = tell(Style{Quiet: true}, story())
	out.Reset()
	v.Summary(&out, *v.tree.result)
	golden(t, "summary-ascii.txt", out.String())
}

func TestQuietTellsNothingBeforeTheEnd(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		_, out := tell(Style{Quiet: true, Terminal: terminal}, story())
		require.Empty(t, out.String())
	}
}

func TestOnlyTheLastLinesOfAFailureAreShown(t *testing.T) {
	v, _ := tell(Style{Quiet: true}, story()[:9])
	for range 100 {
		v.Tell(ci.Event{Kind: ci.Line, Job: "lint", Step: "Lint", Text: "again"})
	}
	require.Len(t, v.tree.job("lint").step("Lint").tail, tailLength)
}

func TestUnknownJobsAreNoTrouble(t *testing.T) {
	for _, kind := range []ci.EventKind{ci.JobStarted, ci.StepStarted, ci.Line, ci.StepEnded, ci.JobEnded} {
		tell(Style{Verbose: true}, []ci.Event{{Kind: ci.RunStarted, Plan: &ci.Plan{}}, {Kind: kind, Job: "ghost"}})
	}
}

func TestJSONIsOneEventALine(t *testing.T) {
	var out bytes.Buffer
	say := Several(JSON(&out))
	for _, e := range story() {
		say(e)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, len(story()))
	for i, line := range lines {
		var e ci.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Equal(t, story()[i], e)
	}
}

func TestPlan(t *testing.T) {
	var out bytes.Buffer
	plan := *story()[0].Plan
	plan.Jobs[3].Services, plan.Jobs[3].Timeout = []ci.Service{{Name: "postgres"}}, 90*time.Second
	Plan(&out, Style{}, plan, true)
	golden(t, "plan.txt", out.String())
}

func TestRedrawingStops(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, Style{Terminal: true})
	stop := v.Live()
	v.Tell(story()[0])
	stop()
	stop()
	require.Equal(t, 0, v.drawn)
}
