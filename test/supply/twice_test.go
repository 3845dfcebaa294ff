package supply

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/images"
)

// Two builds of the same sources have the same tag, and the same files but for
// those whose cause is known.
func TestImagesBuiltTwiceAreTheSame(t *testing.T) {
	if os.Getenv("PAWSKIND_BUILD_TWICE") == "" {
		t.Skip("takes minutes: make test-images")
	}
	folder, err := filepath.Abs(root)
	require.NoError(t, err)
	used, err := engine.Detect(t.Context(), os.Getenv("PAWSKIND_PROVIDER"))
	require.NoError(t, err)
	builder := &images.Builder{Engine: used, Root: folder, Progress: func(step string) { t.Log(step) }}
	listing := func(ref string) Listing {
		reader, writer := io.Pipe()
		go func() { writer.CloseWithError(used.Export(t.Context(), writer, ref)) }()
		list, err := List(reader)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, reader)
		return list
	}
	for _, name := range images.Default("17") {
		t.Run(name, func(t *testing.T) {
			first, err := builder.Ensure(t.Context(), []string{name}, false)
			require.NoError(t, err)
			before := listing(first[name])
			second, err := builder.Ensure(t.Context(), []string{name}, true)
			require.NoError(t, err)
			require.Equal(t, first[name], second[name], "the tag")
			known, unknown := Compare(before, listing(second[name]))
			t.Logf("%d files, %d differ for a known cause: %v", len(before), len(known), known)
			require.Empty(t, unknown)
		})
	}
}

func TestCompare(t *testing.T) {
	known, unknown := Compare(
		Listing{"/bin/a": "1", "/bin/gone": "1", "/app/backend.jsa": "1", "/same": "1"},
		Listing{"/bin/a": "2", "/app/backend.jsa": "2", "/same": "1", "/new": "1"},
	)
	require.Equal(t, []string{"/app/backend.jsa: Java's archive of classes is a memory image"}, known)
	require.Equal(t, []string{"/bin/a: 1, then 2", "/bin/gone: 1, then absent", "/new: absent, then 1"}, unknown)
}
