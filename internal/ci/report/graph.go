package report

import (
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/page"
)

// The graph's measures, in its own units.
const (
	nodeWidth, nodeHeight = 206, 48
	columnGap, rowGap     = 62, 14
	passHeight            = 8
	margin                = 10
	nameLength            = 22
)

// graph draws the jobs in layers from left to right.
func graph(jobs []jobView) template.HTML {
	if len(jobs) == 0 {
		return ""
	}
	all := layers(needsOf(jobs))
	tallest := 0
	for _, layer := range all {
		tallest = max(tallest, heightOf(layer))
	}
	var nodes, edges strings.Builder
	var before []int // the middles of the layer before
	for d, layer := range all {
		x, y := margin+d*(nodeWidth+columnGap), margin+(tallest-heightOf(layer))/2
		middles := make([]int, len(layer))
		for i, it := range layer {
			height := height(it)
			middles[i] = y + height/2
			if it.job >= 0 {
				node(&nodes, jobs[it.job], x, y)
			} else {
				fmt.Fprintf(&edges, `<path class="edge" d="M%d %dh%d"/>`+"\n", x, middles[i], nodeWidth)
			}
			for _, from := range it.from {
				edge(&edges, x-columnGap, before[from], x, middles[i], it.job >= 0)
			}
			y += height + rowGap
		}
		before = middles
	}
	wide, tall := 2*margin+len(all)*(nodeWidth+columnGap)-columnGap, 2*margin+tallest
	key, below := legend(jobs, tall)
	wide = max(wide, 560)
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %d" style="max-width:%dpx;min-width:%dpx" role="img" aria-label="The jobs as a graph; the list below says the same">
%s%s%s</svg>`, wide, below, wide, min(wide, 900)*3/4, edges.String(), nodes.String(), key)) //nolint:gosec // every text in it was escaped
}

func needsOf(jobs []jobView) [][]int {
	needs := make([][]int, len(jobs))
	for i, j := range jobs {
		for _, need := range j.Needs {
			at := slices.IndexFunc(jobs, func(other jobView) bool { return other.Key == need })
			if at >= 0 && at != i {
				needs[i] = append(needs[i], at)
			}
		}
	}
	return needs
}

func height(i item) int {
	if i.job < 0 {
		return passHeight
	}
	return nodeHeight
}

func heightOf(layer []item) int {
	total := -rowGap
	for _, i := range layer {
		total += height(i) + rowGap
	}
	return total
}

// edge leads from one column to the next; only into a job it has an arrow.
func edge(b *strings.Builder, x1, y1, x2, y2 int, arrow bool) {
	end := x2
	if arrow {
		end -= 6
		fmt.Fprintf(b, `<path class="arrow" d="M%d %dl-8 -4v8z"/>`+"\n", x2, y2)
	}
	fmt.Fprintf(b, `<path class="edge" d="M%d %dC%d %d %d %d %d %d"/>`+"\n", x1, y1, x1+columnGap/2, y1, x2-columnGap/2, y2, end, y2)
}

// node is a job: its state shows in the colour, in the edge, in a sign and in a word.
func node(b *strings.Builder, j jobView, x, y int) {
	name, _ := page.Cut(j.Key, nameLength)
	text := j.Mark.Word
	if j.Mark.Class != "skipped" {
		text += ", " + took(j.Started, j.Ended)
	}
	title := j.Key + ": " + text
	if j.Reason != "" {
		title += "; " + j.Reason
	}
	round := map[string]int{"failed": 0, "skipped": nodeHeight / 2, "cancelled": nodeHeight / 2}
	radius, other := round[j.Mark.Class]
	if !other {
		radius = 7
	}
	fmt.Fprintf(b, `<g class="node %s"><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="%d"/>`, j.Mark.Class, html.EscapeString(title), x, y, nodeWidth, nodeHeight, radius)
	if j.Mark.Class == "cached" {
		fmt.Fprintf(b, `<rect class="inner" x="%d" y="%d" width="%d" height="%d" rx="4"/>`, x+3, y+3, nodeWidth-6, nodeHeight-6)
	}
	fmt.Fprintf(b, `<text class="sign" x="%d" y="%d" text-anchor="middle">%s</text><text class="name" x="%d" y="%d">%s</text><text x="%d" y="%d">%s</text>`,
		x+19, y+29, j.Mark.Sign, x+34, y+20, html.EscapeString(name), x+34, y+37, html.EscapeString(text))
	if n := len(j.NotReproduced); n > 0 {
		fmt.Fprintf(b, `<g><title>%d not reproduced here</title><path class="flag" d="M%d %dl9 9l-9 9l-9 -9z"/><text x="%d" y="%d" text-anchor="middle">%d</text></g>`,
			n, x+nodeWidth-12, y-6, x+nodeWidth-12, y+7, n)
	}
	b.WriteString("</g>\n")
}

// legend tells what the looks mean, of those that are there.
func legend(jobs []jobView, y int) (drawn string, bottom int) {
	var b strings.Builder
	x := margin
	for _, m := range []mark{{"ran", "✓", "ran"}, {"cached", "≡", "cached"}, {"failed", "✗", "failed"}, {"skipped", "–", "skipped"}, {"cancelled", "⊘", "cancelled"}} {
		if !slices.ContainsFunc(jobs, func(j jobView) bool { return j.Mark.Class == m.Class }) {
			continue
		}
		radius := map[string]int{"failed": 0, "skipped": 7, "cancelled": 7}[m.Class]
		fmt.Fprintf(&b, `<g class="node %s"><rect x="%d" y="%d" width="22" height="14" rx="%d"/></g><text x="%d" y="%d">%s %s</text>`+"\n", m.Class, x, y+6, radius, x+28, y+17, m.Sign, m.Word)
		x += 52 + int(page.TextWidth(m.Word))
	}
	if slices.ContainsFunc(jobs, func(j jobView) bool { return len(j.NotReproduced) > 0 }) {
		fmt.Fprintf(&b, `<path class="flag" d="M%d %dl8 8l-8 8l-8 -8z"/><text x="%d" y="%d">something in it is not reproduced here</text>`+"\n", x+10, y+5, x+24, y+17)
	}
	return b.String(), y + 28
}
