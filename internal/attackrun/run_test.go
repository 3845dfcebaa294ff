package attackrun

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/internal/attack"
)

func TestEveryCellHasAnAddress(t *testing.T) {
	target := Target{Namespace: "paws", Operator: "pawskind-system", Host: map[int32]string{
		3000: "127.0.0.1:3000", 8080: "127.0.0.1:8080", 5432: "127.0.0.1:5432", 6379: "127.0.0.1:6379",
	}}
	seen := map[string]bool{}
	for _, c := range target.addressed(attack.Cells(false)) {
		require.NotEmpty(t, c.Address, c)
		seen[c.Address] = true
	}
	for _, address := range []string{
		"etcd-1.etcd.paws.svc:2380", "patroni-1.patroni.paws.svc:8008", "sentinel-1.sentinel.paws.svc:26379",
		"backend.paws.svc:8080", "pawskind-manager.pawskind-system.svc:8443", "127.0.0.1:5432",
	} {
		require.True(t, seen[address], address)
	}
}

func TestTheEndOfAContainerIsSeen(t *testing.T) {
	status := func(code int32) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{EphemeralContainerStatuses: []corev1.ContainerStatus{
			{Name: "attack-0", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}},
			{Name: "attack-1", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
		}}}
	}
	over, err := ended(status(0), "attack-0")
	require.NoError(t, err)
	require.True(t, over)
	over, err = ended(status(0), "attack-1")
	require.NoError(t, err)
	require.False(t, over)
	_, err = ended(status(1), "attack-0")
	require.ErrorContains(t, err, "status 1")
	content, err := json.Marshal(attack.Cells(false))
	require.NoError(t, err)
	require.Less(t, len(content), 100_000, "the cells fit into a variable")
}
