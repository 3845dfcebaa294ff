// Package drillreport draws a drill for people: one page that needs nothing but
// itself, with a picture of each run.
package drillreport

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/paws360/pawskind/internal/drill"
)

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"seconds": seconds,
}).Parse(page))

// view is what the page shows.
type view struct {
	drill.Result
	When   string
	Badge  badge
	Totals []drill.Tally
	Gaps   []figure
	Phases []figure
	Runs   []runView
}

// badge is a verdict in colour, sign and words: each alone carries the meaning.
type badge struct{ Class, Sign, Text string }

type figure struct {
	Name string
	drill.Distribution
}

type runView struct {
	drill.JudgedRun
	Badge   badge
	Open    bool
	Picture template.HTML
}

// Write writes the page of a drill's result.
func Write(w io.Writer, r drill.Result) error {
	v := view{Result: r, When: r.Began.UTC().Format(time.RFC1123), Badge: badgeOf(r.Verdict), Totals: drill.Totals(r)}
	v.Gaps = append(figures("write gap, ", r.WriteGap), figures("read gap, ", r.ReadGap)...)
	for _, name := range []string{drill.Detection, drill.LeaseExpiry, drill.Election, drill.Promotion, drill.Stabilisation} {
		if d, seen := r.Phases[name]; seen {
			v.Phases = append(v.Phases, figure{name, d})
		}
	}
	for i, run := range r.Runs {
		v.Runs = append(v.Runs, runView{run, badgeOf(run.Judgement.Verdict), i == worst(r), picture(run)})
	}
	if err := pageTemplate.Execute(w, v); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func badgeOf(v drill.Verdict) badge {
	switch v {
	case drill.Passed:
		return badge{"good", "✓", "passed: nothing acknowledged was lost"}
	case drill.Bounded:
		return badge{"fair", "≈", "passed: Redis lost acknowledged writes within its bound"}
	case drill.Void:
		return badge{"void", "?", "void: the drill itself failed"}
	}
	return badge{"bad", "✗", string(v)}
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
