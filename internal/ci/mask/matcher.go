package mask

import (
	"maps"
	"slices"
)

// matcher finds patterns in a text. Patterns are kept by their first byte.
type matcher struct {
	starts [256][]string
	// anywhere are all patterns: a percent-encoded one starts with '%'.
	anywhere []string
}

func compile(patterns map[string]bool) *matcher {
	m := &matcher{}
	for _, p := range slices.Sorted(maps.Keys(patterns)) {
		m.anywhere = append(m.anywhere, p)
		m.starts[p[0]] = append(m.starts[p[0]], p)
		if p[0] == ' ' {
			m.starts['+'] = append(m.starts['+'], p)
		}
	}
	if m.anywhere != nil {
		m.starts['%'] = m.anywhere
	}
	return m
}

func (m *matcher) empty() bool { return m.anywhere == nil }

// longest is where the longest pattern that starts at the beginning of the text
// ends, 0 for none; undecided tells that with more text it could be another.
func (m *matcher) longest(text []byte) (end int, undecided bool) {
	for _, p := range m.starts[text[0]] {
		for _, read := range []reader{literal, percent} {
			e, more := match(text, p, read)
			undecided = undecided || more
			end = max(end, e)
		}
	}
	return end, undecided
}

// reader reads one byte of a pattern from a text that is not empty: how many
// bytes stand for it, 0 when others do, and whether the text ends too early.
type reader func(text []byte, want byte) (n int, more bool)

func literal(text []byte, want byte) (int, bool) {
	if text[0] == want {
		return 1, false
	}
	return 0, false
}

// percent takes what may be percent-encoded, as every encoder leaves other
// characters alone.
func percent(text []byte, want byte) (int, bool) {
	switch {
	case text[0] == '%':
		for i, digit := range []byte{want >> 4, want & 15} {
			if len(text) == i+1 {
				return 0, true
			}
			if hex(text[i+1]) != digit {
				return 0, false
			}
		}
		return 3, false
	case text[0] == '+' && want == ' ':
		return 1, false
	}
	return literal(text, want)
}

func hex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// match is where the pattern, which starts at the beginning of the text, ends;
// more tells that the text ended before that was decided.
func match(text []byte, pattern string, read reader) (end int, more bool) {
	at := 0
	for i := range len(pattern) {
		if i > 0 && len(pattern) >= acrossLines {
			at += lineEnd(text[at:])
		}
		if at == len(text) {
			return 0, true
		}
		n, more := read(text[at:], pattern[i])
		if more || (text[at] == '\r' && at+1 == len(text) && i > 0) {
			return 0, true
		}
		if n == 0 {
			return 0, false
		}
		at += n
	}
	return at, false
}

// lineEnd is the length of the one line end at the beginning of the text.
func lineEnd(text []byte) int {
	switch {
	case len(text) > 0 && text[0] == '\n':
		return 1
	case len(text) > 1 && text[0] == '\r' && text[1] == '\n':
		return 2
	}
	return 0
}
