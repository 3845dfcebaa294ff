package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunsOfARepositoryWorkInTheSameFolder(t *testing.T) {
	work := t.TempDir()
	first, err := newPlace(work, "/repo")
	require.NoError(t, err)
	job, err := first.job("lint")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(job, "left"), nil, 0o600))

	beside, err := newPlace(work, "/repo")
	require.NoError(t, err)
	require.NotEqual(t, first.folder, beside.folder, "a run at the same time has a folder of its own")
	require.NoError(t, beside.leave())
	require.NoDirExists(t, beside.folder)

	require.NoError(t, first.leave())
	require.NoDirExists(t, job)
	next, err := newPlace(work, "/repo")
	require.NoError(t, err)
	again, err := next.job("lint")
	require.NoError(t, err)
	require.Equal(t, job, again)
	require.NoFileExists(t, filepath.Join(again, "left"))
	require.NoError(t, next.leave())
}

func TestAFolderThatIsOpenToOthersIsNotUsed(t *testing.T) {
	work := t.TempDir()
	first, err := newPlace(work, "/repo")
	require.NoError(t, err)
	require.NoError(t, first.leave())
	require.NoError(t, os.Chmod(first.folder, 0o777)) //nolint:gosec // that is the point
	other, err := newPlace(work, "/repo")
	require.NoError(t, err)
	require.NotEqual(t, first.folder, other.folder)
	require.NoError(t, other.leave())
}

func TestALegsFolderIsFreeAtOnceAndGoneInTheEnd(t *testing.T) {
	r, err := New(t.Context(), Options{Repo: "/repo", Work: t.TempDir(), State: t.TempDir()})
	require.NoError(t, err)
	job, err := r.place.job("lint")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(job, "left"), nil, 0o600))
	r.discard(job)
	again, err := r.place.job("lint")
	require.NoError(t, err)
	require.Equal(t, job, again)
	require.NoFileExists(t, filepath.Join(again, "left"))
	require.NoError(t, r.Close())
	left, err := os.ReadDir(r.place.folder)
	require.NoError(t, err)
	require.Len(t, left, 1, "the lock stays")
}
