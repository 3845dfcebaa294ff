package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
)

// tailLength is how many lines of a failing step are shown at the end.
const tailLength = 20

// tree is what is known of a run.
type tree struct {
	plan    *ci.Plan
	started time.Time
	jobs    []*job
	result  *ci.Result
}

type job struct {
	ci.Job
	state          state
	cached         string
	started, ended time.Time
	steps          []*step
}

type step struct {
	name           string
	state          state
	started, ended time.Time
	tail           []string
}

// apply takes an event in. Only a plan's start makes jobs, so that an event of a
// run that is not known changes nothing.
func (t *tree) apply(e ci.Event) {
	if e.Kind == ci.RunStarted {
		*t = tree{plan: e.Plan, started: e.Time}
		for _, j := range e.Plan.Jobs {
			t.jobs = append(t.jobs, &job{Job: j})
		}
		return
	}
	if e.Kind == ci.RunEnded {
		t.result = e.Result
		return
	}
	if j := t.job(e.Job); j != nil {
		j.apply(e)
	}
}

func (t *tree) job(key string) *job {
	for _, j := range t.jobs {
		if j.Key == key {
			return j
		}
	}
	return nil
}

func (j *job) apply(e ci.Event) {
	switch e.Kind {
	case ci.JobStarted:
		j.state, j.started = running, e.Time
	case ci.StepStarted:
		j.steps = append(j.steps, &step{name: e.Step, state: running, started: e.Time})
	case ci.Line:
		if s := j.step(e.Step); s != nil {
			s.tail = append(s.tail, e.Text)
			s.tail = s.tail[max(0, len(s.tail)-tailLength):]
		}
	case ci.StepEnded:
		s := j.step(e.Step)
		if s == nil { // a skipped step never starts
			s = &step{name: e.Step, started: e.Time}
			j.steps = append(j.steps, s)
		}
		s.state, s.ended = state(e.Conclusion), e.Time
	case ci.JobEnded:
		j.state, j.cached, j.ended = state(e.Conclusion), e.Cached, e.Time
		if j.started.IsZero() {
			j.started = e.Time
		}
	}
}

// step finds the step that runs by that name, else the last of that name: names
// may repeat.
func (j *job) step(name string) *step {
	for _, s := range j.steps {
		if s.name == name && s.state == running {
			return s
		}
	}
	for _, s := range slices.Backward(j.steps) {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (t *tree) title() string {
	if t.plan.Name != "" {
		return t.plan.Name + ", " + t.plan.Event
	}
	return t.plan.Event
}

func (t *tree) stepTook(e ci.Event) string {
	if j := t.job(e.Job); j != nil {
		if s := j.step(e.Step); s != nil {
			return took(s.ended.Sub(s.started))
		}
	}
	return took(0)
}

// jobNote says beside a job's name how long it took, and why it ended so.
func (t *tree) jobNote(e ci.Event) string {
	j := t.job(e.Job)
	if j == nil {
		return ""
	}
	note := ""
	if ci.Conclusion(j.state) != ci.Skipped && e.Cached == "" {
		note = " (" + took(j.ended.Sub(j.started)) + ")"
	}
	if e.Cached != "" {
		note = " (from run " + e.Cached + ")"
	}
	if e.Text != "" {
		note += ": " + firstLine(e.Text)
	}
	return note
}

// lines are the whole tree, as tall as the terminal at most.
func (t *tree) lines(s Style, now time.Time) []string {
	done := 0
	for _, j := range t.jobs {
		if j.state != waiting && j.state != running {
			done++
		}
	}
	head := fmt.Sprintf("%s  %d/%d jobs  %s", t.title(), done, len(t.jobs), took(now.Sub(t.started)))
	lines := []string{fit(head, s.Width)}
	name := 0
	for _, j := range t.jobs {
		name = max(name, len([]rune(j.Key)))
	}
	for _, j := range t.jobs {
		lines = append(lines, j.line(s, t, name, now))
		lines = append(lines, j.stepLines(s, now)...)
	}
	return t.fold(lines, s)
}

// fold keeps the head and what is not ended in sight when the tree is taller than
// the terminal.
func (t *tree) fold(lines []string, s Style) []string {
	room := s.Height - 1
	if s.Height <= 3 || len(lines) <= room {
		return lines
	}
	dropped := len(lines) - (room - 1)
	note := s.paint(faint, fmt.Sprintf("  (%s more above)", count(dropped, "line")))
	return append([]string{lines[0], note}, lines[1+dropped:]...)[:room]
}

func (j *job) line(s Style, t *tree, name int, now time.Time) string {
	note := ""
	switch {
	case j.state == waiting:
		note = j.waitsFor(t)
	case j.state == running:
		note = took(now.Sub(j.started))
	case j.cached != "":
		note = "cached, run " + j.cached
	case ci.Conclusion(j.state) == ci.Skipped:
		note = "skipped"
	default:
		note = took(j.ended.Sub(j.started))
	}
	wide := s.Width - 6
	if s.Width == 0 {
		wide = 1 << 20
	}
	text := fit(j.Key+strings.Repeat(" ", name-len([]rune(j.Key)))+"  "+note, wide)
	if j.state == waiting {
		text = s.paint(faint, text)
	}
	return s.mark(j.state, j.cached != "") + " " + text
}

// waitsFor names the first needs that have not ended.
func (j *job) waitsFor(t *tree) string {
	var open []string
	for _, need := range j.Needs {
		if n := t.job(need); n != nil && (n.state == waiting || n.state == running) {
			open = append(open, need)
		}
	}
	switch len(open) {
	case 0:
		return "waits for its turn"
	case 1, 2:
		return "waits for " + strings.Join(open, " and ")
	}
	return fmt.Sprintf("waits for %s and %d more", open[0], len(open)-1)
}

// stepLines are a running job's steps, and of an ended one what went wrong.
func (j *job) stepLines(s Style, now time.Time) []string {
	var lines []string
	for _, st := range j.steps {
		failed := ci.Conclusion(st.state).Failed()
		if j.state != running && !failed {
			continue
		}
		end := st.ended
		if st.state == running {
			end = now
		}
		text := fmt.Sprintf("%s  %s", st.name, took(end.Sub(st.started)))
		if s.Width > 0 {
			text = fit(text, s.Width-8)
		}
		lines = append(lines, "  "+s.mark(st.state, false)+" "+text)
	}
	if n := len(j.Steps) - len(j.steps); j.state == running && n > 0 {
		lines = append(lines, s.paint(faint, "    "+count(n, "step")+" to come"))
	}
	return lines
}
