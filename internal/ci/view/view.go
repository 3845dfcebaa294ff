// Package view shows a run of a workflow while it goes on: a tree of jobs and
// steps that is drawn anew on a terminal, plain lines elsewhere, one JSON value
// a line for programs; and at the end what came of it.
package view

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/paws360/pawskind/internal/ci"
)

// Style is how a run is shown.
type Style struct {
	// Terminal redraws the tree; otherwise each change is a line.
	Terminal bool
	// Symbols allows characters beyond ASCII, Colour escape sequences.
	Symbols, Colour bool
	// Quiet shows only the end, Verbose also what the steps print.
	Quiet, Verbose bool
	// Width and Height are the terminal's; 0 for unknown.
	Width, Height int
}

// View is safe for use by several goroutines.
type View struct {
	mu    sync.Mutex
	out   io.Writer
	style Style
	now   func() time.Time
	tree  tree
	drawn int
}

// New shows runs on out.
func New(out io.Writer, style Style) *View { return newWith(out, style, time.Now) }

func newWith(out io.Writer, style Style, now func() time.Time) *View {
	return &View{out: out, style: style, now: now}
}

// Live moves the times of what runs until the function that it returns is called.
func (v *View) Live() (stop func()) {
	if !v.style.Terminal || v.style.Quiet {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				v.mu.Lock()
				v.draw()
				v.mu.Unlock()
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() { close(done); <-ended; v.Clear() })
	}
}

// Tell shows what happened.
func (v *View) Tell(e ci.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.Kind == ci.Line && e.Job == "" && !v.style.Quiet { // of the run as a whole
		v.clear()
		_, _ = fmt.Fprintln(v.out, e.Text)
		return
	}
	v.tree.apply(e)
	switch {
	case v.style.Quiet:
	case !v.style.Terminal:
		v.plain(e)
	case e.Kind == ci.RunEnded:
		v.clear()
	case e.Kind == ci.Line && v.style.Verbose:
		v.clear()
		_, _ = fmt.Fprintf(v.out, "%s %s\n", v.style.paint(faint, e.Job+" |"), e.Text)
		v.draw()
	case e.Kind != ci.Line:
		v.draw()
	}
}

// Clear takes the tree away until something happens.
func (v *View) Clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
}

func (v *View) clear() {
	if v.drawn > 0 {
		_, _ = fmt.Fprintf(v.out, "\x1b[%dA\r\x1b[J", v.drawn)
		v.drawn = 0
	}
}

// draw writes the tree over the one before, in one go so that it does not flicker.
func (v *View) draw() {
	if v.tree.plan == nil {
		return
	}
	lines := v.tree.lines(v.style, v.now())
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", v.drawn)
	}
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	v.drawn = len(lines)
	_, _ = io.WriteString(v.out, b.String())
}

// plain tells one event in one line that begins with its time.
func (v *View) plain(e ci.Event) {
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(v.out, "%s %s\n", e.Time.Local().Format("15:04:05"), fmt.Sprintf(format, args...))
	}
	switch e.Kind {
	case ci.RunStarted:
		say("%s (%s): %s", v.tree.title(), e.Plan.File, count(len(e.Plan.Jobs), "job"))
	case ci.JobStarted:
		say("%s %s", v.style.word(running, ""), e.Job)
	case ci.StepStarted:
		if v.style.Verbose {
			say("%s %s / %s", v.style.word(running, ""), e.Job, e.Step)
		}
	case ci.Line:
		if v.style.Verbose {
			say("%s | %s", e.Job, e.Text)
		}
	case ci.Annotated:
		say("%s: %s", e.Job, annotation(*e.Annotation))
	case ci.StepEnded:
		say("%s %s / %s (%s)", v.style.word(state(e.Conclusion), ""), e.Job, e.Step, v.tree.stepTook(e))
	case ci.JobEnded:
		say("%s %s%s", v.style.word(state(e.Conclusion), e.Cached), e.Job, v.tree.jobNote(e))
	}
}

// JSON writes each event as one line of JSON.
func JSON(out io.Writer) ci.Tell {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return func(e ci.Event) { _ = encoder.Encode(e) }
}

// Several tells all of them.
func Several(tells ...ci.Tell) ci.Tell {
	return func(e ci.Event) {
		for _, tell := range tells {
			tell(e)
		}
	}
}
