package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
)

// Summary tells what came of the run: the failing steps' last lines, the
// annotations, a row for each job, and what was not reproduced.
func (v *View) Summary(out io.Writer, r ci.Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := &writer{out: out, style: v.style}
	for _, j := range r.Jobs {
		if j.Conclusion.Failed() {
			w.failure(j, v.tree.job(j.Key))
		}
	}
	w.annotations(r.Jobs)
	w.table(r)
	w.notReproduced(r.NotReproduced)
}

type writer struct {
	out   io.Writer
	style Style
}

func (w *writer) say(format string, args ...any) { _, _ = fmt.Fprintf(w.out, format+"\n", args...) }

// failure shows of a failed job the steps that failed, each with its last lines.
func (w *writer) failure(result ci.JobResult, seen *job) {
	shown := false
	if seen != nil {
		for _, s := range seen.steps {
			if !ci.Conclusion(s.state).Failed() {
				continue
			}
			shown = true
			w.say("%s %s", w.style.mark(s.state, false), w.style.paint(red, result.Key+" / "+s.name))
			for _, line := range s.tail {
				w.say("    %s", line)
			}
		}
	}
	if !shown || result.Reason != "" {
		w.say("%s %s", w.style.mark(state(result.Conclusion), false), w.style.paint(red, result.Key))
		if result.Reason != "" {
			w.say("    %s", result.Reason)
		}
	}
	w.say("")
}

func (w *writer) annotations(jobs []ci.JobResult) {
	some := false
	for _, j := range jobs {
		for _, a := range j.Annotations {
			some = true
			colour := map[string]string{"error": red, "warning": yellow}[a.Level]
			w.say("%s %s", w.style.paint(colour, annotation(a)), w.style.paint(faint, "("+j.Key+")"))
		}
	}
	if some {
		w.say("")
	}
}

func (w *writer) table(r ci.Result) {
	rows := [][]string{{"", "JOB", "RESULT", "TIME", "STEPS", "NOTE"}}
	for _, j := range r.Jobs {
		rows = append(rows, w.row(j))
	}
	rows[0][0] = strings.Repeat(" ", len([]rune(plainMark(w.style, waiting))))
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				widths[i] = max(widths[i], len([]rune(cell)))
			}
		}
	}
	for _, row := range rows {
		line := row[0]
		for i, cell := range row[1:] {
			line += " " + cell + strings.Repeat(" ", widths[i+1]-len([]rune(cell))+1)
		}
		w.say("%s", strings.TrimRight(line, " "))
	}
	w.say("")
	w.say("%s %s: %s in %s (%s)", w.style.mark(state(r.Conclusion), false), r.Workflow, r.Conclusion, took(r.Ended.Sub(r.Started)), tally(r.Jobs))
}

func plainMark(s Style, st state) string {
	_, symbol, word := st.look(false)
	if s.Symbols {
		return symbol
	}
	return word
}

func (w *writer) row(j ci.JobResult) []string {
	result, time := string(j.Conclusion), took(j.Ended.Sub(j.Started))
	if j.Cached != "" {
		result = "cached"
	}
	if j.Conclusion == ci.Skipped {
		time = "-"
	}
	note := firstLine(j.Reason)
	switch {
	case j.Cached != "":
		note = "from run " + j.Cached
	case j.ContinueOnError && j.Conclusion == ci.Failure:
		note = strings.TrimPrefix(note+", may fail", ", ")
	}
	return []string{w.style.mark(state(j.Conclusion), j.Cached != ""), j.Key, result, time, fmt.Sprint(len(j.Steps)), note}
}

// tally counts the jobs by how they ended, in a fixed order.
func tally(jobs []ci.JobResult) string {
	counts := map[string]int{}
	for _, j := range jobs {
		switch {
		case j.Cached != "":
			counts["cached"]++
		case j.Conclusion == ci.Success:
			counts["ran"]++
		default:
			counts[string(j.Conclusion)]++
		}
	}
	var parts []string
	for _, kind := range []struct{ key, word string }{{"ran", "ran"}, {"cached", "cached"}, {"failure", "failed"}, {"cancelled", "cancelled"}, {"skipped", "skipped"}} {
		if n := counts[kind.key]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, kind.word))
		}
	}
	if len(parts) == 0 {
		return "no jobs"
	}
	return strings.Join(parts, ", ")
}

func (w *writer) notReproduced(notices []ci.Notice) {
	if len(notices) == 0 {
		return
	}
	w.say("")
	w.say("Not reproduced here:")
	for _, n := range notices {
		w.say("  %s:%d %s: %s", n.File, n.Line, n.What, n.Why)
	}
}

// Plan shows what a run would do, without doing it.
func Plan(out io.Writer, s Style, p ci.Plan, steps bool) {
	w := &writer{out: out, style: s}
	w.say("%s (%s, %s): %s", p.Name, p.File, p.Event, count(len(p.Jobs), "job"))
	for _, j := range p.Jobs {
		line := "  " + j.Key
		if len(j.Needs) > 0 {
			line += s.paint(faint, "  after "+strings.Join(j.Needs, ", "))
		}
		if len(j.Services) > 0 {
			names := make([]string, len(j.Services))
			for i, service := range j.Services {
				names[i] = service.Name
			}
			line += s.paint(faint, "  with "+strings.Join(names, ", "))
		}
		if j.Timeout > 0 {
			line += s.paint(faint, "  at most "+j.Timeout.Round(time.Second).String())
		}
		w.say("%s", line)
		if steps {
			for _, step := range j.Steps {
				w.say("      %s", step)
			}
		}
	}
	w.notReproduced(p.NotReproduced)
}
