package drillreport

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/page"
)

var (
	example = flag.String("example", "", "write pages of examples to this folder, to be looked at")
	update  = flag.Bool("update", false, "rewrite the golden files")
)

func pageOf(t *testing.T, r drill.Result) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, r))
	return out.String()
}

func judged(runs ...drill.Run) drill.Result {
	var list []drill.JudgedRun
	for _, run := range runs {
		list = append(list, drill.JudgedRun{Run: run, Judgement: drill.Judge(run)})
	}
	result := drill.Summarise("leader-kill", "PostgreSQL leader killed", list)
	result.Environment, result.Profile, result.Machine = "paws360/paws360", "full", "2 CPUs, 24 GiB"
	return result
}

func written(t *testing.T, runs ...drill.Run) string {
	t.Helper()
	return pageOf(t, judged(runs...))
}

// keep writes a page for a person, when asked to.
func keep(t *testing.T, name, text string) {
	t.Helper()
	if *example != "" {
		require.NoError(t, os.WriteFile(filepath.Join(*example, name), []byte(text), 0o644))
	}
}

// without loses the first write of every client.
func without(run drill.Run) drill.Run {
	run.Number = 2
	for i, final := range run.Finals {
		if final.System == drill.Postgres {
			run.Finals[i].Rows = run.Finals[i].Rows[250:]
		}
	}
	return run
}

func TestThePageTellsTheRun(t *testing.T) {
	text := written(t, leaderKill())
	keep(t, "leader-kill.html", text)
	for _, want := range []string{
		"PostgreSQL leader killed", "passed: nothing acknowledged was lost", "multi-host URL", "patroni-2: leader, takes writes",
		"patroni-1: no answer", "redis-1", "etcd-3", "election", "<svg", "all well again", "0 lost", "replication lag", "write latency",
	} {
		require.Contains(t, text, want)
	}
	require.Equal(t, text, written(t, leaderKill()), "the same run gives the same page")
	require.Less(t, len(text), 120_000)
}

func TestTheSmallPageIsAsAgreed(t *testing.T) {
	golden := filepath.Join("testdata", "small.html")
	text := pageOf(t, small())
	keep(t, "small.html", text)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(text), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "look at the page, then run the test with -update")
}

func TestThePageNeedsNothingElse(t *testing.T) {
	for name, text := range map[string]string{"leader kill": written(t, leaderKill()), "small": pageOf(t, small())} {
		t.Run(name, func(t *testing.T) {
			page, err := html.Parse(strings.NewReader(text))
			require.NoError(t, err)
			for node := range page.Descendants() {
				if node.Type == html.ElementNode {
					require.NotContains(t, []string{"script", "link", "img", "iframe", "object", "image", "use"}, node.Data)
				}
				for _, a := range node.Attr {
					require.NotContains(t, []string{"src", "href", "xlink:href"}, a.Key)
				}
			}
			for _, foreign := range []string{"http:", "https:", "@import", "@font-face", `="//`} {
				require.NotContains(t, text, foreign)
			}
			require.NotContains(t, text, "NaN")
			require.NotContains(t, text, "ZgotmplZ")
			require.NotContains(t, text, "%!")
		})
	}
}

// The picture is written by hand; a parser of HTML would mend what is not whole.
func TestThePictureIsWhole(t *testing.T) {
	for _, run := range []drill.Run{leaderKill(), small().Runs[0].Run} {
		tokens := html.NewTokenizer(strings.NewReader(string(picture(drill.JudgedRun{Run: run, Judgement: drill.Judge(run)}))))
		var open []string
		for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
			name, _ := tokens.TagName()
			switch kind {
			case html.StartTagToken:
				open = append(open, string(name))
			case html.EndTagToken:
				require.Equal(t, string(name), open[len(open)-1])
				open = open[:len(open)-1]
			}
		}
		require.Empty(t, open)
	}
}

func TestALossIsShownAndItsRunIsOpen(t *testing.T) {
	text := written(t, leaderKill(), without(leaderKill()))
	keep(t, "lost.html", text)
	require.Contains(t, text, `class="badge bad"><span aria-hidden="true">✗</span> data lost`)
	require.Contains(t, text, `<td class="alarm">✗ 250</td>`)
	require.Contains(t, text, "and missing in the end")
	require.Equal(t, 1, strings.Count(text, "<details open>"))
	require.Greater(t, strings.Index(text, "<details open>"), strings.Index(text, "<details>"))
}

// A count of 0 lost says nothing when nobody could look.
func TestWhatWasNotReadIsNotCalledWhole(t *testing.T) {
	blind := leaderKill()
	blind.Number = 2
	for i := range blind.Finals {
		if blind.Finals[i].System == drill.Postgres {
			blind.Finals[i].Rows, blind.Finals[i].Error = nil, "timeout"
		}
	}
	text := written(t, blind)
	keep(t, "blind.html", text)
	require.Equal(t, 2, strings.Count(text, "? unknown: no leader was read in the end"), "both routes of PostgreSQL")
	require.Equal(t, 2, strings.Count(text, "? losses unknown;"))
	require.Equal(t, 2, strings.Count(text, "0 lost;"), "of Redis and etcd it is known")
	require.Contains(t, written(t, leaderKill(), blind), "0, ? unknown in 1 of 2")
}

func TestEveryVerdictHasWordsAndASign(t *testing.T) {
	for _, v := range []drill.Verdict{drill.Passed, drill.Bounded, drill.Lost, drill.SplitBrain, drill.Inconsistent, drill.NotRecovered, drill.Void} {
		b := badgeOf(v)
		require.NotEmpty(t, b.Sign)
		require.Greater(t, len(b.Text), len(v), "%s needs words", v)
	}
	require.Equal(t, page.Badge{Class: "bad", Sign: "✗", Text: "new"}, badgeOf("new"))
}

func TestHostileNamesAreText(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&`
	run := leaderKill()
	for i := range run.Samples {
		run.Samples[i].Member += evil
	}
	for i := range run.Operations {
		run.Operations[i].Route += evil
		run.Operations[i].Client += evil
		run.Operations[i].System += evil
	}
	run.Target = evil
	result := judged(run)
	result.Title, result.Scenario, result.Machine, result.Environment, result.Profile = evil, evil, evil, evil, evil
	j := &result.Runs[0].Judgement
	j.Reasons, j.Leaders, j.Verdict = []string{evil}, []string{evil}, evil
	j.Phases = []drill.Phase{{Name: evil, Begin: 0, End: 1}}
	j.Tallies = append(j.Tallies, drill.Tally{System: drill.Postgres + evil, Route: "Service" + evil, Lost: 1, LostExamples: []string{"postgres-2" + evil + ":150"}})
	text := pageOf(t, result)
	require.True(t, strings.Contains(text, "<title>postgres-2&#34;&gt;"), "the example of a lost write is drawn")
	require.NotContains(t, text, "<script")
	require.NotContains(t, text, "<img")
}

// A wait of five minutes in which everything changes all the time.
func TestAPageStaysSmall(t *testing.T) {
	run := drill.Run{Number: 1, System: drill.Postgres, Injected: ms(4000), Ended: 300 * time.Second}
	for at := 0; at < 300_000; at += 10 {
		for route := range 6 {
			run.Operations = append(run.Operations, drill.Operation{System: drill.Postgres, Route: fmt.Sprint(route), Client: fmt.Sprint(route),
				Kind: drill.Write, Value: int64(at), Start: ms(at), End: ms(at + at%97), Outcome: []drill.Outcome{drill.Acknowledged, drill.Failed, drill.Uncertain}[(at/2000+at/10)%3]})
		}
		if at%100 != 0 {
			continue
		}
		for i := range 9 {
			run.Samples = append(run.Samples, drill.Sample{At: ms(at), System: drill.Postgres, Member: fmt.Sprint("m", i), Role: []string{"leader", "replica", ""}[(at/100+i)%3], LagBytes: int64(at)})
		}
	}
	text := written(t, run)
	keep(t, "long.html", text)
	require.Contains(t, text, "at times leader", "a piece of a lane stands for more than it shows")
	require.Less(t, len(text), 300_000)
}

func TestARunThatSawNothingIsStillToldOf(t *testing.T) {
	for name, run := range map[string]drill.Run{
		"nothing at all": {Errors: []string{"no clients"}},
		"no fault":       {System: drill.Redis, Ended: ms(5000)},
		"no end":         {System: drill.Etcd, Injected: ms(1000)},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, written(t, run), "</html>")
		})
	}
	require.Contains(t, pageOf(t, drill.Result{Verdict: drill.Void}), "the drill itself failed")
}
