package drillrun

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/drillclient"
)

// The clients stand on the clock of their own beginning; the drill's moments are
// moved to it.
func TestAssemble(t *testing.T) {
	began := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	h := drillclient.History{
		Began:      began,
		Operations: []drill.Operation{{End: 3 * time.Second}, {End: 9 * time.Second}, {End: 7 * time.Second}},
		Finals: []drillclient.FinalRows{{
			Final: drill.Final{System: drill.Postgres, Member: "patroni-1", Authority: true},
			Rows:  []drill.Row{{Client: "c", Value: 1, Count: 1}},
		}},
	}
	run := Assemble(drill.Run{Number: 2}, h, began.Add(2*time.Second), began.Add(4*time.Second), began.Add(6*time.Second))
	require.Equal(t, 2*time.Second, run.Injected)
	require.Equal(t, 4*time.Second, run.Healed)
	require.Equal(t, 6*time.Second, run.Converged)
	require.Equal(t, 9*time.Second, run.Ended)
	require.Equal(t, []drill.Row{{Client: "c", Value: 1, Count: 1}}, run.Finals[0].Rows)

	require.Zero(t, Assemble(drill.Run{}, h, began, began, time.Time{}).Converged, "it never did")
}

// A namespace that enforces Pod Security "restricted" takes the clients.
func TestTheClientsNeedNoRights(t *testing.T) {
	pod := clientsPod("paws360", "manager:1")
	require.False(t, *pod.Spec.AutomountServiceAccountToken)
	require.True(t, *pod.Spec.SecurityContext.RunAsNonRoot)
	c := pod.Spec.Containers[0]
	require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
	require.EqualValues(t, []string{"ALL"}, []string{string(c.SecurityContext.Capabilities.Drop[0])})
	require.Len(t, c.Env, 1, "whom to trust; secrets come as files, which follow them")
	require.Equal(t, "paws360-credentials", pod.Spec.Volumes[1].Secret.SecretName)
	require.True(t, c.VolumeMounts[1].ReadOnly)
}

func TestEveryScenarioDoesSomething(t *testing.T) {
	names := map[string]bool{}
	for _, s := range drill.Scenarios() {
		require.NotEqual(t, len(s.Faults) > 0, s.Act != "", "%s: faults or an act", s.Name)
		require.False(t, names[s.Name], s.Name)
		names[s.Name] = true
		for _, f := range s.Faults {
			require.LessOrEqual(t, len(faultNames(s)), 9, f.Target)
		}
	}
}

// An image that keeps its name is no change: nothing would be rolled out.
func TestAnImageIsRespelt(t *testing.T) {
	for image, other := range map[string]string{
		"docker.io/pawskind/patroni-17:1a2b": "pawskind/patroni-17:1a2b",
		"pawskind/patroni-17:1a2b":           "docker.io/pawskind/patroni-17:1a2b",
		"registry.example.org/patroni:1":     "registry.example.org/patroni:1",
		"localhost/patroni:1":                "localhost/patroni:1",
		"localhost:5000/patroni:1":           "localhost:5000/patroni:1",
	} {
		require.Equal(t, other, respelt(image))
	}
}
