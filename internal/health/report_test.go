package health

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
)

func TestWorst(t *testing.T) {
	const healthy, degraded, unknown, unhealthy = v1alpha1.Healthy, v1alpha1.Degraded, v1alpha1.Unknown, v1alpha1.Unhealthy
	for _, c := range []struct {
		verdicts []v1alpha1.Health
		want     v1alpha1.Health
	}{
		{nil, healthy},
		{[]v1alpha1.Health{""}, healthy},
		{[]v1alpha1.Health{healthy, healthy}, healthy},
		{[]v1alpha1.Health{healthy, degraded, ""}, degraded},
		{[]v1alpha1.Health{unknown, degraded}, unknown},
		{[]v1alpha1.Health{unhealthy, unknown, healthy}, unhealthy},
	} {
		require.Equal(t, c.want, Worst(c.verdicts...), "%v", c.verdicts)
	}
}

func TestHealthyCountsMembersOfAllComponents(t *testing.T) {
	report := &Report{Components: []Component{
		{Members: []Member{{Health: v1alpha1.Healthy}, {Health: v1alpha1.Degraded}}},
		{},
		{Members: []Member{{Health: v1alpha1.Healthy}, {Health: v1alpha1.Unhealthy}, {Health: v1alpha1.Unknown}}},
	}}
	healthy, all := report.Healthy()
	require.Equal(t, 2, healthy)
	require.Equal(t, 5, all)
}

func TestLagClass(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "<1s", 0.999: "<1s", 1: "<5s", 4.999: "<5s", 5: ">=5s", 3600: ">=5s",
	} {
		require.Equal(t, want, LagClass(seconds), "%v s", seconds)
	}
}
