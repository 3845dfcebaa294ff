package progress

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock gives a time that moves by a second with each look.
func clock() func() time.Time {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func TestTerminal(t *testing.T) {
	var out bytes.Buffer
	p := newWith(&out, Style{Terminal: true, Symbols: true}, clock())
	p.Show(50, "Waiting for etcd quorum (%d/%d members ready)", 2, 3)
	p.Show(50, "Waiting for etcd quorum (2/3 members ready)")
	p.Show(10, "never falls")
	p.Note("a line")
	p.Finish()
	require.Equal(t, "\r\x1b[2K[██████████          ] 50% - Waiting for etcd quorum (2/3 members ready)"+
		"\r\x1b[2K[██████████          ] 50% - never falls"+
		"\r\x1b[2Ka line\n[██████████          ] 50% - never falls\r\x1b[2K", out.String())
}

func TestPlain(t *testing.T) {
	var out bytes.Buffer
	p := newWith(&out, Style{Symbols: true}, clock())
	p.Show(5, "Looking")
	p.Show(5, "Looking")
	p.Show(100, "Done")
	p.Note("a line")
	p.Finish()
	require.Equal(t, "03:04:07   5% Looking\n03:04:08 100% Done\na line\n", out.String())
}

func TestQuiet(t *testing.T) {
	var out bytes.Buffer
	p := newWith(&out, Style{Terminal: true, Quiet: true}, clock())
	p.Show(5, "x")
	p.Note("y")
	p.Finish()
	require.Empty(t, out.String())
}

func TestWithoutSymbolsAndNarrow(t *testing.T) {
	require.Equal(t, "[########------------]", bar(40, false))
	require.Equal(t, "[####################]", bar(100, false))
	require.Equal(t, "abc", cut("abcdef", 4))
	require.Equal(t, "abcdef", cut("abcdef", 0))
}

func TestPhasesAreInTheOrderOfTheirStart(t *testing.T) {
	p := newWith(&bytes.Buffer{}, Style{}, clock())
	endImages := p.Phase("images")
	endCluster := p.Phase("cluster")
	endCluster()
	endCluster()
	endImages()
	phases, total := p.Finish()
	require.Equal(t, []Phase{{"images", 1, 3}, {"cluster", 2, 1}}, phases)
	require.InDelta(t, 5, total, 0.01)
}
