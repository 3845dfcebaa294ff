package drillreport

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/drill"
)

func TestTheWindowLiesAroundTheFault(t *testing.T) {
	for name, c := range map[string]struct {
		run        drill.Run
		begin, end time.Duration
	}{
		"a failover":         {drill.Run{Injected: ms(5000), Healed: ms(5100), Converged: ms(9000), Ended: ms(20000)}, ms(2000), ms(12000)},
		"soon and soon over": {drill.Run{Injected: ms(1000), Converged: ms(2000), Ended: ms(2500)}, 0, ms(2500)},
		"never well again":   {drill.Run{Injected: ms(5000), Healed: ms(6000), Ended: ms(90000)}, ms(2000), ms(90000)},
		"no fault":           {drill.Run{Ended: ms(7000)}, 0, ms(7000)},
		"cut short":          {drill.Run{Injected: ms(5000)}, ms(2000), ms(8000)},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, window{c.begin, c.end, c.run.Injected}, windowOf(c.run))
		})
	}
}

func TestStepsFitTheLength(t *testing.T) {
	for _, c := range []struct {
		length, least time.Duration
		most          int
		want          time.Duration
	}{
		{ms(3000), ms(500), 14, ms(500)},
		{ms(10000), ms(500), 14, ms(1000)},
		{ms(16000), ms(100), 160, ms(100)},
		{ms(16001), ms(100), 160, ms(200)},
		{60 * time.Second, ms(500), 14, 5 * time.Second},
		{150 * time.Second, ms(500), 14, 15 * time.Second},
		{10 * time.Minute, ms(500), 14, time.Minute},
		{200 * time.Hour, ms(500), 14, 1280 * time.Minute},
	} {
		require.Equal(t, c.want, stepOf(c.length, c.least, c.most), "%s in %d", c.length, c.most)
	}
}

func TestMomentsFallIntoSlots(t *testing.T) {
	s := window{begin: ms(1000), end: ms(1950)}.slots(ms(100), 160)
	require.Equal(t, 10, s.count())
	for _, c := range []struct {
		at     time.Duration
		slot   int
		within bool
	}{{ms(999), 0, false}, {ms(1000), 0, true}, {ms(1099), 0, true}, {ms(1100), 1, true}, {ms(1950), 9, true}, {ms(1951), 0, false}} {
		slot, within := s.at(c.at)
		require.Equal(t, c.within, within, "%s", c.at)
		require.Equal(t, c.slot, slot, "%s", c.at)
	}
	exact := window{end: ms(1000)}.slots(ms(100), 160)
	slot, within := exact.at(ms(1000))
	require.True(t, within)
	require.Equal(t, 9, slot, "the end is in the last slot")
}

func TestWritesAreCountedWhereTheyEnded(t *testing.T) {
	op := func(kind, route string, end int, outcome drill.Outcome) drill.Operation {
		return drill.Operation{System: drill.Redis, Route: route, Kind: kind, Start: 0, End: ms(end), Outcome: outcome}
	}
	list := buckets([]drill.Operation{
		op(drill.Write, "r", 50, drill.Acknowledged), op(drill.Write, "r", 99, drill.Acknowledged),
		op(drill.Write, "r", 100, drill.Failed), op(drill.Write, "r", 150, drill.Uncertain),
		op(drill.Write, "other", 150, drill.Failed), op(drill.Read, "r", 150, drill.Failed), op(drill.Write, "r", 500, drill.Failed),
	}, drill.Redis, "r", window{end: ms(400)}.slots(ms(100), 160))
	require.Equal(t, []outcomes{{2, 0, 0}, {0, 1, 1}, {}, {}}, list)
}

func TestStretchesJoinWhatIsAlike(t *testing.T) {
	list := stretches([]outcomes{{3, 0, 0}, {4, 0, 0}, {1, 1, 0}, {0, 2, 1}, {}, {}, {5, 0, 0}})
	require.Equal(t, []stretch{{0, 2, outcomes{7, 0, 0}}, {2, 4, outcomes{1, 3, 1}}, {4, 6, outcomes{}}, {6, 7, outcomes{5, 0, 0}}}, list)
	var texts []string
	for _, s := range list {
		texts = append(texts, s.text())
	}
	require.Equal(t, []string{"7 acknowledged", "1 acknowledged, 3 failed, 1 unknown", "nothing ended", "5 acknowledged"}, texts)
	require.Empty(t, stretches(nil))
	require.Empty(t, list[0].labels())
	require.Equal(t, []string{"1 acknowledged, 3 failed, 1 unknown", "3 failed"}, list[1].labels())
	require.Equal(t, []string{"nothing ended"}, list[2].labels())
}

func TestSpansJoinSamples(t *testing.T) {
	sample := func(at int, role string, writable bool) drill.Sample {
		return drill.Sample{At: ms(at), Member: "m", Role: role, Writable: writable}
	}
	require.Equal(t, []span{{ms(100), ms(300), leads}, {ms(300), ms(400), stuck}, {ms(400), ms(600), gone}, {ms(600), ms(900), rival}}, spans([]drill.Sample{
		sample(100, "leader", true), sample(200, "leader", true), sample(300, "leader", false),
		sample(400, "", false), sample(500, "", false), sample(600, "replica", true),
	}, ms(900)))
	require.Equal(t, []span{{ms(100), ms(2100), replicas}, {ms(9000), ms(9500), replicas}}, spans([]drill.Sample{
		sample(100, "replica", false), sample(9000, "replica", false),
	}, ms(9500)), "what was not asked is not known")
}

func TestManySpansAreMadeFew(t *testing.T) {
	var many []span
	for at := range 1000 {
		many = append(many, span{ms(at * 100), ms(at*100 + 100), []state{replicas, gone}[at%2]})
	}
	many[501].state = leads
	w := window{end: ms(100_000)}
	require.Equal(t, []span{
		{0, ms(50_000), gone}, {ms(50_000), ms(51_000), leads}, {ms(51_000), ms(100_000), gone},
	}, coarse(many, w.slots(ms(100), mostSpans)))
}

func TestScalesAreRound(t *testing.T) {
	for _, c := range []struct {
		highest float64
		unit    string
		top     float64
	}{{0, "ms", 1}, {0.4, "ms", 1}, {5, "ms", 6}, {31, "ms", 40}, {999, "ms", 1000}, {1000, "s", 1}, {1801, "s", 2}, {9100, "s", 10}} {
		u, top := scaleOf(c.highest, []unit{{"ms", 1}, {"s", 1000}})
		require.Equal(t, c.unit, u.name, "%g", c.highest)
		require.InDelta(t, c.top, top, 1e-9, "%g", c.highest)
	}
}

func TestPercentilesAreFiguresThatWereMeasured(t *testing.T) {
	require.True(t, math.IsNaN(percentile(nil, 50)))
	require.InDelta(t, 2, percentile([]float64{1, 2, 3}, 50), 0)
	require.InDelta(t, 3, percentile([]float64{1, 2, 3}, 99), 0)
	require.InDelta(t, 1, percentile([]float64{1}, 50), 0)
}

func TestLatencyIsOfAcknowledgedWrites(t *testing.T) {
	write := func(start, end int, outcome drill.Outcome) drill.Operation {
		return drill.Operation{System: drill.Etcd, Kind: drill.Write, Start: ms(start), End: ms(end), Outcome: outcome}
	}
	lines := latencies([]drill.Operation{
		write(10, 14, drill.Acknowledged), write(20, 30, drill.Acknowledged), write(0, 150, drill.Failed), write(100, 450, drill.Acknowledged),
	}, drill.Etcd, window{end: ms(600)}.slots(ms(200), 160))
	require.Equal(t, "p50", lines[0].name)
	require.InDeltaSlice(t, []float64{4, 350}, []float64{lines[0].values[0], lines[0].values[2]}, 0)
	require.InDelta(t, 10, lines[1].values[0], 0)
	require.True(t, math.IsNaN(lines[0].values[1]), "where nothing was acknowledged there is no latency")
}

func TestLagIsOfReplicas(t *testing.T) {
	look := func(at int, member, role string, lag int64) drill.Sample {
		return drill.Sample{At: ms(at), System: drill.Postgres, Member: member, Role: role, LagBytes: lag}
	}
	lines := lags(drill.Run{System: drill.Postgres, Samples: []drill.Sample{
		look(10, "a", "leader", 0), look(10, "b", "replica", 5), look(20, "b", "replica", 3), look(30, "c", "", -1), look(210, "b", "replica", -1),
		{At: ms(10), System: drill.Redis, Member: "r", Role: "replica", LagBytes: 9},
	}}, window{end: ms(400)}.slots(ms(200), 160))
	require.Len(t, lines, 1, "only b is a replica whose lag is known")
	require.Equal(t, "b", lines[0].name)
	require.InDelta(t, 5, lines[0].values[0], 0)
	require.True(t, math.IsNaN(lines[0].values[1]))
}

func TestLinesBreakWhereThereIsNothing(t *testing.T) {
	c := &canvas{window: window{end: ms(1000)}}
	nan := math.NaN()
	line, dots := c.path([]float64{1, 2, nan, 2, nan, 0, 1}, 2, c.slots(ms(100), 160))
	require.Equal(t, "M191.8 28.0L275.4 0.0M609.8 56.0L693.4 28.0", line)
	require.Equal(t, "M442.6 0.0h.1", dots)
}
