package ci

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/pipeline"
)

// An interrupted run ends soon, as cancelled, and leaves no process behind, not
// even one that went into the background and takes no notice of signals.
func TestInterruptedRunLeavesNoProcess(t *testing.T) {
	r := newRepo(t)
	mark := filepath.Base(r.folder) + "-mark"
	r.write(stages, `name: ci
on: push
jobs:
  long:
    runs-on: ubuntu-latest
    env: {MARK: `+mark+`}
    steps:
      - run: |
          (trap '' TERM INT HUP; exec -a `+mark+` sleep 300) &
          setsid sh -c 'sleep 301' &
          echo started
          sleep 302
  next:
    needs: long
    runs-on: ubuntu-latest
    steps:
      - run: echo never seen
`)
	r.commit()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stopped time.Time
	result, err := r.pipeline.Run(ctx, pipeline.Options{Runner: "host"}, r.plan(stages), func(e ci.Event) {
		if e.Kind == ci.Line && e.Text == "started" {
			stopped = time.Now()
			cancel()
		}
	})
	require.NoError(t, err)
	require.Less(t, time.Since(stopped), 15*time.Second)
	require.Equal(t, ci.Cancelled, result.Conclusion)
	require.Equal(t, ci.Cancelled, jobOf(t, result, "long").Conclusion)
	require.Empty(t, marked(t, "MARK="+mark), "a process of the run is left")
}

// marked are the processes that have the variable in their environment.
func marked(t *testing.T, variable string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var found []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil && strings.Contains("\x00"+string(content), "\x00"+variable+"\x00") {
			found = append(found, filepath.Dir(file))
		}
	}
	return found
}

// What pawskind adds to the same commands run by hand is at most a second a job
// and, of a run of some length, a twentieth.
func TestOverheadIsSmall(t *testing.T) {
	const commands = "for i in 1 2 3 4 5; do sleep 0.4; echo $i; done"
	r := newRepo(t)
	r.write(stages, `name: ci
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: `+commands+`
`)
	r.commit()
	began := time.Now()
	require.NoError(t, exec.Command("bash", "-e", "-c", commands).Run())
	byHand := time.Since(began)
	began = time.Now()
	result := r.run(r.plan(stages), pipeline.Options{NoCache: true})
	took := time.Since(began)
	require.Equal(t, ci.Success, result.Conclusion)
	t.Logf("by hand %s, by pawskind %s, overhead %s", byHand.Round(time.Millisecond), took.Round(time.Millisecond), (took - byHand).Round(time.Millisecond))
	require.Less(t, took-byHand, time.Second)
}
