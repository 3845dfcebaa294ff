package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
)

// state is a conclusion, or what comes before one.
type state string

const (
	waiting state = ""
	running state = "running"
)

// The colours of escape sequences.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "36"
	faint  = "2"
)

func (s Style) paint(colour, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// look is the sign of a state, as a symbol and as a word of four letters, so that
// no state speaks by its colour alone.
func (st state) look(cached bool) (colour, symbol, word string) {
	switch {
	case st == running:
		return blue, "●", "RUN "
	case st == waiting:
		return faint, "○", "WAIT"
	case cached && st == state(ci.Success):
		return green, "≡", "HIT "
	}
	switch ci.Conclusion(st) {
	case ci.Success:
		return green, "✓", "OK  "
	case ci.Failure:
		return red, "✗", "FAIL"
	case ci.Cancelled:
		return yellow, "⊘", "STOP"
	}
	return faint, "–", "SKIP"
}

func (s Style) mark(st state, cached bool) string {
	colour, symbol, word := st.look(cached)
	if s.Symbols {
		return s.paint(colour, symbol)
	}
	return s.paint(colour, word)
}

// word is the mark with the state in words, for lines that are read one by one.
func (s Style) word(st state, cached string) string {
	mark, text := s.mark(st, cached != ""), string(st)
	if cached != "" {
		text = "cached"
	}
	if text == "" {
		text = "waiting"
	}
	return mark + " " + text + ":"
}

// took rounds a time to what one wants to read.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "0.0s"
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// annotation is a remark in one line.
func annotation(a ci.Annotation) string {
	place := a.Place()
	if place != "" {
		place += ": "
	}
	if a.Title != "" {
		return fmt.Sprintf("%s%s: %s: %s", place, a.Level, a.Title, firstLine(a.Message))
	}
	return fmt.Sprintf("%s%s: %s", place, a.Level, firstLine(a.Message))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// fit cuts a text so that it takes no more than width columns.
func fit(text string, width int) string {
	if runes := []rune(text); width > 1 && len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}
