package drillrun

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/isolation"
	"github.com/paws360/pawskind/internal/podsecurity"
)

func TestTheClientsPodIsRestrictedAndKnownToThePolicies(t *testing.T) {
	pod := clientsPod("paws", "image")
	broken, err := podsecurity.Violations(&pod.ObjectMeta, &pod.Spec)
	require.NoError(t, err)
	require.Empty(t, broken)
	require.Equal(t, isolation.DrillName, pod.Labels["app.kubernetes.io/name"])
}
