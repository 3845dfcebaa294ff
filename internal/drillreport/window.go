package drillreport

import (
	"fmt"
	"time"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/page"
)

// margin is how much is shown before the fault and after its end.
const margin = 3 * time.Second

// window is the time that a picture shows; zero is the fault.
type window struct{ begin, end, zero time.Duration }

// windowOf shows what lies around the fault, and all that is left of a run in
// which it did not become well again.
func windowOf(run drill.Run) window {
	w := window{begin: max(0, run.Injected-margin), end: max(run.Injected, run.Healed, run.Converged) + margin, zero: run.Injected}
	if run.Ended == 0 {
		return w
	}
	if run.Converged == 0 {
		w.end = run.Ended
	}
	w.end = min(w.end, run.Ended)
	return w
}

// steps are lengths of time that people count in.
var steps = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
	10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
}

// stepOf is the shortest step, not below least, of which at most so many fill
// the length: what bounds the size of a picture of a long wait.
func stepOf(length, least time.Duration, most int) time.Duration {
	fits := func(step time.Duration) bool { return step >= least && length <= step*time.Duration(most) }
	for _, step := range steps {
		if fits(step) {
			return step
		}
	}
	step := steps[len(steps)-1]
	for !fits(step) {
		step *= 2
	}
	return step
}

// slots are equal pieces of a window.
type slots struct {
	window
	step time.Duration
}

func (w window) slots(least time.Duration, most int) slots {
	return slots{w, stepOf(w.end-w.begin, least, most)}
}

func (s slots) count() int { return int((s.end - s.begin + s.step - 1) / s.step) }

// at is the slot of a moment. The last moment belongs to the last slot.
func (s slots) at(moment time.Duration) (int, bool) {
	if moment < s.begin || moment > s.end {
		return 0, false
	}
	return min(int((moment-s.begin)/s.step), s.count()-1), true
}

func (s slots) from(i int) time.Duration { return s.begin + time.Duration(i)*s.step }

// axis draws the lines of time and the seconds since the fault below them.
func (c *canvas) axis(top int) {
	step := stepOf(c.end-c.begin, 500*time.Millisecond, 14)
	bottom := c.y
	for at := c.zero - (c.zero-c.begin)/step*step; at <= c.end; at += step {
		x := c.x(at)
		c.add(`<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x, x, top, bottom+4)
		text := fmt.Sprintf("%g s", (at - c.zero).Seconds())
		if at == c.end {
			x -= page.TextWidth(text)/2 - right
		}
		c.add(`<text class="soft" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x, bottom+17, text)
	}
	about := "time since the fault"
	if c.zero == 0 {
		about = "time since the run began; no fault was injected"
	}
	c.add(`<text class="soft" x="%d" y="%d" text-anchor="middle">%s</text>`, (left+width-right)/2, bottom+33, about)
	c.y = bottom + 40
}

// mark is a moment that matters to the whole picture.
type mark struct {
	at   time.Duration
	name string
	row  int
}

// marks finds the moments and makes room for their names, side by side where
// they fit and below each other where they do not.
func (c *canvas) marks(run drill.Run) []mark {
	var list []mark
	ends := map[int]float64{}
	rows := 0
	for _, m := range []mark{{run.Injected, "fault injected", 0}, {run.Healed, "healed", 0}, {run.Converged, "all well again", 0}} {
		if m.at == 0 || m.at > c.end {
			continue
		}
		half := page.TextWidth(m.name)/2 + 3
		for ends[m.row] > c.x(m.at)-half {
			m.row++
		}
		ends[m.row] = c.x(m.at) + half
		rows = max(rows, m.row+1)
		list = append(list, m)
	}
	c.y = 14*rows + 6
	return list
}

func (c *canvas) drawMarks(marks []mark) {
	for _, m := range marks {
		x := c.x(m.at)
		// The name of the last moment may not leave the picture.
		at := min(x, width-page.TextWidth(m.name)/2-2)
		c.add(`<g class="mark"><title>%s at %s after the fault</title><line x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text></g>`,
			m.name, c.since(m.at), x, x, 14*m.row+15, c.y-36, at, 14*m.row+12, m.name)
	}
}
