package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func judged(verdict Verdict, tallies ...Tally) JudgedRun {
	return JudgedRun{Run: Run{System: Postgres}, Judgement: Judgement{Verdict: verdict, Tallies: tallies}}
}

func TestTheWorstVerdictCounts(t *testing.T) {
	cases := []struct {
		verdicts []Verdict
		worst    Verdict
	}{
		{nil, Void},
		{[]Verdict{Passed, Passed}, Passed},
		{[]Verdict{Passed, Bounded, Passed}, Bounded},
		{[]Verdict{Bounded, NotRecovered}, NotRecovered},
		{[]Verdict{Inconsistent, NotRecovered}, Inconsistent},
		{[]Verdict{Inconsistent, Lost, Passed}, Lost},
		{[]Verdict{SplitBrain, Lost}, SplitBrain},
		{[]Verdict{Void, SplitBrain}, Void},
		{[]Verdict{Passed, "of another version"}, Void},
	}
	for _, c := range cases {
		var runs []JudgedRun
		for _, verdict := range c.verdicts {
			runs = append(runs, judged(verdict))
		}
		require.Equal(t, c.worst, Summarise("s", "S", runs).Verdict, c.verdicts)
	}
}

func TestPercentilesAreByNearestRank(t *testing.T) {
	upTo := func(n int) []float64 {
		var values []float64
		for i := n; i > 0; i-- {
			values = append(values, float64(i))
		}
		return values
	}
	require.Equal(t, Distribution{}, distributionOf(nil))
	require.Equal(t, Distribution{N: 1, P50: 1, P95: 1, Max: 1}, distributionOf(upTo(1)))
	require.Equal(t, Distribution{N: 2, P50: 1, P95: 2, Max: 2}, distributionOf(upTo(2)))
	require.Equal(t, Distribution{N: 20, P50: 10, P95: 19, Max: 20}, distributionOf(upTo(20)))
	require.Equal(t, Distribution{N: 100, P50: 50, P95: 95, Max: 100}, distributionOf(upTo(100)))
}

func TestSummarise(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	runs := []JudgedRun{
		judged(Passed,
			Tally{System: Postgres, Route: multiHost, Attempts: 9, WriteGap: 2, ReadGap: 1},
			Tally{System: Postgres, Route: replicaRoute, ReadGap: 0.25}),
		judged(Passed, Tally{System: Postgres, Route: multiHost, Attempts: 9, WriteGap: 4}),
	}
	runs[0].Began = began
	runs[0].Judgement.Phases = []Phase{{Detection, 0, 1.5}, {LeaseExpiry, -1, -1}, {Election, 1.5, 1.75}}
	runs[1].Judgement.Phases = []Phase{{Detection, 0, 0.5}}

	result := Summarise("leader-killed", "Leader killed", runs)
	require.Equal(t, "leader-killed", result.Scenario)
	require.Equal(t, "Leader killed", result.Title)
	require.Equal(t, began, result.Began)
	require.Equal(t, runs, result.Runs)
	require.Equal(t, map[string]Distribution{"postgres/multi-host URL": {2, 2, 4, 4}}, result.WriteGap)
	require.Equal(t, map[string]Distribution{
		"postgres/multi-host URL": {1, 1, 1, 1}, "postgres/replica": {1, 0.25, 0.25, 0.25},
	}, result.ReadGap)
	require.Equal(t, map[string]Distribution{
		Detection: {2, 0.5, 1.5, 1.5}, Election: {1, 0.25, 0.25, 0.25},
	}, result.Phases)
}
