package nodeimage

import (
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestLacksSysResource(t *testing.T) {
	for name, c := range map[string]struct {
		status string
		want   bool
	}{
		"everything":         {"CapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\nCapAmb:\t0\n", false},
		"without it":         {"CapEff:\t000001fffeffffff\nCapBnd:\t000001fffeffffff\n", true},
		"no such line":       {"Name:\tinit\n", false},
		"an unreadable line": {"CapBnd:\tmany\n", false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, lacksSysResource(c.status)) })
	}
}

func TestKindPatches(t *testing.T) {
	for name, c := range map[string]struct {
		host                Host
		kubeadm, containerd int
	}{
		"an ordinary machine":      {Host{}, 2, 0},
		"cgroup v1":                {Host{CgroupV1: true}, 3, 0},
		"without CAP_SYS_RESOURCE": {Host{NoSysResource: true}, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			kubeadm, containerd := c.host.KindPatches()
			require.Len(t, kubeadm, c.kubeadm)
			require.Len(t, containerd, c.containerd)
			for _, patch := range kubeadm {
				var document map[string]any
				require.NoError(t, yaml.UnmarshalStrict([]byte(patch), &document))
				require.Contains(t, []any{"ClusterConfiguration", "KubeletConfiguration"}, document["kind"])
			}
		})
	}
}
