package secrets

import (
	"fmt"
	"strings"
)

const (
	shortest = 16
	// distinct is how many different characters a secret has at least.
	distinct = 6
)

var wellKnown = []string{"password", "passwort", "changeme", "change-me", "secret", "letmein", "qwerty", "postgres", "redis", "12345678"}

// weakness says why a value is no secret; empty when it may be one. It never
// repeats the value.
func weakness(value string) string {
	lower := strings.ToLower(value)
	seen := map[rune]bool{}
	for _, r := range value {
		if r < ' ' || r == 0x7f {
			return "has a control character"
		}
		seen[r] = true
	}
	rest := lower
	for _, word := range wellKnown {
		rest = strings.ReplaceAll(rest, word, "")
	}
	switch {
	case len(value) < shortest:
		return fmt.Sprintf("has %d characters, and shall have %d or more", len(value), shortest)
	case len(seen) < distinct:
		return fmt.Sprintf("has %d different characters, and shall have %d or more", len(seen), distinct)
	case len(rest) < shortest/2:
		return "is made of words that are tried first"
	}
	return ""
}
