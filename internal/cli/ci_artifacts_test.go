package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/compare"
	"github.com/paws360/pawskind/internal/problem"
)

// keptRun puts a run into the app's store.
func keptRun(t *testing.T, app *App, conclusion ci.Conclusion) *artifacts.Run {
	t.Helper()
	store, err := app.store()
	require.NoError(t, err)
	run, err := store.Begin(".github/workflows/ci.yml")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(run.Artifacts(), "jar"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(run.Artifacts(), "jar", "app.jar"), []byte("jar"), 0o644))
	began := time.Now().Add(-time.Minute)
	require.NoError(t, run.Save(ci.Result{ID: run.ID, Workflow: "ci", Conclusion: conclusion, Started: began, Ended: began.Add(30 * time.Second), Jobs: []ci.JobResult{
		{Key: "build", Name: "build", Conclusion: conclusion, Started: began, Ended: began.Add(30 * time.Second)},
	}}))
	return run
}

func printed(app *App) string { return app.Out.(*bytes.Buffer).String() }

func TestArtifactsAreListedFetchedAndCleaned(t *testing.T) {
	folder, app := repo(t)
	t.Chdir(folder)
	app.Format = Text
	require.NoError(t, app.CIArtifactsList())
	require.Contains(t, printed(app), "No run is kept")

	run := keptRun(t, app, ci.Success)
	require.NoError(t, app.CIArtifactsList())
	require.Regexp(t, run.ID+` +ci +success .* 30\.0s .* jar`, printed(app))
	require.Contains(t, printed(app), "kept for 7 days")
	require.Equal(t, []string{run.ID + "\tci"}, app.CIRunIDs())

	require.NoError(t, app.CIArtifactsGet("", nil, ""))
	require.FileExists(t, filepath.Join(folder, "artifacts-"+run.ID, "jar", "app.jar"))
	require.Equal(t, problem.ExitValidation, problem.Exit(app.CIArtifactsGet(run.ID, []string{"ghost"}, "")))
	require.Equal(t, problem.ExitValidation, problem.Exit(app.CIArtifactsGet("999", nil, "")))

	app.Format, app.Out = JSON, &bytes.Buffer{}
	require.NoError(t, app.CIArtifactsClean(nil))
	var removed CIRuns
	require.NoError(t, json.Unmarshal([]byte(printed(app)), &removed))
	require.Len(t, removed.Runs, 1)
	require.NoDirExists(t, run.Folder)
	require.Equal(t, problem.ExitValidation, problem.Exit(app.CIArtifactsGet("", nil, "")), "nothing is kept any more")
}

// TC-021: a run here and the remote's are set side by side; a difference in how
// they ended shows in the exit status.
func TestLocalAndRemoteRunsAreCompared(t *testing.T) {
	folder, app := repo(t)
	app.Format = JSON
	remote := filepath.Join(folder, "remote.json")
	content := func(conclusion string) {
		require.NoError(t, os.WriteFile(remote, []byte(`{"jobs":[{"name":"build","conclusion":"`+conclusion+`","started_at":"2026-01-02T03:04:05Z","completed_at":"2026-01-02T03:04:45Z"}]}`), 0o644))
	}
	content("success")
	require.Equal(t, problem.ExitValidation, problem.Exit(app.CICompare(remote, "")), "no run is kept")
	run := keptRun(t, app, ci.Success)
	require.NoError(t, app.CICompare(remote, run.ID))
	var c compare.Comparison
	require.NoError(t, json.Unmarshal([]byte(printed(app)), &c))
	require.True(t, c.Same)
	require.InDelta(t, 30, c.Jobs[0].Local.Seconds, 0.01)
	require.InDelta(t, 40, c.Jobs[0].Remote.Seconds, 0.01)

	content("failure")
	require.Equal(t, problem.ExitGeneral, problem.Exit(app.CICompare(remote, "")))
	app.Format, app.Out = Text, &bytes.Buffer{}
	require.Error(t, app.CICompare(remote, ""))
	require.Contains(t, printed(app), "the job build ended as success here and as failure on the remote")
	for _, wrong := range []string{filepath.Join(folder, "missing.json"), filepath.Join(folder, ".git", "config")} {
		require.Equal(t, problem.ExitValidation, problem.Exit(app.CICompare(wrong, "")))
	}
}

func TestSizes(t *testing.T) {
	require.Equal(t, []string{"5 B", "2.0 KiB", "3.5 MiB"}, []string{size(5), size(2048), size(7 << 19)})
}
