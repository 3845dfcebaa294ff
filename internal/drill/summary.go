package drill

import (
	"math"
	"slices"
)

// Summarise puts the judged runs of a scenario together: the worst verdict, and
// how the times are distributed. Where and when it was is the caller's to add.
func Summarise(scenario, title string, runs []JudgedRun) Result {
	result := Result{
		Scenario: scenario,
		Title:    title,
		Verdict:  Void, // no runs prove nothing
		Runs:     runs,
		WriteGap: map[string]Distribution{},
		ReadGap:  map[string]Distribution{},
		Phases:   map[string]Distribution{},
		Routing:  map[string]Distribution{},
	}
	if len(runs) > 0 {
		result.Began = runs[0].Began
		result.Verdict = worst(runs)
	}
	writes, reads, phases, routing := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	var redundancy []float64
	for _, run := range runs {
		for _, t := range run.Judgement.Tallies {
			key := t.System + "/" + t.Route
			if t.Attempts > 0 {
				writes[key] = append(writes[key], t.WriteGap)
			}
			// A route that was read has a gap, for no read takes no time.
			if t.ReadGap > 0 {
				reads[key] = append(reads[key], t.ReadGap)
			}
			if t.System == run.System && t.Attempts > 0 && t.Routing >= 0 {
				routing[key] = append(routing[key], t.Routing)
			}
		}
		if run.Judgement.Redundancy >= 0 {
			redundancy = append(redundancy, run.Judgement.Redundancy)
		}
		for _, phase := range run.Judgement.Phases {
			if phase.End >= 0 {
				phases[phase.Name] = append(phases[phase.Name], phase.End-phase.Begin)
			}
		}
	}
	distribute(result.WriteGap, writes)
	distribute(result.ReadGap, reads)
	distribute(result.Phases, phases)
	distribute(result.Routing, routing)
	result.Redundancy = distributionOf(redundancy)
	return result
}

func worst(runs []JudgedRun) Verdict {
	at := len(severity) - 1
	for _, run := range runs {
		// A verdict that is not known has the index -1 and is as bad as none.
		at = max(min(at, slices.Index(severity, run.Judgement.Verdict)), 0)
	}
	return severity[at]
}

func distribute(into map[string]Distribution, figures map[string][]float64) {
	for key, values := range figures {
		into[key] = distributionOf(values)
	}
}

// distributionOf has percentiles by nearest rank: each is a figure that was
// measured, never one in between.
func distributionOf(values []float64) Distribution {
	if len(values) == 0 {
		return Distribution{}
	}
	ordered := slices.Sorted(slices.Values(values))
	rank := func(percent float64) float64 {
		at := int(math.Ceil(percent*float64(len(ordered))/100)) - 1
		return ordered[max(at, 0)]
	}
	return Distribution{N: len(ordered), P50: rank(50), P95: rank(95), Max: ordered[len(ordered)-1]}
}

// Totals sums the tallies of all runs.
func Totals(r Result) []Tally {
	var sums []Tally
	for _, run := range r.Runs {
		for _, t := range run.Judgement.Tallies {
			i := slices.IndexFunc(sums, func(s Tally) bool { return s.System == t.System && s.Route == t.Route })
			if i < 0 {
				sums = append(sums, Tally{System: t.System, Route: t.Route})
				i = len(sums) - 1
			}
			s := &sums[i]
			s.Attempts += t.Attempts
			s.Acknowledged += t.Acknowledged
			s.Failed += t.Failed
			s.Unknown += t.Unknown
			s.Lost += t.Lost
			s.Recovered += t.Recovered
			s.Unexpected += t.Unexpected
			s.Duplicates += t.Duplicates
			s.Backwards += t.Backwards
		}
	}
	return sums
}

// LeaderRead tells whether the system's leader was read in the end: otherwise
// nothing is known of what was lost.
func (r Run) LeaderRead(system string) bool {
	return slices.ContainsFunc(r.Finals, func(f Final) bool {
		return f.System == system && f.Authority && f.Error == ""
	})
}
