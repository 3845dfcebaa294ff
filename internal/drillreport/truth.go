package drillreport

import (
	"fmt"
	"time"

	"github.com/paws360/pawskind/internal/drill"
)

// readiness is one lane: what the condition Ready told, so that it can be held
// against what the members and clients below it saw.
func (c *canvas) readiness(run drill.Run) {
	list := readySpans(run)
	if len(list) == 0 {
		return
	}
	c.label(c.y+laneHeight-7, "Ready")
	for _, s := range list {
		title := fmt.Sprintf("Ready %s, from %s to %s after the fault: %s", s.says, c.since(s.from), c.since(s.to), s.why)
		c.bar(s.from, s.to, laneHeight, "told "+s.class, title, s.says)
	}
	c.y += laneHeight + 2*laneGap
}

// toldSpan is a time in which Ready told one thing.
type toldSpan struct {
	from, to         time.Duration
	class, says, why string
}

func readySpans(run drill.Run) []toldSpan {
	var list []toldSpan
	for _, cond := range run.Conditions {
		if cond.Type != "Ready" {
			continue
		}
		s := toldSpan{from: cond.At, to: run.Ended, why: cond.Message}
		switch cond.Status {
		case "True":
			s.class, s.says = "yes", "✓ Ready"
		case "False":
			s.class, s.says = "no", "✗ not Ready"
		case "":
			s.class, s.says = "silent", "the API does not answer"
		default:
			s.class, s.says = "unknown", "? unknown"
		}
		n := len(list)
		if n > 0 {
			list[n-1].to = s.from
		}
		if n > 0 && list[n-1].class == s.class {
			list[n-1].to, list[n-1].why = s.to, s.why
			continue
		}
		list = append(list, s)
	}
	return list
}

// truth says in words how far conditions and application were from what they
// shall be.
func truth(t drill.Truth) []fact {
	if !t.Watched {
		return []fact{{"The conditions", "nobody watched them"}}
	}
	verdict := func(bad bool, text string) string {
		if bad {
			return "✗ " + text
		}
		return "✓ " + text
	}
	return []fact{
		{"Ready although no writes were possible", verdict(t.ReadyWithoutWrites > 0, fmt.Sprintf("%.1f s beyond 5 s", t.ReadyWithoutWrites))},
		{"Not Ready although all was well", verdict(t.UnreadyThoughWell > 0, fmt.Sprintf("%.1f s beyond 15 s", t.UnreadyThoughWell))},
		{"All was well for good after", seconds(t.WellSince)},
		{"Requests to the application that failed after that", verdict(t.AppErrors > 0, fmt.Sprint(t.AppErrors))},
		{"Restarts of the application", verdict(t.AppRestarts > 0, fmt.Sprint(t.AppRestarts))},
	}
}
