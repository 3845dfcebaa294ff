package report

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/page"
)

const (
	lineWidth, lineLeft, lineRight = 1000, 190, 24
	laneHeight                     = 24
)

// timeline draws when each job ran, with its steps as marks in the bar.
func timeline(r ci.Result) template.HTML {
	whole := r.Ended.Sub(r.Started)
	if len(r.Jobs) == 0 || whole <= 0 {
		return ""
	}
	x := func(at time.Time) float64 {
		part := min(max(float64(at.Sub(r.Started))/float64(whole), 0), 1)
		return lineLeft + part*(lineWidth-lineLeft-lineRight)
	}
	var behind, front strings.Builder
	bottom := 20 + laneHeight*len(r.Jobs)
	for at := time.Duration(0); at <= whole; at += tick(whole) {
		fmt.Fprintf(&behind, `<path class="grid" d="M%.1f 16V%d"/><text class="soft" x="%.1f" y="11" text-anchor="middle">%s</text>`+"\n",
			x(r.Started.Add(at)), bottom, x(r.Started.Add(at)), label(at))
	}
	for i, j := range r.Jobs {
		y := 20 + laneHeight*i
		fmt.Fprintf(&behind, `<path class="lane" d="M0 %dH%d"/>`+"\n", y+laneHeight, lineWidth)
		name, cut := page.Cut(j.Key, 28)
		title := ""
		if cut {
			title = "<title>" + html.EscapeString(j.Key) + "</title>"
		}
		fmt.Fprintf(&front, `<text x="%d" y="%d" text-anchor="end">%s%s</text>`+"\n", lineLeft-10, y+16, title, html.EscapeString(name))
		lane(&front, j, x, y)
	}
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %d" style="min-width:720px" role="img" aria-label="When each job ran; the list below says the same">
%s%s</svg>`, lineWidth, bottom+6, behind.String(), front.String())) //nolint:gosec // every text in it was escaped
}

// lane is a job's bar. What did not run in this run has words and no bar.
func lane(b *strings.Builder, j ci.JobResult, x func(time.Time) float64, y int) {
	m := markOf(j)
	if m.Class == "cached" || m.Class == "skipped" || j.Started.IsZero() {
		text := m.Sign + " " + m.Word
		if j.Cached != "" {
			text += fmt.Sprintf(": took %s in run %s", took(j.Started, j.Ended), j.Cached)
		}
		fmt.Fprintf(b, `<text class="soft" x="%d" y="%d">%s</text>`+"\n", lineLeft+4, y+16, html.EscapeString(text))
		return
	}
	from, to := x(j.Started), x(j.Ended)
	width := max(to-from, 2)
	title := fmt.Sprintf("%s: %s, %s", j.Key, m.Word, took(j.Started, j.Ended))
	fmt.Fprintf(b, `<g class="span %s"><title>%s</title><rect x="%.1f" y="%d" width="%.1f" height="%d" rx="2"/>`, m.Class, html.EscapeString(title), from, y+4, width, laneHeight-8)
	for _, s := range j.Steps {
		if at := x(s.Started); !s.Started.IsZero() && at > from+3 && at < to-3 {
			fmt.Fprintf(b, `<path class="step" d="M%.1f %dv%d"><title>%s</title></path>`, at, y+4, laneHeight-8, html.EscapeString(s.Name))
		}
	}
	b.WriteString("</g>\n")
	text := m.Sign + " " + took(j.Started, j.Ended)
	switch wide := page.TextWidth(text) + 10; {
	case to+wide < lineWidth:
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`+"\n", from+width+6, y+16, text)
	case from-wide > lineLeft:
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="end">%s</text>`+"\n", from-6, y+16, text)
	default:
		fmt.Fprintf(b, `<g class="over"><text x="%.1f" y="%d">%s</text></g>`+"\n", from+6, y+16, text)
	}
}

// tick is the distance of the marks of time: round, and at most nine of them.
func tick(whole time.Duration) time.Duration {
	for _, step := range []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
		10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	} {
		if whole/step < 9 {
			return step
		}
	}
	return (whole / 8).Round(time.Hour) + time.Hour
}

func label(at time.Duration) string {
	switch {
	case at < time.Minute && at%time.Second != 0:
		return fmt.Sprintf("%.1f s", at.Seconds())
	case at < time.Minute:
		return fmt.Sprintf("%.0f s", at.Seconds())
	case at%time.Minute == 0:
		return fmt.Sprintf("%.0f min", at.Minutes())
	}
	return fmt.Sprintf("%d:%02d", int(at.Minutes()), int(at.Seconds())%60)
}
