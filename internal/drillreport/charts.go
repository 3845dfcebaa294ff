package drillreport

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/page"
)

const chartHeight = 56

// series is one line of a chart: a value for each slot, NaN where there is none.
type series struct {
	name   string
	values []float64
}

// empty is a line without values yet.
func empty(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

// percentile is by nearest rank of figures in order.
func percentile(ordered []float64, percent float64) float64 {
	if len(ordered) == 0 {
		return math.NaN()
	}
	return ordered[max(0, int(math.Ceil(percent*float64(len(ordered))/100))-1)]
}

// latencies are the median and the 99th percentile of how many milliseconds the
// acknowledged writes of a system took.
func latencies(ops []drill.Operation, system string, s slots) []series {
	took := make([][]float64, s.count())
	for _, o := range ops {
		if o.System != system || o.Kind != drill.Write || o.Outcome != drill.Acknowledged {
			continue
		}
		if i, within := s.at(o.End); within {
			took[i] = append(took[i], float64(o.End-o.Start)/float64(time.Millisecond))
		}
	}
	p50, p99 := empty(len(took)), empty(len(took))
	for i, figures := range took {
		slices.Sort(figures)
		p50[i], p99[i] = percentile(figures, 50), percentile(figures, 99)
	}
	return []series{{"p50", p50}, {"p99", p99}}
}

// lags are how many bytes each replica was behind at most.
func lags(run drill.Run, s slots) []series {
	var list []series
	for _, m := range membersOf(run) {
		if m.system != run.System {
			continue
		}
		line := series{m.name, empty(s.count())}
		known := false
		for _, sample := range m.samples {
			i, within := s.at(sample.At)
			if !within || sample.Role != "replica" || sample.LagBytes < 0 {
				continue
			}
			known = true
			if lag := float64(sample.LagBytes); math.IsNaN(line.values[i]) || lag > line.values[i] {
				line.values[i] = lag
			}
		}
		if known {
			list = append(list, line)
		}
	}
	return list
}

func (c *canvas) lag(run drill.Run) {
	s := c.slots(200*time.Millisecond, mostBuckets)
	c.chart("replication lag", []unit{{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}, lags(run, s), s)
}

func (c *canvas) latency(run drill.Run) {
	s := c.slots(200*time.Millisecond, mostBuckets)
	c.chart("write latency", []unit{{"ms", 1}, {"s", 1000}}, latencies(run.Operations, run.System, s), s)
}

// unit is what an axis counts in; a chart takes the largest that is not too large.
type unit struct {
	name string
	size float64
}

// scaleOf finds the unit and the top of an axis: a round figure not below the
// highest value.
func scaleOf(highest float64, units []unit) (unit, float64) {
	chosen := units[0]
	for _, u := range units {
		if highest >= u.size {
			chosen = u
		}
	}
	highest /= chosen.size
	if highest <= 1 {
		return chosen, 1
	}
	power := math.Pow(10, math.Floor(math.Log10(highest)))
	for _, m := range []float64{1, 2, 4, 6, 8} {
		if highest <= m*power {
			return chosen, m * power
		}
	}
	return chosen, 10 * power
}

// chart draws lines over an axis of values that begins at 0.
func (c *canvas) chart(name string, units []unit, lines []series, s slots) {
	highest, some := 0.0, false
	for _, line := range lines {
		for _, v := range line.values {
			if !math.IsNaN(v) {
				highest, some = max(highest, v), true
			}
		}
	}
	if !some {
		return
	}
	u, top := scaleOf(highest, units)
	c.legend(name, lines)
	for _, at := range []float64{1, 0.5, 0} {
		y := c.y + int((1-at)*chartHeight)
		c.base(y)
		c.add(`<text class="soft" x="%d" y="%d" text-anchor="end">%g %s</text>`, left-8, y+4, at*top, u.name)
	}
	for i, line := range lines {
		path, dots := c.path(line.values, top*u.size, s)
		c.add(`<g class="s%d"><title>%s: %s</title><path d="%s"/><path class="dots" d="%s"/></g>`, i%6, name, html.EscapeString(line.name), path, dots)
	}
	c.y += chartHeight + 3*laneGap
}

// legend names the lines of a chart; their colours and dashes both differ.
func (c *canvas) legend(name string, lines []series) {
	c.side("", c.y+10, name)
	x := float64(left)
	for i, line := range lines {
		c.add(`<g class="s%d"><path d="M%.0f %dh22"/></g>`, i%6, x, c.y+6)
		c.write("soft", x+28, c.y+10, line.name)
		x += 46 + page.TextWidth(line.name)
	}
	c.y += 22
}

// path is a line that breaks where there is no value. A value alone makes no line
// and is a dot.
func (c *canvas) path(values []float64, top float64, s slots) (path, dots string) {
	there := func(i int) bool { return i >= 0 && i < len(values) && !math.IsNaN(values[i]) }
	var line, alone strings.Builder
	for i, v := range values {
		if !there(i) {
			continue
		}
		x := c.x(min(s.from(i)+s.step/2, s.end))
		y := float64(c.y) + (1-v/top)*chartHeight
		switch {
		case there(i - 1):
			fmt.Fprintf(&line, "L%.1f %.1f", x, y)
		case there(i + 1):
			fmt.Fprintf(&line, "M%.1f %.1f", x, y)
		default:
			fmt.Fprintf(&alone, "M%.1f %.1fh.1", x, y)
		}
	}
	return line.String(), alone.String()
}
