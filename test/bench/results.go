package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/test/bench/machine"
)

// figure is one measured thing, with every value in the order it was seen.
type figure struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"`
}

type results struct {
	Time    time.Time       `json:"time"`
	Machine machine.Machine `json:"machine"`
	Figures []figure        `json:"figures,omitempty"`
	Pairs   []pairs         `json:"pairs,omitempty"`
}

// pairs is one benchmark by two ways, in operations a second, in the order they
// were seen. What protection costs is told pair by pair.
type pairs struct {
	Name      string    `json:"name"`
	Protected []float64 `json:"protected"`
	Without   []float64 `json:"without"`
	// LimitPercent is what protection may cost; 0 for no limit.
	LimitPercent float64 `json:"limitPercent,omitempty"`
}

func (r *results) pair(name string, limit, protected, without float64) {
	i := slices.IndexFunc(r.Pairs, func(p pairs) bool { return p.Name == name })
	if i < 0 {
		i, r.Pairs = len(r.Pairs), append(r.Pairs, pairs{Name: name, LimitPercent: limit})
	}
	r.Pairs[i].Protected = append(r.Pairs[i].Protected, protected)
	r.Pairs[i].Without = append(r.Pairs[i].Without, without)
}

// costs are what protection cost in each pair, in percent of the throughput
// without; sorted.
func (p pairs) costs() []float64 {
	var list []float64
	for i := range p.Protected {
		list = append(list, 100*(1-p.Protected[i]/p.Without[i]))
	}
	slices.Sort(list)
	return list
}

func (r *results) add(name, unit string, value float64) {
	for i := range r.Figures {
		if r.Figures[i].Name == name {
			r.Figures[i].Values = append(r.Figures[i].Values, value)
			return
		}
	}
	r.Figures = append(r.Figures, figure{name, unit, []float64{value}})
}

// table renders the figures as Markdown.
func (r *results) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n\n", r.Time.Format(time.DateOnly), r.Machine)
	if len(r.Pairs) > 0 {
		b.WriteString("| what | protected | without | cost, median (min to max) | may be | pairs |\n|---|---|---|---|---|---|\n")
	}
	for _, p := range r.Pairs {
		costs, limit := p.costs(), "–"
		if p.LimitPercent > 0 {
			limit = fmt.Sprintf("%.0f %%", p.LimitPercent)
		}
		fmt.Fprintf(&b, "| %s | %.0f/s | %.0f/s | %.1f %% (%.1f to %.1f) | %s | %d |\n", p.Name,
			median(slices.Sorted(slices.Values(p.Protected))), median(slices.Sorted(slices.Values(p.Without))),
			median(costs), costs[0], costs[len(costs)-1], limit, len(costs))
	}
	if len(r.Figures) == 0 {
		return b.String()
	}
	b.WriteString("| what | unit | min | median | max | n |\n|---|---|---|---|---|---|\n")
	for _, f := range r.Figures {
		sorted := slices.Sorted(slices.Values(f.Values))
		n := len(sorted)
		fmt.Fprintf(&b, "| %s | %s | %.1f | %.1f | %.1f | %d |\n", f.Name, f.Unit, sorted[0], median(sorted), sorted[n-1], n)
	}
	return b.String()
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
