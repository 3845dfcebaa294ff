package drill

import (
	"slices"
	"time"
)

// gap is the longest time without an acknowledged operation of a kind that
// overlaps the fault, from when it was injected until all was well again. The
// operations are those of one system and route; without any of the kind there
// is nothing to measure and the gap is 0.
func gap(run Run, ops []Operation, kind string) time.Duration {
	var (
		ends  []time.Duration
		last  time.Duration
		tried bool
	)
	for _, op := range ops {
		if op.Kind != kind {
			continue
		}
		tried, last = true, max(last, op.End)
		if op.Outcome == Acknowledged {
			ends = append(ends, op.End)
		}
	}
	if !tried {
		return 0
	}
	slices.Sort(ends)
	begin, end := faultWindow(run)
	if len(ends) == 0 {
		return max(run.Ended-run.Injected, 0)
	}
	// When nobody tries any more, nobody misses the answer: the last interval
	// ends with the last attempt, unless the system never became well.
	if run.Converged == 0 {
		last = max(last, run.Ended)
	}
	ends = append(ends, max(last, ends[len(ends)-1]))
	previous := min(run.Injected, ends[0])
	longest := time.Duration(0)
	for _, at := range ends {
		if previous <= end && at >= begin {
			longest = max(longest, at-previous)
		}
		previous = at
	}
	return longest
}

// faultWindow is when the fault could be felt.
func faultWindow(run Run) (begin, end time.Duration) {
	end = max(run.Converged, run.Healed)
	if run.Converged == 0 {
		end = max(end, run.Ended)
	}
	return run.Injected, end
}
