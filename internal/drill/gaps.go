package drill

import (
	"slices"
	"time"
)

// gap is the longest time without an acknowledged operation of a kind that
// overlaps the fault, from when it was injected until all was well again. The
// operations are those of one system and route; without any of the kind there
// is nothing to measure and the gap is 0.
// It also tells when the gap ended; unseen when it did not.
func gap(run Run, ops []Operation, kind string) (longest, ended time.Duration) {
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
		return 0, unseen
	}
	slices.Sort(ends)
	begin, end := faultWindow(run)
	if len(ends) == 0 {
		return max(run.Ended-run.Injected, 0), unseen
	}
	// When nobody tries any more, nobody misses the answer: the last interval
	// ends with the last attempt, unless the system never became well.
	if run.Converged == 0 {
		last = max(last, run.Ended)
	}
	ends = append(ends, max(last, ends[len(ends)-1]))
	previous := min(run.Injected, ends[0])
	ended = unseen
	for i, at := range ends {
		if previous <= end && at >= begin && at-previous > longest {
			longest, ended = at-previous, at
			if i == len(ends)-1 { // the end of the run, not of the gap
				ended = unseen
			}
		}
		previous = at
	}
	return longest, ended
}

// faultWindow is when the fault could be felt.
func faultWindow(run Run) (begin, end time.Duration) {
	end = max(run.Converged, run.Healed)
	if run.Converged == 0 {
		end = max(end, run.Ended)
	}
	return run.Injected, end
}
