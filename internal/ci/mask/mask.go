// Package mask keeps secrets out of what a run prints. A value is found as it
// is, percent-encoded, quoted as JSON and in base64 at every alignment, also
// when line ends or writes fall into the middle of it.
package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// Shortest is the length below which a value is not masked: it would hide
	// half of every log and still be guessed.
	Shortest = 4
	// acrossLines is the length from which a value is found although a line end
	// falls into it; shorter ones would be found by chance.
	acrossLines = 8
	stars       = "***"
)

// Set is the values that are masked. It is safe for use by several goroutines,
// and what is added applies to the writers that exist already.
type Set struct {
	mu       sync.Mutex
	values   map[string]bool
	patterns map[string]bool
	compiled atomic.Pointer[matcher]
}

// New is the set of those values; short ones are left out.
func New(values ...string) *Set {
	s := &Set{values: map[string]bool{}, patterns: map[string]bool{}}
	s.compiled.Store(&matcher{})
	for _, v := range values {
		s.Add(v)
	}
	return s
}

// Add masks one more value from now on; false tells that it is too short.
func (s *Set) Add(value string) bool {
	value = strings.TrimRight(value, "\r\n")
	if len(value) < Shortest {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values[value] {
		return true
	}
	s.values[value] = true
	for _, form := range forms(value) {
		s.patterns[form] = true
	}
	s.compiled.Store(compile(s.patterns))
	return true
}

// Text masks a text that stands for itself.
func (s *Set) Text(text string) string {
	m := s.compiled.Load()
	if m.empty() {
		return text
	}
	var out bytes.Buffer
	c := cover{matcher: m}
	c.write(&out, []byte(text), true)
	return out.String()
}

// Hides tells whether the text holds a masked value.
func (s *Set) Hides(text string) bool { return s.Text(text) != text }

// forms are the ways in which a value may show up: whole, and each of its lines.
func forms(value string) []string {
	parts := []string{value}
	if strings.ContainsAny(value, "\r\n") {
		for line := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if line = strings.TrimSpace(line); len(line) >= Shortest {
				parts = append(parts, line)
			}
		}
	}
	var all []string
	for _, p := range parts {
		if !strings.ContainsAny(p, "\r\n") {
			all = append(all, p)
		}
		all = append(all, quoted(p)...)
		all = append(all, base64Forms(p)...)
	}
	return all
}

// quoted are the value as the inside of a JSON string, as the common encoders
// write it; only where that differs.
func quoted(value string) []string {
	var forms []string
	for _, escape := range []bool{true, false} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(escape)
		if e.Encode(value) != nil {
			continue
		}
		text := strings.TrimSuffix(b.String(), "\n")
		if inner := text[1 : len(text)-1]; inner != value {
			forms = append(forms, inner)
		}
	}
	return forms
}

// base64Forms are the letters that the value alone decides, when 0, 1 or 2 bytes
// stand before it in its group of three.
func base64Forms(value string) []string {
	var forms []string
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := encoding.EncodeToString(append(make([]byte, before), value...))
			from, to := (before*8+5)/6, (before+len(value))*8/6
			if to-from >= Shortest {
				forms = append(forms, text[from:to])
			}
		}
	}
	return forms
}
