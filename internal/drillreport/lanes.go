package drillreport

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/page"
)

const (
	// silence is for how long a sample is believed; samples come about ten times
	// as often.
	silence = 2 * time.Second
	// mostSpans bounds what is drawn of a member that changes all the time.
	mostSpans = 150
)

// state is what a member said of itself.
type state string

// The states, the more telling first: where many share a piece of a picture, the
// first of them is shown.
const (
	rival    state = "rival"
	leads    state = "leads"
	stuck    state = "stuck"
	gone     state = "gone"
	replicas state = "replica"
)

var states = []state{rival, leads, stuck, gone, replicas}

// words say what a state means.
var words = map[state]string{
	rival:    "takes writes and is no leader",
	leads:    "leader, takes writes",
	stuck:    "leader, takes no writes",
	gone:     "no answer",
	replicas: "replica",
}

func stateOf(s drill.Sample) state {
	switch {
	case s.Role == "leader" && s.Writable:
		return leads
	case s.Role == "leader":
		return stuck
	case s.Role == "":
		return gone
	case s.Writable:
		return rival
	}
	return replicas
}

// span is a time in which a member said the same of itself.
type span struct {
	from, to time.Duration
	state    state
}

// spans joins a member's samples. Each holds until the next, but not through a
// silence: of a member that is not asked nothing is known.
func spans(samples []drill.Sample, end time.Duration) []span {
	var list []span
	for _, s := range samples {
		now := stateOf(s)
		if n := len(list); n > 0 {
			last := &list[n-1]
			if s.At <= last.to {
				last.to = s.At
				if last.state == now {
					last.to = min(s.At+silence, end)
					continue
				}
			}
		}
		list = append(list, span{s.At, min(s.At+silence, end), now})
	}
	return list
}

// coarse makes spans few enough to draw: of each slot the most telling state.
func coarse(list []span, s slots) []span {
	var few []span
	for i := range s.count() {
		from, to := s.from(i), s.from(i)+s.step
		best := len(states)
		for _, piece := range list {
			if piece.from < to && piece.to > from {
				best = min(best, slices.Index(states, piece.state))
			}
		}
		switch n := len(few); {
		case best == len(states):
		case n > 0 && few[n-1].state == states[best] && few[n-1].to == from:
			few[n-1].to = to
		default:
			few = append(few, span{from, to, states[best]})
		}
	}
	return few
}

// member is one lane of the picture.
type member struct {
	system, name string
	samples      []drill.Sample
}

// membersOf has the members of the system that the run is about first, then the
// others.
func membersOf(run drill.Run) []member {
	var list []member
	for _, s := range run.Samples {
		i := slices.IndexFunc(list, func(m member) bool { return m.system == s.System && m.name == s.Member })
		if i < 0 {
			i = len(list)
			list = append(list, member{system: s.System, name: s.Member})
		}
		list[i].samples = append(list[i].samples, s)
	}
	slices.SortFunc(list, func(a, b member) int {
		if mine := a.system == run.System; mine != (b.system == run.System) {
			if mine {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(a.name, b.name))
	})
	return list
}

func (c *canvas) lanes(run drill.Run) {
	list := membersOf(run)
	if len(list) == 0 {
		return
	}
	c.key()
	system := ""
	for _, m := range list {
		if system != "" && m.system != system {
			c.y += laneGap
		}
		system = m.system
		c.label(c.y+laneHeight-7, m.name)
		list, often := spans(m.samples, c.end), ""
		if len(list) > mostSpans {
			// A piece of the picture then stands for more than it shows.
			list, often = coarse(list, c.slots(100*time.Millisecond, mostSpans)), "at times "
		}
		for _, s := range list {
			title := fmt.Sprintf("%s %s: %s%s, from %s to %s after the fault", m.system, m.name, often, words[s.state], c.since(s.from), c.since(s.to))
			c.bar(s.from, s.to, laneHeight, "lane "+string(s.state), title, often+short(s.state))
		}
		c.y += laneHeight + laneGap
	}
	c.y += laneGap
}

// short is what stands in a bar: its signs tell the states apart in one glance.
func short(s state) string {
	switch s {
	case rival:
		return "✗ writes, no leader"
	case leads:
		return "✎ leader"
	case stuck:
		return "leader, no writes"
	case gone:
		return "no answer"
	}
	return "replica"
}

// key tells what the looks of the lanes mean.
func (c *canvas) key() {
	c.side("soft", c.y+10, "members")
	x := float64(left)
	for _, s := range []state{leads, stuck, replicas, gone, rival} {
		c.add(`<g class="lane %s"><rect x="%.0f" y="%d" width="16" height="11"/></g>`, s, x+1, c.y+1)
		c.write("soft", x+22, c.y+10, words[s])
		x += 40 + page.TextWidth(words[s])
	}
	c.y += 20
}
