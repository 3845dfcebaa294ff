package cache

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkOpen looks at a repository of ten thousand files that are known.
func BenchmarkOpen(b *testing.B) {
	t := &testing.T{}
	w := &world{t: t, root: b.TempDir(), local: b.TempDir()}
	for i := range 10000 {
		w.write(fmt.Sprintf("d%d/f%d.go", i%100, i), fmt.Sprint("content ", i))
	}
	w.git("init", "-q")
	w.git("add", "-A")
	later := func() time.Time { return time.Now().Add(time.Hour) }
	for b.Loop() {
		c, err := open(b.Context(), w.root, Folder(w.local), w.facts, later)
		require.NoError(b, err)
		require.NoError(b, c.Close())
	}
}
