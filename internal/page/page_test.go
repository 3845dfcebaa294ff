package page

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCut(t *testing.T) {
	short, cut := Cut("größer", 6)
	require.Equal(t, "größer", short)
	require.False(t, cut)
	short, cut = Cut("größer", 4)
	require.Equal(t, "grö…", short)
	require.True(t, cut)
	require.Less(t, TextWidth("a"), TextWidth("ab"))
}

func TestPagesNeedNothingButThemselves(t *testing.T) {
	require.NotRegexp(t, regexp.MustCompile(`url\(|@import|https?:`), Style)
}

// Each colour has its counterpart in the dark, or a page would be unreadable there.
func TestColoursAreForLightAndDark(t *testing.T) {
	named := regexp.MustCompile(`(--[a-z]+):`).FindAllStringSubmatch(Style, -1)
	seen := map[string]int{}
	for _, match := range named {
		seen[match[1]]++
	}
	require.NotEmpty(t, seen)
	for name, times := range seen {
		require.Equal(t, 2, times, name)
	}
}
