// Package page is what the pages that pawskind writes for people share: their
// looks, and how texts fit into a picture.
package page

import (
	_ "embed"
)

// Style is the common style sheet; a page adds its own after it.
//
//go:embed page.css
var Style string

// Badge is a verdict in colour, sign and words: each alone carries the meaning.
// The classes are good, fair, bad and void.
type Badge struct{ Class, Sign, Text string }

// TextWidth is about what a text of a picture takes; fonts differ.
func TextWidth(text string) float64 { return 6.3 * float64(len([]rune(text))) }

// Cut shortens a text to so many characters, and tells whether it had to.
func Cut(text string, most int) (short string, cut bool) {
	runes := []rune(text)
	if len(runes) <= most {
		return text, false
	}
	return string(runes[:most-1]) + "…", true
}
