package attack

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/podsecurity"
)

func TestACallersPodIsRestrictedAndInItsTier(t *testing.T) {
	for caller, tier := range map[Caller]string{FromApp: naming.TierApp, FromMonitor: naming.TierMonitor, FromOther: ""} {
		cells := Of(Cells(false), caller)
		pod, err := Pod(caller, "paws", "image", cells)
		require.NoError(t, err)
		require.Equal(t, tier, pod.Labels[naming.LabelTier])
		broken, err := podsecurity.Violations(&pod.ObjectMeta, &pod.Spec)
		require.NoError(t, err)
		require.Empty(t, broken)
		var told []Cell
		require.NoError(t, json.Unmarshal([]byte(pod.Spec.Containers[0].Env[0].Value), &told))
		require.Equal(t, cells, told)
	}
}
