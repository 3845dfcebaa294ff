package drillreport

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/paws360/pawskind/internal/drill"
)

var example = flag.String("example", "", "write the example's page to this file, to be looked at")

// leaderKill is a failover as it happens: three members, two routes, a gap of
// two seconds, one write of unknown fate.
func leaderKill() drill.Run {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	run := drill.Run{
		Scenario: "leader-kill", Number: 1, Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), System: drill.Postgres, Target: "patroni-1",
		Injected: ms(4000), Healed: ms(4100), Converged: ms(9000), Ended: ms(11000),
	}
	final := map[string][]drill.Row{}
	for _, route := range []string{"multi-host URL", "service"} {
		value := int64(0)
		for at := 100; at < 11000; at += 20 {
			value++
			o := drill.Operation{System: drill.Postgres, Route: route, Client: route, Kind: drill.Write, Value: value,
				Start: ms(at - 5), End: ms(at), Outcome: drill.Acknowledged}
			switch {
			case at == 4000:
				o.Outcome, o.Error = drill.Uncertain, "connection reset"
			case at > 4000 && at < 6000:
				o.Outcome, o.Error = drill.Failed, "connection refused"
			}
			if o.Outcome == drill.Acknowledged {
				final[route] = append(final[route], drill.Row{Client: route, Value: value, Count: 1})
			}
			run.Operations = append(run.Operations, o)
		}
	}
	for at := 0; at < 11000; at += 100 {
		for i := 1; i <= 3; i++ {
			s := drill.Sample{At: ms(at + i), System: drill.Postgres, Member: fmt.Sprintf("patroni-%d", i), Role: "replica", Term: 1, LagBytes: int64(at % 700)}
			switch {
			case i == 1 && at < 4000:
				s.Role, s.Writable, s.LagBytes = "leader", true, 0
			case i == 1 && at < 7500:
				s.Role, s.LagBytes = "", -1
			case i == 2 && at >= 5500:
				s.Role, s.Writable, s.Term = "leader", at >= 5900, 2
			}
			run.Samples = append(run.Samples, s)
		}
	}
	for i := 1; i <= 3; i++ {
		run.Finals = append(run.Finals, drill.Final{System: drill.Postgres, Member: fmt.Sprintf("patroni-%d", i), Authority: i == 2,
			Rows: append(append([]drill.Row{}, final["multi-host URL"]...), final["service"]...)})
	}
	return run
}

func written(t *testing.T, run drill.Run) string {
	t.Helper()
	result := drill.Summarise(run.Scenario, "PostgreSQL leader killed", []drill.JudgedRun{{Run: run, Judgement: drill.Judge(run)}})
	result.Environment, result.Profile, result.Machine = "paws360/paws360", "full", "2 CPUs, 24 GiB"
	var out bytes.Buffer
	require.NoError(t, Write(&out, result))
	return out.String()
}

func TestThePageTellsTheRun(t *testing.T) {
	text := written(t, leaderKill())
	if *example != "" {
		require.NoError(t, os.WriteFile(*example, []byte(text), 0o644))
	}
	for _, want := range []string{
		"PostgreSQL leader killed", "passed: nothing acknowledged was lost", "multi-host URL", "patroni-2: leads,", "no answer",
		"election", "<svg", "all well", "0 lost",
	} {
		require.Contains(t, text, want)
	}
	require.Equal(t, text, written(t, leaderKill()), "the same run gives the same page")
	require.Less(t, len(text), 300_000)
}

func TestThePageNeedsNothingElse(t *testing.T) {
	page, err := html.Parse(strings.NewReader(written(t, leaderKill())))
	require.NoError(t, err)
	for node := range page.Descendants() {
		require.NotEqual(t, "script", node.Data)
		for _, a := range node.Attr {
			require.NotContains(t, []string{"src", "href"}, a.Key)
		}
	}
}

func TestALossIsShown(t *testing.T) {
	run := leaderKill()
	for i := range run.Finals {
		run.Finals[i].Rows = run.Finals[i].Rows[1:]
	}
	text := written(t, run)
	require.Contains(t, text, `class="badge bad">✗ data-lost`)
	require.Contains(t, text, `<td class="alarm">1</td>`)
}

func TestHostileNamesAreText(t *testing.T) {
	run := leaderKill()
	for i := range run.Samples {
		run.Samples[i].Member += `"><script>alert(1)</script>`
	}
	run.Target = `<img src=x onerror=alert(1)>`
	text := written(t, run)
	require.NotContains(t, text, "<script>")
	require.NotContains(t, text, "<img")
}

func TestSpansJoinSamples(t *testing.T) {
	sample := func(at time.Duration, role string, writable bool) drill.Sample {
		return drill.Sample{At: at, Member: "m", Role: role, Writable: writable}
	}
	require.Equal(t, []span{{1, 3, "leads"}, {3, 4, "not writing"}, {4, 9, "no answer"}}, spans([]drill.Sample{
		sample(1, "leader", true), sample(2, "leader", true), {At: 2, Member: "other"}, sample(3, "leader", false), sample(4, "", false), sample(5, "", false),
	}, "m", 9))
}
