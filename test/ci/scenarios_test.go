package ci

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/pipeline"
	"github.com/paws360/pawskind/internal/ci/schedule"
)

const stages = ".github/workflows/ci.yml"

// stagesWorkflow is a pipeline with the stages of the requirements. Each job says
// which files it reads; build hands an artifact on to deploy and smoke.
const stagesWorkflow = `name: ci
on: push
jobs:
  lint:
    runs-on: ubuntu-latest
    env: {PAWSKIND_CI_PATHS: "src/** lint.sh"}
    steps:
      - uses: actions/checkout@v4
      - run: sh lint.sh
  unit:
    needs: lint
    runs-on: ubuntu-latest
    env: {PAWSKIND_CI_PATHS: "src/** unit.sh"}
    steps:
      - uses: actions/checkout@v4
      - run: sh unit.sh
      - uses: actions/upload-artifact@v4
        with: {name: reports, path: report.xml}
  integration:
    needs: unit
    runs-on: ubuntu-latest
    env: {PAWSKIND_CI_PATHS: "src/**"}
    steps:
      - uses: actions/checkout@v4
      - run: echo integration of $(cat src/app.txt)
  docs:
    runs-on: ubuntu-latest
    env: {PAWSKIND_CI_PATHS: "docs/**"}
    steps:
      - uses: actions/checkout@v4
      - run: cat docs/a.md
  build:
    needs: unit
    runs-on: ubuntu-latest
    env: {PAWSKIND_CI_PATHS: "src/**"}
    outputs: {version: "${{ steps.v.outputs.version }}"}
    steps:
      - uses: actions/checkout@v4
      - id: v
        run: |
          mkdir out && tr a-z A-Z < src/app.txt > out/app
          echo "version=$(cat out/app)" >> "$GITHUB_OUTPUT"
      - uses: actions/upload-artifact@v4
        with: {name: app, path: out}
  deploy:
    needs: [integration, build]
    runs-on: ubuntu-latest
    env: {PAWSKIND_CI_PATHS: "none/**"}
    steps:
      - uses: actions/download-artifact@v4
        with: {name: app, path: site}
      - run: echo "deployed $(cat site/app) as ${{ needs.build.outputs.version }}"
  smoke:
    needs: deploy
    runs-on: ubuntu-latest
    env: {PAWSKIND_CI_PATHS: "none/**"}
    steps:
      - run: echo smoke
`

// stagesRepo is a repository with that pipeline, in which everything passes.
func stagesRepo(t *testing.T) *repo {
	t.Helper()
	r := newRepo(t)
	r.write(stages, stagesWorkflow)
	r.write("src/app.txt", "first")
	r.write("lint.sh", "! grep -q bad src/app.txt\n")
	r.write("unit.sh", "echo '<testsuite tests=\"1\"/>' > report.xml; echo 'coverage: 80%'\n")
	r.write("docs/a.md", "docs\n")
	r.commit()
	return r
}

// how says of each job whether it ran, was cached, failed or was skipped.
func how(result ci.Result) map[string]string {
	all := map[string]string{}
	for _, j := range result.Jobs {
		all[j.Key] = string(j.Conclusion)
		if j.Cached != "" {
			all[j.Key] = "cached"
		}
	}
	return all
}

func jobOf(t *testing.T, result ci.Result, key string) ci.JobResult {
	t.Helper()
	for _, j := range result.Jobs {
		if j.Key == key {
			return j
		}
	}
	require.Fail(t, "no job "+key)
	return ci.JobResult{}
}

// TC-018: the whole pipeline runs here, in order, with its artifacts, on a change
// that is not committed.
func TestTheWholePipelineRuns(t *testing.T) {
	r := stagesRepo(t)
	r.write("src/app.txt", "second")
	result := r.run(r.plan(stages), pipeline.Options{})
	require.Equal(t, ci.Success, result.Conclusion)
	require.True(t, result.Dirty)
	order := []string{"lint", "unit", "build", "deploy", "smoke"}
	for i, key := range order[1:] {
		before, after := jobOf(t, result, order[i]), jobOf(t, result, key)
		require.False(t, before.Ended.After(after.Started), "%s before %s", order[i], key)
	}
	require.Contains(t, r.log(result, jobOf(t, result, "unit")), "coverage: 80%")
	require.Contains(t, r.log(result, jobOf(t, result, "deploy")), "deployed SECOND as SECOND")
	for _, file := range []string{"artifacts/app/app", "artifacts/reports/report.xml", "report.html", "run.json"} {
		require.FileExists(t, filepath.Join(result.Folder, file))
	}
	require.NoFileExists(t, filepath.Join(r.folder, "report.xml"), "the developer's tree is left alone")
	require.Less(t, result.Ended.Sub(result.Started), time.Minute)
}

// TC-019: after a failure is mended only it runs, and what depends on it.
func TestOnlyWhatFailedRunsAgain(t *testing.T) {
	r := stagesRepo(t)
	r.write("lint.sh", "echo 'src/app.txt:1: bad style'; exit 1\n")
	result := r.run(r.plan(stages), pipeline.Options{})
	require.Equal(t, map[string]string{"lint": "failure", "unit": "skipped", "integration": "skipped", "docs": "success", "build": "skipped", "deploy": "skipped", "smoke": "skipped"}, how(result))

	r.write("lint.sh", "true\n")
	result = r.run(r.plan(stages), pipeline.Options{})
	require.Equal(t, map[string]string{"lint": "success", "unit": "success", "integration": "success", "docs": "cached", "build": "success", "deploy": "success", "smoke": "success"}, how(result))

	r.write("unit.sh", "echo '<testsuite tests=\"2\"/>' > report.xml; exit 1\n")
	result = r.run(r.plan(stages), pipeline.Options{})
	require.Equal(t, "cached", how(result)["lint"])
	require.Equal(t, "failure", how(result)["unit"])

	r.write("unit.sh", "echo '<testsuite tests=\"3\"/>' > report.xml\n")
	result = r.run(r.plan(stages), pipeline.Options{Selection: schedule.Selection{From: []string{"unit"}}})
	require.Equal(t, ci.Success, result.Conclusion)
	require.Equal(t, "cached", how(result)["lint"])
	require.Equal(t, "cached", how(result)["docs"])
	for _, key := range []string{"unit", "integration", "build", "deploy", "smoke"} {
		require.Equal(t, "success", how(result)[key], key)
	}
}

// Nothing changed: everything is cached, with outputs, artifacts and logs, and
// it is told at once.
func TestNothingChangedNothingRuns(t *testing.T) {
	r := stagesRepo(t)
	first := r.run(r.plan(stages), pipeline.Options{})
	require.Equal(t, ci.Success, first.Conclusion)
	began := time.Now()
	second := r.run(r.plan(stages), pipeline.Options{})
	require.Less(t, time.Since(began), 2*time.Second)
	require.Equal(t, ci.Success, second.Conclusion)
	for key, state := range how(second) {
		require.Equal(t, "cached", state, key)
	}
	require.Equal(t, "FIRST", jobOf(t, second, "build").Outputs["version"])
	require.FileExists(t, filepath.Join(second.Folder, "artifacts/app/app"))
	require.Contains(t, r.log(second, jobOf(t, second, "deploy")), "deployed FIRST")

	r.write("docs/a.md", "other docs\n")
	third := r.run(r.plan(stages), pipeline.Options{})
	require.Equal(t, "success", how(third)["docs"], "its own file changed")
	require.Equal(t, "cached", how(third)["smoke"])
	r.write("src/app.txt", "third")
	fourth := r.run(r.plan(stages), pipeline.Options{})
	require.Equal(t, "cached", how(fourth)["docs"])
	require.Contains(t, r.log(fourth, jobOf(t, fourth, "deploy")), "deployed THIRD")

	require.NoError(t, os.Remove(filepath.Join(r.folder, "docs/a.md")))
	fifth := r.run(r.plan(stages), pipeline.Options{})
	require.Equal(t, "failure", how(fifth)["docs"], "a file that is gone is a change")
	sixth := r.run(r.plan(stages), pipeline.Options{NoCache: true})
	require.Equal(t, "success", how(sixth)["lint"])
}

// TC-020: a change of the workflow counts at once, without clearing anything.
func TestAChangedWorkflowTakesEffectAtOnce(t *testing.T) {
	r := stagesRepo(t)
	require.Equal(t, ci.Success, r.run(r.plan(stages), pipeline.Options{}).Conclusion)
	content, err := os.ReadFile(filepath.Join(r.folder, stages))
	require.NoError(t, err)
	r.write(stages, string(content)+"      - run: echo a new step of smoke\n")
	result := r.run(r.plan(stages), pipeline.Options{})
	require.Contains(t, r.log(result, jobOf(t, result, "smoke")), "a new step of smoke")
	require.Equal(t, "success", how(result)["smoke"])
	require.Equal(t, "cached", how(result)["deploy"], "what the change does not affect does not run")
}

// With --strict nothing is left out: what is not reproduced here is an error that
// names its line, and nothing runs.
func TestStrictLeavesNothingOut(t *testing.T) {
	r := newRepo(t)
	r.write(stages, "name: ci\non: push\npermissions: {contents: read}\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps: [{run: echo one}]\n")
	r.commit()
	result, err := r.pipeline.Run(t.Context(), pipeline.Options{Runner: "host", Strict: true}, r.plan(stages), func(ci.Event) {})
	require.ErrorContains(t, err, stages+":3: permissions")
	require.Empty(t, result.Jobs)
	require.Equal(t, ci.Success, r.run(r.plan(stages), pipeline.Options{}).Conclusion)
}
