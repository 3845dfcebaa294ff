package tree

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, folder string, args ...string) string {
	t.Helper()
	command := exec.Command(args[0], args[1:]...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func put(t *testing.T, folder, name, content string) {
	t.Helper()
	file := filepath.Join(folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
}

func all(string) bool { return true }

// repository has a change of every kind.
func repository(t *testing.T) string {
	repo := t.TempDir()
	run(t, repo, "git", "init", "-q", "-b", "main")
	for _, name := range []string{"kept", "changed", "deleted", "dir/staged", "run.sh"} {
		put(t, repo, name, "old")
	}
	put(t, repo, ".gitignore", "ignored\n")
	require.NoError(t, os.Chmod(filepath.Join(repo, "run.sh"), 0o755))
	require.NoError(t, os.Symlink("kept", filepath.Join(repo, "link")))
	run(t, repo, "git", "add", "-A")
	run(t, repo, "git", "commit", "-q", "-m", "first")
	put(t, repo, "changed", "new")
	put(t, repo, "dir/staged", "new")
	run(t, repo, "git", "add", "dir/staged")
	put(t, repo, "untracked", "new")
	put(t, repo, "ignored", "secret")
	require.NoError(t, os.Remove(filepath.Join(repo, "deleted")))
	return repo
}

func TestACheckoutIsTheWorkingCopyAsItIs(t *testing.T) {
	repo := repository(t)
	s, err := Take(t.Context(), repo, filepath.Join(t.TempDir(), "snapshot"))
	require.NoError(t, err)
	put(t, repo, "changed", "later")
	folder := filepath.Join(t.TempDir(), "job")
	require.NoError(t, s.Checkout(t.Context(), folder, all))
	for name, want := range map[string]string{"kept": "old", "changed": "new", "dir/staged": "new", "untracked": "new", "link": "old"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Equal(t, want, string(content), name)
	}
	require.NoFileExists(t, filepath.Join(folder, "deleted"))
	require.NoFileExists(t, filepath.Join(folder, "ignored"))
	info, err := os.Stat(filepath.Join(folder, "run.sh"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100)
	require.Equal(t, run(t, repo, "git", "rev-parse", "HEAD"), run(t, folder, "git", "rev-parse", "HEAD"))
	require.Equal(t, "main", run(t, folder, "git", "branch", "--show-current"))
	require.Equal(t, run(t, repo, "git", "status", "--porcelain"), run(t, folder, "git", "status", "--porcelain"))
}

func TestWhatAJobWritesReachesNobodyElse(t *testing.T) {
	repo := repository(t)
	s, err := Take(t.Context(), repo, filepath.Join(t.TempDir(), "snapshot"))
	require.NoError(t, err)
	one, other := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "other")
	require.NoError(t, s.Checkout(t.Context(), one, all))
	require.NoError(t, os.WriteFile(filepath.Join(one, "kept"), []byte("mine"), 0o644))
	run(t, one, "git", "checkout", "-q", "-b", "mine")
	require.NoError(t, s.Checkout(t.Context(), other, all))
	for _, folder := range []string{repo, other} {
		content, err := os.ReadFile(filepath.Join(folder, "kept"))
		require.NoError(t, err)
		require.Equal(t, "old", string(content))
		require.Equal(t, "main", run(t, folder, "git", "branch", "--show-current"))
	}
	require.NoError(t, s.Remove())
}

func TestAJobGetsOnlyTheFilesThatItDeclares(t *testing.T) {
	s, err := Take(t.Context(), repository(t), filepath.Join(t.TempDir(), "snapshot"))
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "job")
	require.NoError(t, s.Checkout(t.Context(), folder, func(name string) bool { return name == "changed" }))
	require.FileExists(t, filepath.Join(folder, "changed"))
	require.NoFileExists(t, filepath.Join(folder, "kept"))
	require.NotContains(t, run(t, folder, "git", "status", "--porcelain"), "kept", "a file that it does not get is not a deleted one")
}

// go test remembers what a test found in a folder by the folder's time.
func TestTwoCheckoutsLookTheSame(t *testing.T) {
	repo := repository(t)
	times := func() map[string]time.Time {
		s, err := Take(t.Context(), repo, filepath.Join(t.TempDir(), "snapshot"))
		require.NoError(t, err)
		folder := filepath.Join(t.TempDir(), "job")
		require.NoError(t, s.Checkout(t.Context(), folder, all))
		found := map[string]time.Time{}
		for _, name := range []string{"", "dir", "dir/staged", "kept", "link"} {
			info, err := os.Lstat(filepath.Join(folder, name))
			require.NoError(t, err)
			found[name] = info.ModTime()
		}
		return found
	}
	first := times()
	require.Equal(t, first, times())
	put(t, repo, "dir/staged", "newer")
	require.NoError(t, os.Chtimes(filepath.Join(repo, "dir/staged"), time.Time{}, first[""].Add(time.Minute)))
	later := times()
	require.Equal(t, first[""].Add(time.Minute), later["dir"], "a change below is seen")
	require.Equal(t, first[""].Add(time.Minute), later[""])
}

func TestARepositoryWithoutACommit(t *testing.T) {
	repo := t.TempDir()
	run(t, repo, "git", "init", "-q", "-b", "main")
	put(t, repo, "file", "text")
	s, err := Take(t.Context(), repo, filepath.Join(t.TempDir(), "snapshot"))
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "job")
	require.NoError(t, s.Checkout(t.Context(), folder, all))
	require.FileExists(t, filepath.Join(folder, "file"))
}

func TestReadOnlyFoldersGoToo(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "cache")
	put(t, folder, "module/file", "text")
	require.NoError(t, os.Chmod(filepath.Join(folder, "module"), 0o500))
	require.NoError(t, RemoveAll(folder))
	require.NoDirExists(t, folder)
}
