package cache

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

func TestReads(t *testing.T) {
	for name, test := range map[string]struct {
		paths   []string
		yes, no []string
	}{
		"nothing declared":    {nil, []string{"a", "b/c"}, nil},
		"a file":              {[]string{"go.mod"}, []string{"go.mod"}, []string{"x/go.mod", "go.mod2", "gozmod"}},
		"a folder":            {[]string{"src"}, []string{"src/a", "src/b/c"}, []string{"srcs/a", "x/src/a"}},
		"a folder with slash": {[]string{"./src/"}, []string{"src/a", "src/b/c"}, []string{"srcs/a"}},
		"one star":            {[]string{"*.go"}, []string{"a.go"}, []string{"x/a.go", "a.got"}},
		"a star and a folder": {[]string{"apps/*"}, []string{"apps/a", "apps/a/b/c"}, []string{"app/a"}},
		"two stars":           {[]string{"**/*.go"}, []string{"a.go", "x/a.go", "x/y/a.go"}, []string{"a.md"}},
		"two stars at last":   {[]string{"src/**"}, []string{"src/a", "src/b/c"}, []string{"a", "src2/a"}},
		"within":              {[]string{"a/**/z"}, []string{"a/z", "a/b/c/z"}, []string{"z", "b/z"}},
		"one letter":          {[]string{"a?c"}, []string{"abc"}, []string{"ac", "a/c", "abbc"}},
		"letters":             {[]string{"[a-c].go", "[!x]y"}, []string{"b.go", "ay"}, []string{"d.go", "xy"}},
		"an escape":           {[]string{`a\*`}, []string{"a*"}, []string{"ab"}},
		"taken away":          {[]string{"src/**", "!**/*.md", "src/keep.md"}, []string{"src/a.go", "src/keep.md"}, []string{"src/b.md", "x"}},
		"all but":             {[]string{"!docs/**"}, []string{"a", "src/b"}, []string{"docs/a"}},
		"all":                 {[]string{"."}, []string{"a", "b/c"}, nil},
		"a wrong class":       {[]string{"src/[z-a]"}, []string{"a", "src/b"}, nil},
		"characters":          {[]string{"a+(b).txt", "c d"}, []string{"a+(b).txt", "c d"}, []string{"aab.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			reads := Reads(ci.Job{Paths: test.paths})
			for _, name := range test.yes {
				require.True(t, reads(name), name)
			}
			for _, name := range test.no {
				require.False(t, reads(name), name)
			}
		})
	}
}

func TestWhatAJobCallsIsRead(t *testing.T) {
	reads := Reads(ci.Job{Paths: []string{"src", "!hack"}, Definition: "uses: ./tools/action\nrun: |\n  ./hack/run.sh --all ./...\n  cd ../x; a/./b.sh \"./gradlew\""})
	for _, name := range []string{"tools/action/action.yml", "hack/run.sh", "gradlew", ".github/actions/a/action.yml"} {
		require.True(t, reads(name), name)
	}
	for _, name := range []string{"hack/other.sh", "b.sh", "README.md"} {
		require.False(t, reads(name), name)
	}
}

func TestAffected(t *testing.T) {
	plan := &ci.Plan{File: "ci.yml", Jobs: []ci.Job{
		{Key: "report", Needs: []string{"unit"}, Paths: []string{"report"}},
		{Key: "unit", Needs: []string{"lint"}, Paths: []string{"src"}},
		{Key: "lint", Paths: []string{"hack"}},
		{Key: "docs", Paths: []string{"docs"}},
	}}
	for name, want := range map[string][]string{
		"src/a":    {"report", "unit"},
		"hack/a":   {"report", "unit", "lint"},
		"docs/a":   {"docs"},
		"README":   nil,
		"ci.yml":   {"report", "unit", "lint", "docs"},
		"report/x": {"report"},
	} {
		require.Equal(t, want, Affected(plan, []string{name}), name)
	}
	require.Empty(t, Affected(plan, nil))
}

// TestAFileIsOnlyTrustedOnceItHasSettled: two changes within a tick of the clock
// leave the same stamp, so a file that was just changed is read again.
func TestAFileIsOnlyTrustedOnceItHasSettled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
	info, err := os.Lstat(file)
	require.NoError(t, err)
	same := stampOf(info)
	read := func(h *hasher) string {
		sum, err := h.content(file, same)
		require.NoError(t, err)
		return sum
	}
	for after, trusted := range map[time.Duration]bool{0: false, settled: false, settled + time.Second: true} {
		require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
		h := newHasher("", func() time.Time { return time.Unix(0, max(same.Changed, same.Modified)).Add(after) })
		one := read(h)
		require.NoError(t, os.WriteFile(file, []byte("two"), 0o600))
		require.Equal(t, trusted, one == read(h), after)
		other := same
		other.Inode++
		sum, err := h.content(file, other)
		require.NoError(t, err)
		require.NotEqual(t, one, sum, "another stamp is never trusted")
	}
}

func TestWhatIsKnownOfFilesIsKept(t *testing.T) {
	folder := t.TempDir()
	file, saved := filepath.Join(folder, "f"), filepath.Join(folder, "files.json")
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
	info, err := os.Lstat(file)
	require.NoError(t, err)
	later := func() time.Time { return info.ModTime().Add(time.Hour) }
	h := newHasher(saved, later)
	sum, err := h.content(file, stampOf(info))
	require.NoError(t, err)
	all := func(string) bool { return true }
	require.NoError(t, h.save(saved, all))
	require.NoError(t, os.Remove(file))
	again, err := newHasher(saved, later).content(file, stampOf(info))
	require.NoError(t, err)
	require.Equal(t, sum, again, "it was not read again")
	require.NoError(t, os.WriteFile(saved, []byte(`{"x":`), 0o600))
	require.Empty(t, newHasher(saved, later).known)
}
