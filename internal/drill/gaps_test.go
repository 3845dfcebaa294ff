package drill

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGap(t *testing.T) {
	// The fault is from 10 s to 20 s; the run ends at 30 s.
	run := Run{Injected: sec(10), Healed: sec(15), Converged: sec(20), Ended: sec(30)}
	acked := func(ends ...float64) []Operation {
		var ops []Operation
		for _, end := range ends {
			ops = append(ops, wrote(1, end, Acknowledged))
		}
		return ops
	}
	with := func(ops []Operation, more ...Operation) []Operation { return append(ops, more...) }
	notConverged, healedLast := run, run
	notConverged.Converged = 0
	healedLast.Healed = sec(26)
	cases := []struct {
		name string
		run  Run
		ops  []Operation
		gap  float64
	}{
		{"from the last before to the first after", run, acked(9.5, 12, 13, 21), 8},
		{"the longest of several", run, acked(9, 10, 17, 19, 20.5), 7},
		{"the order does not matter", run, acked(19, 9, 20.5, 17, 10), 7},
		{"not what was before the fault", run, acked(1, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21), 2},
		{"not what was after all was well", run, acked(9, 11, 13, 15, 17, 19, 20.5, 29), 2},
		{"until the fault is undone, when that is later", healedLast, acked(9, 11, 13, 15, 17, 19, 21, 25, 29), 4},
		{"failed and unknown writes end no gap", run,
			with(acked(9, 18, 20.5), wrote(2, 12, Failed), wrote(3, 14, Uncertain)), 9},
		{"none before: from the fault on", run, acked(16, 18, 20.5), 6},
		{"none after: until the last attempt", run, with(acked(9, 11), wrote(2, 24, Uncertain)), 13},
		{"none after and never well: until the end", notConverged, with(acked(9, 11), wrote(2, 24, Uncertain)), 19},
		{"nobody tried any more", run, acked(9, 11, 13, 15, 17, 19), 2},
		{"none at all", run, []Operation{wrote(2, 12, Failed)}, 20},
		{"nothing was tried", run, nil, 0},
		{"reads are not writes", run, []Operation{saw(1, 12)}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.InDelta(t, c.gap, gap(c.run, c.ops, Write).Seconds(), 1e-9)
		})
	}
	require.Equal(t, sec(7), gap(run, []Operation{saw(1, 9), saw(1, 16), saw(1, 21)}, Read))
}
