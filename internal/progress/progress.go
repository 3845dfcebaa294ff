// Package progress tells how far a long command is: a bar on a terminal, plain
// lines with the time elsewhere, and the times of its phases at the end.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Style is how progress is shown.
type Style struct {
	// Terminal redraws one line; otherwise each change is a line.
	Terminal bool
	// Symbols allows characters beyond ASCII.
	Symbols bool
	// Quiet shows nothing.
	Quiet bool
	// Width is the terminal's; 0 for unknown.
	Width int
}

// Phase is one finished part of a command.
type Phase struct {
	Name string `json:"name"`
	// Start is when it began, in seconds since the command's start.
	Start   float64 `json:"startSeconds"`
	Seconds float64 `json:"seconds"`
}

// Progress is safe for use by several goroutines.
type Progress struct {
	mu      sync.Mutex
	out     io.Writer
	style   Style
	now     func() time.Time
	begun   time.Time
	percent int
	last    string
	drawn   bool
	phases  []Phase
}

// New begins to measure.
func New(out io.Writer, style Style) *Progress {
	return newWith(out, style, time.Now)
}

func newWith(out io.Writer, style Style, now func() time.Time) *Progress {
	return &Progress{out: out, style: style, now: now, begun: now()}
}

// Show tells the percentage, which never falls, and what is waited for. A
// negative percentage leaves it as it is.
func (p *Progress) Show(percent int, format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.percent = min(max(p.percent, percent), 100)
	message := fmt.Sprintf(format, args...)
	line := fmt.Sprintf("%s %d%% - %s", bar(p.percent, p.style.Symbols), p.percent, message)
	if p.style.Quiet || line == p.last {
		return
	}
	p.last = line
	if p.style.Terminal {
		_, _ = fmt.Fprintf(p.out, "\r\x1b[2K%s", cut(line, p.style.Width))
		p.drawn = true
		return
	}
	_, _ = fmt.Fprintf(p.out, "%s %3d%% %s\n", p.now().Format("15:04:05"), p.percent, message)
}

// Note prints a line of its own above the bar.
func (p *Progress) Note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.style.Quiet {
		return
	}
	p.clear()
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
	if p.style.Terminal && p.last != "" {
		_, _ = fmt.Fprint(p.out, cut(p.last, p.style.Width))
		p.drawn = true
	}
}

// Phase begins a phase; the function that it returns ends it.
func (p *Progress) Phase(name string) (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	start := p.now()
	var once sync.Once
	return func() {
		once.Do(func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.phases = append(p.phases, Phase{name, seconds(start.Sub(p.begun)), seconds(p.now().Sub(start))})
		})
	}
}

// Finish takes the bar away, and returns the phases in the order of their start
// and the whole time.
func (p *Progress) Finish() ([]Phase, float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.last = ""
	phases := append([]Phase(nil), p.phases...)
	for i := range phases {
		for j := i; j > 0 && phases[j].Start < phases[j-1].Start; j-- {
			phases[j], phases[j-1] = phases[j-1], phases[j]
		}
	}
	return phases, seconds(p.now().Sub(p.begun))
}

// Clear takes the bar away until the next Show.
func (p *Progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *Progress) clear() {
	if p.drawn {
		_, _ = fmt.Fprint(p.out, "\r\x1b[2K")
		p.drawn = false
	}
}

const barWidth = 20

func bar(percent int, symbols bool) string {
	full, empty := "#", "-"
	if symbols {
		full, empty = "█", " "
	}
	n := percent * barWidth / 100
	return "[" + strings.Repeat(full, n) + strings.Repeat(empty, barWidth-n) + "]"
}

// cut keeps a line on one row, or redrawing would leave rows behind.
func cut(line string, width int) string {
	if runes := []rune(line); width > 1 && len(runes) >= width {
		return string(runes[:width-1])
	}
	return line
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(100*time.Millisecond)) / float64(time.Second)
}
