package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

// alive tells which of the processes whose numbers are in the folder still are.
func alive(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	var list []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(content)) + "/stat")
		if err == nil && !strings.Contains(string(stat), ") Z ") {
			list = append(list, filepath.Base(file))
		}
	}
	return list
}

// family starts processes in every way in which they get out of sight.
func family(folder string) string {
	return `
- name: family
  run: |
    echo $$ > ` + folder + `/shell
    sleep 1000 & echo $! > ` + folder + `/background
    nohup sleep 1000 >/dev/null 2>&1 & echo $! > ` + folder + `/nohup
    setsid sh -c 'echo $$ > ` + folder + `/session; sleep 1000 & echo $! > ` + folder + `/below; wait' &
    (trap '' INT TERM; echo $BASHPID > ` + folder + `/deaf; while true; do sleep 1; done) &
    while [ $(ls ` + folder + ` | wc -l) -lt 6 ]; do sleep 0.05; done
    echo "all are there"`
}

func TestACancelLeavesNoProcess(t *testing.T) {
	folder := t.TempDir()
	w := repository(t, ci1(family(folder)+"\n    sleep 1000\n- {name: cleanup, if: always(), run: echo cleaned up}\n- {name: next, run: echo never}"), nil)
	ctx, cancel := context.WithCancel(t.Context())
	w.onEvent = func(e ci.Event) {
		if e.Kind == ci.Line && e.Text == "all are there" {
			require.Len(t, alive(t, folder), 6)
			cancel()
		}
	}
	started := time.Now()
	w.run(t, ctx)
	require.Empty(t, alive(t, folder))
	require.Equal(t, ci.Cancelled, w.job(t, "job").Conclusion)
	require.Less(t, time.Since(started), 15*time.Second)
	require.Contains(t, w.log(t, "job"), "cleaned up")
	require.NotContains(t, w.log(t, "job"), "never")
}

func TestAJobThatPassesLeavesNoProcessEither(t *testing.T) {
	folder := t.TempDir()
	repository(t, ci1(family(folder)+"\n- run: test -d /proc/$(cat "+folder+"/background)"), nil).run(t, t.Context()).passed(t)
	require.Empty(t, alive(t, folder))
}

func TestAServerInTheBackgroundLivesThroughLaterSteps(t *testing.T) {
	repository(t, ci1(`
- run: |
    (while true; do echo tick; sleep 0.05; done) &
    echo $! > pid
- run: sleep 0.5; kill -0 "$(cat pid)"`), nil).run(t, t.Context()).passed(t)
}

func TestStepsAndJobsHaveTheirTime(t *testing.T) {
	w := repository(t, `
on: push
jobs:
  step:
    runs-on: ubuntu-latest
    steps:
      - {name: slow, timeout-minutes: 0.01, run: sleep 1000}
      - {name: after, if: failure(), run: echo seen}
  job:
    runs-on: ubuntu-latest
    timeout-minutes: 0.01
    steps: [{run: sleep 1000}]
`, nil).run(t, t.Context())
	require.Equal(t, []string{"slow: failure/failure", "after: success/success"}, steps(w.job(t, "step")))
	require.Contains(t, w.log(t, "step"), "the step took longer than 600ms")
	require.Equal(t, ci.Failure, w.job(t, "job").Conclusion)
	require.Contains(t, w.job(t, "job").Reason, "took longer than 600ms")
}
