// Package drillreport draws a drill for people: one page that needs nothing but
// itself, with a picture of each run.
package drillreport

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/page"
)

//go:embed page.html
var markup string

//go:embed page.css
var style string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"seconds": seconds, "took": took,
}).Parse(markup))

// view is what the page shows.
type view struct {
	drill.Result
	Style  template.CSS
	When   string
	Badge  page.Badge
	Totals []total
	Times  []figure
	Runs   []runView
}

type figure struct {
	Name string
	drill.Distribution
}

type runView struct {
	drill.JudgedRun
	Badge   page.Badge
	Open    bool
	Tallies []tally
	Picture template.HTML
	Facts   []fact
}

// fact is something else that was found of a run.
type fact struct{ Name, Text string }

// Write writes the page of a drill's result.
func Write(w io.Writer, r drill.Result) error {
	v := view{Result: r, Style: template.CSS(page.Style + style), When: r.Began.UTC().Format("2006-01-02 15:04:05 UTC"), Badge: badgeOf(r.Verdict), Totals: totals(r)}
	v.Times = append(figures("write gap, ", r.WriteGap), figures("read gap, ", r.ReadGap)...)
	for _, name := range []string{drill.Detection, drill.LeaseExpiry, drill.Election, drill.Promotion, drill.Stabilisation} {
		if d, seen := r.Phases[name]; seen {
			v.Times = append(v.Times, figure{"phase: " + name, d})
		}
	}
	v.Times = append(v.Times, figures("routing after the promotion, ", r.Routing)...)
	if r.Redundancy.N > 0 {
		v.Times = append(v.Times, figure{"all members replicating again", r.Redundancy})
	}
	for i, run := range r.Runs {
		v.Runs = append(v.Runs, runView{
			JudgedRun: run, Badge: badgeOf(run.Judgement.Verdict), Open: i == worst(r),
			Tallies: tallies(run), Picture: picture(run), Facts: facts(run),
		})
	}
	if err := pageTemplate.Execute(w, v); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func badgeOf(v drill.Verdict) page.Badge {
	switch v {
	case drill.Passed:
		return page.Badge{Class: "good", Sign: "✓", Text: "passed: nothing acknowledged was lost"}
	case drill.Bounded:
		return page.Badge{Class: "fair", Sign: "≈", Text: "passed: Redis lost acknowledged writes within its bound"}
	case drill.Void:
		return page.Badge{Class: "void", Sign: "?", Text: "void: the drill itself failed"}
	}
	texts := map[drill.Verdict]string{
		drill.Lost:         "data lost: acknowledged writes are missing",
		drill.SplitBrain:   "split brain: two members took writes at one time",
		drill.Inconsistent: "inconsistent: what is there is not what was written",
		drill.AppFailed:    "application failed: it did not recover by itself",
		drill.Misreported:  "misreported: the condition Ready said otherwise than things were",
		drill.NotRecovered: "not recovered: it did not become well again in time",
	}
	if text, known := texts[v]; known {
		return page.Badge{Class: "bad", Sign: "✗", Text: text}
	}
	return page.Badge{Class: "bad", Sign: "✗", Text: string(v)}
}

// facts are told as text, for they are no picture.
func facts(run drill.JudgedRun) []fact {
	list := []fact{
		{"Who led, in order", cmp.Or(strings.Join(run.Judgement.Leaders, ", "), "–")},
		{"All members replicate again after", seconds(run.Judgement.Redundancy)},
		{"Two members took writes at one time for", fmt.Sprintf("%.2f s", run.Judgement.Overlap.Seconds())},
	}
	list = append(list, truth(run.Judgement.Truth)...)
	for _, system := range slices.Sorted(maps.Keys(run.Judgement.Linearizable)) {
		text := "✗ no: a violation is proven"
		if run.Judgement.Linearizable[system] {
			text = "✓ yes"
		}
		list = append(list, fact{"Register of " + system + " is linearizable", text})
	}
	return list
}

// worst is the run to look at first.
func worst(r drill.Result) int {
	for i, run := range r.Runs {
		if run.Judgement.Verdict == r.Verdict {
			return i
		}
	}
	return 0
}

func figures(prefix string, by map[string]drill.Distribution) []figure {
	var list []figure
	for _, name := range slices.Sorted(maps.Keys(by)) {
		list = append(list, figure{prefix + name, by[name]})
	}
	return list
}

func seconds(s float64) string {
	if s < 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f s", s)
}

// took is how long a phase was.
func took(p drill.Phase) string {
	if p.Begin < 0 || p.End < 0 {
		return seconds(-1)
	}
	return seconds(p.End - p.Begin)
}
