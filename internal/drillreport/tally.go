package drillreport

import (
	"fmt"

	"github.com/paws360/pawskind/internal/drill"
)

// knowledge is what can be said of the writes of a route that are missing.
type knowledge string

const (
	// known: the leader was read in the end.
	known knowledge = "known"
	// unread: it was not, and a count of 0 means nothing.
	unread knowledge = "unread"
	// uncounted: nobody looks for them, for they are requests to the application.
	uncounted knowledge = "uncounted"
)

func knowledgeOf(run drill.Run, system string) knowledge {
	if system == drill.App {
		return uncounted
	}
	if run.LeaderRead(system) {
		return known
	}
	return unread
}

// tally is a tally with what its losses are worth.
type tally struct {
	drill.Tally
	Knowledge knowledge
}

func tallies(run drill.JudgedRun) []tally {
	list := make([]tally, 0, len(run.Judgement.Tallies))
	for _, t := range run.Judgement.Tallies {
		list = append(list, tally{t, knowledgeOf(run.Run, t.System)})
	}
	return list
}

// total is the sum of a route's tallies.
type total struct {
	tally
	// Unread says in how many runs losses are unknown; empty when in none.
	Unread string
}

func totals(r drill.Result) []total {
	var list []total
	for _, sum := range drill.Totals(r) {
		sums := total{tally: tally{sum, known}}
		runs, blind := 0, 0
		for _, run := range r.Runs {
			for _, t := range tallies(run) {
				if t.System != sum.System || t.Route != sum.Route {
					continue
				}
				runs++
				switch t.Knowledge {
				case unread:
					blind++
				case uncounted:
					sums.Knowledge = uncounted
				}
			}
		}
		if blind > 0 {
			sums.Unread = fmt.Sprintf("unknown in %d of %d", blind, runs)
		}
		if blind == runs && blind > 0 {
			sums.Knowledge = unread
		}
		list = append(list, sums)
	}
	return list
}
