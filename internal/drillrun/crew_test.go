package drillrun

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/drillclient"
)

// All is well when every route is served, wherever the clients are.
func TestRoutesOfACrew(t *testing.T) {
	runner := &Runner{Env: &v1alpha1.PawsEnvironment{}, Writers: 2}
	for where, want := range map[drill.Clients]int{drill.Inside: 5, drill.Outside: 2, drill.Everywhere: 7} {
		require.Equal(t, want, (&crew{Runner: runner, where: where}).routes())
	}
	runner.Env.Spec.Apps = []v1alpha1.AppSpec{{Name: "backend", Port: 8080}}
	runner.Outside = drillclient.Outside{Backend: "http://127.0.0.1:8080"}
	for where, want := range map[drill.Clients]int{drill.Inside: 6, drill.Outside: 3, drill.Everywhere: 9} {
		c := &crew{Runner: runner, where: where}
		require.Equal(t, want, c.routes())
		require.Equal(t, where != drill.Inside, len(c.settings().RedisClients) == 2)
	}
}

func TestACrewThatWasNotAssembledHasNothingToRemove(t *testing.T) {
	for _, where := range []drill.Clients{drill.Inside, drill.Outside, drill.Everywhere} {
		require.NoError(t, (&crew{Runner: &Runner{}, where: where}).dismiss(t.Context()))
	}
}

func TestFaultsThatFollowHaveNamesOfTheirOwn(t *testing.T) {
	s, known := drill.FindScenario("leader-diverged")
	require.True(t, known)
	require.Equal(t, []string{"drill-1", "drill-2"}, faultNames(s))
}
