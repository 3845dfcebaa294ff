package pipeline

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"os"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

func TestRunsOfAGroupTakeTurns(t *testing.T) {
	p := &Pipeline{State: t.TempDir()}
	quiet := func(string) { require.Fail(t, "nobody is to wait") }
	first, err := p.turn(t.Context(), &ci.Plan{Concurrency: "deploys"}, quiet)
	require.NoError(t, err)
	other, err := p.turn(t.Context(), &ci.Plan{Concurrency: "docs"}, quiet)
	require.NoError(t, err)
	other()
	none, err := p.turn(t.Context(), &ci.Plan{}, quiet)
	require.NoError(t, err)
	none()

	var told string
	second, err := p.turn(t.Context(), &ci.Plan{Concurrency: "Deploys"}, func(text string) {
		told = text
		first()
	})
	require.NoError(t, err)
	require.Contains(t, told, "Waiting for another run of the group")
	second()
}

func TestARunThatIsUnderWayIsCancelledWhenTheGroupWantsThat(t *testing.T) {
	p := &Pipeline{State: t.TempDir()}
	plan := &ci.Plan{Concurrency: "ci-main", CancelInProgress: true}
	first, err := p.turn(t.Context(), plan, func(string) {})
	require.NoError(t, err)
	// Another process stands for the run that holds the turn.
	process := exec.Command("sleep", "600")
	require.NoError(t, process.Start())
	files, err := filepath.Glob(filepath.Join(p.State, "concurrency", "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.WriteFile(files[0], []byte(strconv.Itoa(process.Process.Pid)), 0o600))
	var told string
	second, err := p.turn(t.Context(), plan, func(text string) {
		told = text
		require.ErrorContains(t, process.Wait(), "interrupt")
		first()
	})
	require.NoError(t, err)
	require.Contains(t, told, "is cancelled")
	second()
}
