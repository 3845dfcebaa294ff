package artifacts

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func store(t *testing.T) *Store {
	t.Helper()
	return &Store{Root: filepath.Join(t.TempDir(), "runs"), Retention: 7 * day, Now: func() time.Time { return start }}
}

func put(t *testing.T, r *Run, name, content string) {
	t.Helper()
	file := filepath.Join(r.Artifacts(), name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o755))
}

func TestNumbersOnlyGrow(t *testing.T) {
	s := store(t)
	first, err := s.Begin(".github/workflows/ci.yml")
	require.NoError(t, err)
	require.Equal(t, "1", first.ID)
	require.Equal(t, filepath.Join(s.Root, "ci", "1"), first.Folder)
	second, err := s.Begin(".github/workflows/release build.yaml")
	require.NoError(t, err)
	require.Equal(t, "2", second.ID)
	require.Equal(t, "release_build", second.Workflow)
	_, err = s.Clean("2")
	require.NoError(t, err)
	third, err := s.Begin("ci.yml")
	require.NoError(t, err)
	require.Equal(t, "3", third.ID, "a removed run's number is not used again")
	require.NoError(t, os.Remove(filepath.Join(s.Root, lastRun)))
	fourth, err := s.Begin("ci.yml")
	require.NoError(t, err)
	require.Equal(t, "4", fourth.ID, "the folders tell the number when the counter is lost")
}

func TestRunsThatBeginTogetherHaveTheirOwnNumbers(t *testing.T) {
	s := store(t)
	ids := make(chan string, 20)
	var wg sync.WaitGroup
	for i := range cap(ids) {
		wg.Go(func() {
			r, err := s.Begin(fmt.Sprintf("w%d.yml", i%3))
			if err == nil {
				ids <- r.ID
			}
		})
	}
	wg.Wait()
	close(ids)
	seen := map[string]bool{}
	for id := range ids {
		require.False(t, seen[id], id)
		seen[id] = true
	}
	require.Len(t, seen, cap(ids))
}

func TestListAndGet(t *testing.T) {
	s := store(t)
	r, err := s.Begin("ci.yml")
	require.NoError(t, err)
	put(t, r, "app/lib/app.jar", "jar")
	put(t, r, "junit/report.xml", "<testsuites/>")
	require.NoError(t, os.Symlink("app.jar", filepath.Join(r.Artifacts(), "app/lib/latest")))
	require.NoError(t, r.Save(ci.Result{ID: r.ID, Conclusion: ci.Success, Ended: start}))
	_, err = s.Begin("ci.yml")
	require.NoError(t, err)

	list, err := s.List()
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "2", list[0].ID)
	require.Nil(t, list[0].Result)
	require.Equal(t, []string{"app", "junit"}, list[1].Artifacts)
	require.Equal(t, ci.Success, list[1].Result.Conclusion)
	require.Equal(t, start, list[1].Modified)
	require.Greater(t, list[1].Bytes, int64(len("jar<testsuites/>")))

	to := t.TempDir()
	names, err := s.Get("1", nil, to)
	require.NoError(t, err)
	require.Equal(t, []string{"app", "junit"}, names)
	for range 2 { // a second time writes over the first
		_, err = s.Get("1", []string{"app"}, to)
		require.NoError(t, err)
	}
	content, err := os.ReadFile(filepath.Join(to, "app/lib/latest"))
	require.NoError(t, err)
	require.Equal(t, "jar", string(content))
	info, err := os.Stat(filepath.Join(to, "app/lib/app.jar"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm())

	_, err = s.Get("7", nil, to)
	require.EqualError(t, err, "[CI] ERR_CI_020: there is no run 7 | See pawskind ci artifacts list")
	_, err = s.Get("../1", nil, to)
	require.ErrorContains(t, err, "ERR_CI_020")
	_, err = s.Get("1", []string{"war"}, to)
	require.EqualError(t, err, `[CI] ERR_CI_021: run 1 has no artifact "war" | It has: app, junit`)
	_, err = s.Clean("7")
	require.ErrorContains(t, err, "ERR_CI_020")
}

func TestPrune(t *testing.T) {
	s := store(t)
	ages := []time.Duration{10 * day, 7 * day, 7*day - time.Second, 0}
	for _, age := range ages {
		r, err := s.Begin("ci.yml")
		require.NoError(t, err)
		require.NoError(t, r.Save(ci.Result{ID: r.ID, Ended: start.Add(-age)}))
	}
	killed, err := s.Begin("killed.yml")
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(killed.Folder, start, start.Add(-8*day)))
	running, err := s.Begin("running.yml")
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(running.Folder, start, start.Add(-time.Hour)))

	require.Equal(t, []string{"5", "2", "1"}, ids(s.Prune()))
	require.NoDirExists(t, filepath.Join(s.Root, "killed"), "an empty workflow's folder goes too")
	require.Equal(t, []string{"4", "3"}, ids(s.Clean()), "what still runs stays")
	require.Equal(t, []string{"6"}, ids(s.Clean("6")))
	s.Retention = 0
	require.Empty(t, ids(s.Prune()))
}

func ids(entries []Entry, err error) []string {
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.ID)
	}
	return list
}

func TestRetention(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 7 * day, "0": 0, "30": 30 * day} {
		got, err := Retention(value)
		require.NoError(t, err)
		require.Equal(t, want, got, value)
	}
	for _, value := range []string{"week", "-1", "1.5", "99999"} {
		_, err := Retention(value)
		require.ErrorContains(t, err, "ERR_CONFIG_001")
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"test (1.26, linux)": "test__1.26__linux_",
		"../../etc":          "_.._etc",
		"..":                 "_",
		"":                   "_",
		"release / build":    "release___build",
	} {
		require.Equal(t, want, Name(text), text)
	}
}
