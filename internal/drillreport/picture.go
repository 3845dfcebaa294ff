package drillreport

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/page"
)

// The picture's measures, in its own units.
const (
	width      = 1000
	left       = 150
	right      = 14
	laneHeight = 22
	laneGap    = 6
	bandHeight = 44
)

// canvas draws along one axis of time, from the top down.
type canvas struct {
	strings.Builder
	window
	y int
	// over is what lies on top of all: texts that the marks would cross.
	over strings.Builder
}

func (c *canvas) x(at time.Duration) float64 {
	at = min(max(at, c.begin), c.end)
	return left + float64(at-c.begin)/float64(c.end-c.begin)*(width-left-right)
}

// add draws; the texts among its arguments are escaped by whoever calls it.
func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// write writes on top of all, escaped.
func (c *canvas) write(class string, x float64, y int, text string) {
	fmt.Fprintf(&c.over, `<text class="halo %s" x="%.0f" y="%d">%s</text>`+"\n", class, x, y, html.EscapeString(text))
}

func (c *canvas) label(y int, text string) { c.side("", y, text) }

// side writes beside the axis of time; long names are cut, and whole as a tooltip.
func (c *canvas) side(class string, y int, text string) {
	const most = 22
	whole := ""
	short, cut := page.Cut(text, most)
	if cut {
		whole = "<title>" + html.EscapeString(text) + "</title>"
	}
	c.add(`<text class="%s" x="%d" y="%d" text-anchor="end">%s%s</text>`, class, left-8, y, whole, html.EscapeString(short))
}

// bar is a filled span of time with its meaning as a tooltip, and as text where
// there is room for it.
func (c *canvas) bar(from, to time.Duration, height int, class, title, text string) {
	x, w := c.x(from), c.x(to)-c.x(from)
	if to <= c.begin || from >= c.end || w <= 0 {
		return
	}
	c.add(`<g class="%s"><title>%s</title><rect x="%.1f" y="%d" width="%.1f" height="%d"/>`,
		class, html.EscapeString(title), x, c.y, w, height)
	if text != "" && w > page.TextWidth(text)+8 {
		c.add(`<text x="%.1f" y="%d">%s</text>`, x+4, c.y+height-7, html.EscapeString(text))
	}
	c.add(`</g>`)
}

// since tells a moment as the axis does: in seconds since the fault.
func (c *canvas) since(at time.Duration) string {
	return fmt.Sprintf("%.1f s", (at - c.zero).Seconds())
}

// picture draws one run: who led, what clients saw, how long they waited.
func picture(run drill.JudgedRun) template.HTML {
	c := &canvas{window: windowOf(run.Run)}
	if c.end <= c.begin {
		return ""
	}
	marks := c.marks(run.Run)
	top := c.y
	c.phases(run)
	c.readiness(run.Run)
	c.lanes(run.Run)
	c.bands(run)
	c.lag(run.Run)
	c.latency(run.Run)
	drawing := c.String()
	c.Reset()
	// The lines of time go behind what they cross, but the marks over it.
	c.axis(top)
	behind := c.String()
	c.Reset()
	c.drawMarks(marks)
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="Timeline of run %d of the drill; the tables below say the same">
%s%s%s%s</svg>`, width, c.y, run.Number, behind, drawing, c.String(), c.over.String())) //nolint:gosec // every text in it was escaped
}

func (c *canvas) phases(run drill.JudgedRun) {
	c.label(c.y+13, "phases")
	seen := false
	for i, p := range run.Judgement.Phases {
		if p.Begin < 0 || p.End < 0 {
			continue
		}
		seen = true
		title := fmt.Sprintf("%s: %.2f s, from %.2f s to %.2f s after the fault", p.Name, p.End-p.Begin, p.Begin, p.End)
		c.bar(run.Injected+toDuration(p.Begin), run.Injected+toDuration(p.End), laneHeight-2, fmt.Sprintf("phase p%d", i%5), title, p.Name)
	}
	if !seen {
		c.write("soft", left, c.y+14, "none: the leader did not change, or it was not seen")
	}
	c.y += laneHeight + 2*laneGap
}

func toDuration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
