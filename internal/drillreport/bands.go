package drillreport

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/page"
)

// mostBuckets bounds how finely a picture counts.
const mostBuckets = 160

// outcomes counts the writes that ended in each piece of time.
type outcomes struct{ acknowledged, failed, unknown int }

func (o outcomes) all() int { return o.acknowledged + o.failed + o.unknown }

// buckets counts the writes of a route in each slot.
func buckets(ops []drill.Operation, system, route string, s slots) []outcomes {
	list := make([]outcomes, s.count())
	for _, o := range ops {
		if o.System != system || o.Route != route || o.Kind != drill.Write {
			continue
		}
		i, within := s.at(o.End)
		if !within {
			continue
		}
		switch o.Outcome {
		case drill.Acknowledged:
			list[i].acknowledged++
		case drill.Failed:
			list[i].failed++
		default:
			list[i].unknown++
		}
	}
	return list
}

// stretch is a run of buckets of one kind, with their sum.
type stretch struct {
	from, to int
	outcomes
}

// stretches joins buckets in which all went well, in which something did not,
// and in which nothing ended.
func stretches(list []outcomes) []stretch {
	kind := func(o outcomes) int { return min(1, o.all()) + min(1, o.failed+o.unknown) }
	var joined []stretch
	for i, o := range list {
		n := len(joined)
		if n == 0 || kind(joined[n-1].outcomes) != kind(o) {
			joined = append(joined, stretch{i, i + 1, o})
			continue
		}
		last := &joined[n-1]
		last.to = i + 1
		last.acknowledged += o.acknowledged
		last.failed += o.failed
		last.unknown += o.unknown
	}
	return joined
}

// text says what came of the writes of a stretch.
func (s stretch) text() string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{s.acknowledged, "acknowledged"}, {s.failed, "failed"}, {s.unknown, "unknown"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	if len(parts) == 0 {
		return "nothing ended"
	}
	return strings.Join(parts, ", ")
}

// labels are what can stand in a stretch, the fuller first: none where all went
// well.
func (s stretch) labels() []string {
	switch {
	case s.all() > 0 && s.acknowledged == s.all():
		return nil
	case s.failed > 0:
		return []string{s.text(), fmt.Sprintf("%d failed", s.failed)}
	case s.unknown > 0:
		return []string{s.text(), fmt.Sprintf("%d unknown", s.unknown)}
	}
	return []string{s.text()}
}

// bands show for every route what its clients were told.
func (c *canvas) bands(run drill.JudgedRun) {
	if len(run.Judgement.Tallies) == 0 {
		return
	}
	s := c.slots(100*time.Millisecond, mostBuckets)
	c.side("soft", c.y+10, fmt.Sprintf("writes per %g s", s.step.Seconds()))
	x := float64(left)
	for _, word := range []string{"acknowledged", "failed", "unknown"} {
		c.add(`<g class="%s"><rect x="%.0f" y="%d" width="16" height="11"/></g>`, word, x, c.y+1)
		c.write("soft", x+22, c.y+10, word)
		x += 40 + page.TextWidth(word)
	}
	c.write("alarm", x, c.y+11, "✗")
	c.write("soft", x+14, c.y+10, "acknowledged, then missing (examples)")
	c.y += 26
	for _, t := range tallies(run) {
		c.band(run, t, s)
	}
}

func (c *canvas) band(run drill.JudgedRun, t tally, s slots) {
	list := buckets(run.Operations, t.System, t.Route, s)
	top := 1
	for _, o := range list {
		top = max(top, o.all())
	}
	c.heading(t)
	c.label(c.y+14, t.System)
	c.side("soft", c.y+27, t.Route)
	c.side("soft", c.y+40, fmt.Sprintf("up to %d", top))
	c.stack(list, top, s)
	for _, part := range stretches(list) {
		from, to := c.x(s.from(part.from)), c.x(s.from(part.to))
		c.add(`<g class="hover"><title>%s to %s: %s</title><rect x="%.1f" y="%d" width="%.1f" height="%d"/>`,
			c.since(s.from(part.from)), c.since(s.from(part.to)), part.text(), from, c.y, to-from, bandHeight)
		for _, text := range part.labels() {
			if to-from > page.TextWidth(text)+8 {
				c.add(`<text class="halo" x="%.1f" y="%d" text-anchor="middle">%s</text>`, (from+to)/2, c.y+bandHeight/2+4, text)
				break
			}
		}
		c.add(`</g>`)
	}
	c.lost(run.Operations, t.Tally)
	c.base(c.y + bandHeight)
	c.y += bandHeight + 2*laneGap
}

// heading says in words what came of a route's writes in the whole run.
func (c *canvas) heading(t tally) {
	told := fmt.Sprintf("%d acknowledged, %d failed, %d unknown; write gap %.2f s", t.Acknowledged, t.Failed, t.Unknown, t.WriteGap)
	x := float64(left)
	switch lost := fmt.Sprintf("✗ %d lost;", t.Lost); {
	case t.Knowledge == uncounted:
		told += "; not checked for loss"
	case t.Knowledge == unread:
		told = "? losses unknown; " + told
	case t.Lost == 0:
		told = "0 lost; " + told
	default:
		c.write("alarm", x, c.y+8, lost)
		x += page.TextWidth(lost) + 10
	}
	c.write("", x, c.y+8, told)
	c.y += 14
}

// stack draws the counts on top of each other, one shape for each outcome.
func (c *canvas) stack(list []outcomes, top int, s slots) {
	under := make([]float64, len(list))
	for _, part := range []struct {
		class string
		count func(outcomes) int
	}{
		{"acknowledged", func(o outcomes) int { return o.acknowledged }},
		{"failed", func(o outcomes) int { return o.failed }},
		{"unknown", func(o outcomes) int { return o.unknown }},
	} {
		var path strings.Builder
		for i, o := range list {
			n := part.count(o)
			if n == 0 {
				continue
			}
			// One in many is still to be seen.
			h := max(2, float64(n)/float64(top)*bandHeight)
			h = min(h, bandHeight-under[i])
			if h <= 0 {
				h, under[i] = 2, bandHeight-2
			}
			x, w := c.x(s.from(i)), c.x(s.from(i+1))-c.x(s.from(i))
			fmt.Fprintf(&path, "M%.1f %.1fh%.1fv%.1fh-%.1fz", x, float64(c.y+bandHeight)-under[i]-h, w, h, w)
			under[i] += h
		}
		if path.Len() > 0 {
			c.add(`<path class="stack %s" d="%s"/>`, part.class, path.String())
		}
	}
}

// lost marks the examples of lost writes where they were acknowledged.
func (c *canvas) lost(ops []drill.Operation, t drill.Tally) {
	for _, example := range t.LostExamples {
		colon := strings.LastIndexByte(example, ':')
		if colon < 0 {
			continue
		}
		value, err := strconv.ParseInt(example[colon+1:], 10, 64)
		if err != nil {
			continue
		}
		for _, o := range ops {
			if o.System != t.System || o.Route != t.Route || o.Kind != drill.Write || o.Client != example[:colon] || o.Value != value {
				continue
			}
			if o.End >= c.begin && o.End <= c.end {
				c.add(`<g class="alarm"><title>%s: acknowledged at %s after the fault, and missing in the end</title><text class="halo big" x="%.1f" y="%d" text-anchor="middle">✗</text></g>`,
					html.EscapeString(example), c.since(o.End), c.x(o.End), c.y+bandHeight/2+5)
			}
			break
		}
	}
}

// base is the line that a band or chart stands on.
func (c *canvas) base(y int) {
	c.add(`<line class="base" x1="%d" x2="%d" y1="%d" y2="%d"/>`, left, width-right, y, y)
}
