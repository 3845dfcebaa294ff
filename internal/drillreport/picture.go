package drillreport

import (
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/drill"
)

// The picture's measures, in its own units.
const (
	width      = 1000
	left       = 150
	right      = 10
	laneHeight = 22
	laneGap    = 6
	bandHeight = 44
	margin     = 3 * time.Second
	bucket     = 200 * time.Millisecond
)

// canvas draws along one axis of time.
type canvas struct {
	strings.Builder
	begin, end time.Duration
	y          int
}

func (c *canvas) x(at time.Duration) float64 {
	at = min(max(at, c.begin), c.end)
	return left + float64(at-c.begin)/float64(c.end-c.begin)*(width-left-right)
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

func (c *canvas) label(y int, text string) {
	c.add(`<text x="%d" y="%d" text-anchor="end">%s</text>`, left-8, y, html.EscapeString(text))
}

// bar is a filled span of time with its meaning as a tooltip, and as text where
// there is room for it.
func (c *canvas) bar(from, to time.Duration, y, height int, fill, title, text string) {
	x, w := c.x(from), c.x(to)-c.x(from)
	if w <= 0 {
		return
	}
	c.add(`<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s</title></rect>`, x, y, w+0.3, height, fill, html.EscapeString(title))
	if text != "" && w > float64(7*len(text)+6) {
		c.add(`<text class="%s" x="%.1f" y="%d">%s</text>`, onFill(fill), x+4, y+height-6, html.EscapeString(text))
	}
}

// onFill is the class of text that can be read on the fill.
func onFill(fill string) string {
	switch fill {
	case "var(--replica)", "var(--stuck)", "url(#hatch)":
		return "ink"
	}
	return "on"
}

// picture draws one run: who led, what clients saw, how long they waited.
func picture(run drill.JudgedRun) template.HTML {
	c := &canvas{begin: max(0, run.Injected-margin), end: max(run.Injected, run.Healed, run.Converged) + margin}
	if run.Ended > 0 {
		c.end = min(c.end, run.Ended)
	}
	if c.end <= c.begin {
		return ""
	}
	c.y = 20
	c.phases(run)
	c.lanes(run)
	c.bands(run)
	c.latencies(run)
	c.axis(run)
	drawing := c.String()
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="Timeline of run %d; the tables below say the same">
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--gone)" opacity=".25"/><line x1="0" y1="0" x2="0" y2="6" stroke="var(--gone)" stroke-width="2"/></pattern></defs>
%s</svg>`, width, c.y, run.Number, drawing)) //nolint:gosec // every text in it was escaped
}

func (c *canvas) phases(run drill.JudgedRun) {
	c.label(c.y+14, "phases")
	fills := []string{"#7f3b08", "#b35806", "#2d004b", "#542788", "#00694c"}
	for i, p := range run.Judgement.Phases {
		if p.Begin < 0 || p.End < 0 {
			continue
		}
		from, to := run.Injected+toDuration(p.Begin), run.Injected+toDuration(p.End)
		c.bar(from, to, c.y, 18, fills[i%len(fills)], fmt.Sprintf("%s: %.2f s to %.2f s after the fault", p.Name, p.Begin, p.End), p.Name)
	}
	c.y += 18 + 2*laneGap
}

func toDuration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// span is a time in which a member said the same of itself.
type span struct {
	from, to time.Duration
	state    string
}

// Looks of a member's role: the fill and the words.
var looks = map[string][2]string{
	"leads":       {"var(--leader)", "leads"},
	"not writing": {"var(--stuck)", "leads, takes no writes"},
	"replica":     {"var(--replica)", "replica"},
	"no answer":   {"url(#hatch)", "no answer"},
}

func stateOf(s drill.Sample) string {
	switch {
	case s.Role == "leader" && s.Writable:
		return "leads"
	case s.Role == "leader":
		return "not writing"
	case s.Role == "":
		return "no answer"
	}
	return "replica"
}

// spans joins a member's samples; each holds until the next.
func spans(samples []drill.Sample, member string, end time.Duration) []span {
	var list []span
	for _, s := range samples {
		if s.Member != member {
			continue
		}
		state := stateOf(s)
		if n := len(list); n > 0 && list[n-1].state == state {
			continue
		} else if n > 0 {
			list[n-1].to = s.At
		}
		list = append(list, span{s.At, end, state})
	}
	return list
}

func (c *canvas) lanes(run drill.JudgedRun) {
	var members []string
	var samples []drill.Sample
	for _, s := range run.Samples {
		if s.System == run.System {
			samples = append(samples, s)
			if !slices.Contains(members, s.Member) {
				members = append(members, s.Member)
			}
		}
	}
	slices.Sort(members)
	for _, member := range members {
		c.label(c.y+laneHeight-7, member)
		for _, s := range spans(samples, member, c.end) {
			look := looks[s.state]
			title := fmt.Sprintf("%s: %s, %.1f s to %.1f s after the fault", member, look[1], (s.from - run.Injected).Seconds(), (s.to - run.Injected).Seconds())
			c.bar(s.from, s.to, c.y, laneHeight, look[0], title, look[1])
		}
		c.y += laneHeight + laneGap
	}
	c.y += laneGap
}

// outcomes counts the writes that ended in each piece of time.
type outcomes struct{ acknowledged, failed, unknown int }

func counts(run drill.JudgedRun, system, route string, begin, end time.Duration) []outcomes {
	list := make([]outcomes, int((end-begin)/bucket)+1)
	for _, o := range run.Operations {
		if o.System != system || o.Route != route || o.Kind != drill.Write || o.End < begin || o.End > end {
			continue
		}
		b := &list[int((o.End-begin)/bucket)]
		switch o.Outcome {
		case drill.Acknowledged:
			b.acknowledged++
		case drill.Failed:
			b.failed++
		default:
			b.unknown++
		}
	}
	return list
}

// bands show for every route what its clients were told.
func (c *canvas) bands(run drill.JudgedRun) {
	for _, t := range run.Judgement.Tallies {
		list := counts(run, t.System, t.Route, c.begin, c.end)
		c.add(`<text class="soft" x="%d" y="%d">%d acknowledged, %d failed, %d unknown, %d lost; write gap %.2f s</text>`,
			left, c.y+9, t.Acknowledged, t.Failed, t.Unknown, t.Lost, t.WriteGap)
		c.y += 14
		top := 1
		for _, b := range list {
			top = max(top, b.acknowledged+b.failed+b.unknown)
		}
		c.label(c.y+16, t.System)
		c.add(`<text class="soft" x="%d" y="%d" text-anchor="end">%s</text>`, left-8, c.y+30, html.EscapeString(t.Route))
		for i, b := range list {
			from := c.begin + time.Duration(i)*bucket
			y := c.y + bandHeight
			for _, part := range []struct {
				n          int
				fill, word string
			}{{b.acknowledged, "var(--ack)", "acknowledged"}, {b.failed, "var(--fail)", "failed"}, {b.unknown, "var(--unknown)", "unknown"}} {
				if part.n == 0 {
					continue
				}
				h := max(2, part.n*bandHeight/top)
				y -= h
				c.bar(from, from+bucket, y, h, part.fill, fmt.Sprintf("%d %s at %.1f s", part.n, part.word, (from-run.Injected).Seconds()), "")
			}
		}
		c.add(`<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="var(--line)"/>`, left, width-right, c.y+bandHeight, c.y+bandHeight)
		c.y += bandHeight + 2*laneGap
	}
}

// latencies draws how long acknowledged writes of the run's system took, and how
// far its replicas were behind.
func (c *canvas) latencies(run drill.JudgedRun) {
	slowest := map[int]float64{}
	for _, o := range run.Operations {
		if o.System == run.System && o.Kind == drill.Write && o.Outcome == drill.Acknowledged && o.End >= c.begin && o.End <= c.end {
			i := int((o.End - c.begin) / bucket)
			slowest[i] = max(slowest[i], float64((o.End - o.Start).Milliseconds()))
		}
	}
	c.line("slowest write", "ms", slowest)
	behind := map[int]float64{}
	for _, s := range run.Samples {
		if s.System == run.System && s.LagBytes >= 0 && s.At >= c.begin && s.At <= c.end {
			i := int((s.At - c.begin) / bucket)
			behind[i] = max(behind[i], float64(s.LagBytes)/1024)
		}
	}
	c.line("furthest behind", "KiB", behind)
}

// line draws values by piece of time; where there is none, the line breaks.
func (c *canvas) line(name, unit string, values map[int]float64) {
	if len(values) == 0 {
		return
	}
	top := 1.0
	for _, v := range values {
		top = max(top, v)
	}
	c.label(c.y+16, name)
	c.add(`<text class="soft" x="%d" y="%d" text-anchor="end">up to %.0f %s</text>`, left-8, c.y+30, top, unit)
	var path strings.Builder
	last := -2
	for i := 0; i <= int((c.end-c.begin)/bucket); i++ {
		v, there := values[i]
		if !there {
			continue
		}
		verb := "L"
		if i != last+1 {
			verb = "M"
		}
		last = i
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, c.x(c.begin+time.Duration(i)*bucket+bucket/2), float64(c.y+bandHeight)-v/top*bandHeight)
	}
	c.add(`<path d="%s" fill="none" stroke="var(--leader)" stroke-width="1.5"/>`, path.String())
	c.add(`<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="var(--line)"/>`, left, width-right, c.y+bandHeight, c.y+bandHeight)
	c.y += bandHeight + 2*laneGap
}

// axis draws seconds since the fault, and the moments that matter over all.
func (c *canvas) axis(run drill.JudgedRun) {
	step := time.Second
	for _, wider := range []time.Duration{2, 5, 10, 20, 60} {
		if (c.end-c.begin)/step > 20 {
			step = wider * time.Second
		}
	}
	bottom := c.y
	for at := run.Injected - (run.Injected-c.begin)/step*step; at <= c.end; at += step {
		c.add(`<text class="soft" x="%.1f" y="%d" text-anchor="middle">%d s</text>`, c.x(at), bottom+12, int((at - run.Injected).Seconds()))
	}
	for _, m := range []struct {
		at   time.Duration
		name string
	}{{run.Injected, "fault"}, {run.Healed, "undone"}, {run.Converged, "all well"}} {
		if m.at == 0 || m.name == "undone" && m.at-run.Injected < 2*time.Second {
			continue
		}
		c.add(`<line x1="%.1f" x2="%.1f" y1="14" y2="%d" stroke="var(--ink)" stroke-dasharray="4 3"/>`, c.x(m.at), c.x(m.at), bottom)
		c.add(`<text x="%.1f" y="11" text-anchor="middle">%s</text>`, c.x(m.at), m.name)
	}
	c.y = bottom + 34
	x := left
	for _, key := range [][2]string{{"var(--ack)", "writes acknowledged"}, {"var(--fail)", "failed"}, {"var(--unknown)", "unknown"}} {
		c.add(`<rect x="%d" y="%d" width="12" height="12" fill="%s"/><text x="%d" y="%d">%s</text>`, x, c.y-10, key[0], x+17, c.y, key[1])
		x += 30 + 7*len(key[1])
	}
	c.y += 8
}
