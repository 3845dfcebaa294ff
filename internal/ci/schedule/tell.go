package schedule

import (
	"strings"
	"sync"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/mask"
)

// patience is how long a line is held back that may be the beginning of a
// secret which goes on in the next.
const patience = 200 * time.Millisecond

// teller passes events on, one at a time.
type teller struct {
	mu   sync.Mutex
	tell ci.Tell
}

func (t *teller) pass(e ci.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	t.tell(e)
}

// jobTeller passes one leg's events on, masked.
type jobTeller struct {
	mu    sync.Mutex
	key   string
	masks *mask.Set
	next  func(ci.Event)
	// lines are those whose text is still in the masks, shown is what came out.
	writer *mask.Writer
	lines  []ci.Event
	shown  strings.Builder
	timer  *time.Timer
}

func newJobTeller(key string, masks *mask.Set, next func(ci.Event)) *jobTeller {
	t := &jobTeller{key: key, masks: masks, next: next}
	t.writer = masks.Writer(&t.shown)
	return t
}

func (t *jobTeller) tell(e ci.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.Job = t.key
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.Kind == ci.Line {
		t.line(e)
		return
	}
	t.flush()
	e.Text = t.masks.Text(e.Text)
	if e.Annotation != nil {
		a := maskAnnotation(t.masks, *e.Annotation)
		e.Annotation = &a
	}
	t.next(e)
}

// line sends a line through the masks as part of the job's whole output, so that
// a secret that goes over several lines is found.
func (t *jobTeller) line(e ci.Event) {
	for text := range strings.SplitSeq(strings.TrimSuffix(e.Text, "\n"), "\n") {
		e.Text = text
		t.lines = append(t.lines, e)
		_, _ = t.writer.Write([]byte(text + "\n")) // a strings.Builder takes everything
	}
	t.release()
	if len(t.lines) > 0 && t.timer == nil {
		t.timer = time.AfterFunc(patience, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.timer = nil
			t.flush()
		})
	}
}

// flush lets go of all lines.
func (t *jobTeller) flush() {
	_ = t.writer.Flush()
	t.release()
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
}

// release passes on the lines that have come out whole. The masks keep line ends.
func (t *jobTeller) release() {
	text := t.shown.String()
	for len(t.lines) > 0 {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			break
		}
		e := t.lines[0]
		e.Text, t.lines, text = line, t.lines[1:], rest
		t.next(e)
	}
	t.shown.Reset()
	t.shown.WriteString(text)
}

func maskAnnotation(masks *mask.Set, a ci.Annotation) ci.Annotation {
	a.Title, a.Message, a.File = masks.Text(a.Title), masks.Text(a.Message), masks.Text(a.File)
	return a
}
