package cluster

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

func example() Config {
	return Config{
		Name: "pawskind", Nodes: 3, Image: "kindest/node:v1", DataDir: "/home/me/project/.local/data/pawskind", Bind: "127.0.0.1",
		Ports:             []PortMapping{{3000, NodePortFrontend}, {8080, NodePortBackend}, {5432, NodePortPostgres}, {6379, NodePortRedis}},
		KubeadmPatches:    []string{"kind: KubeletConfiguration\nfailCgroupV1: false\n"},
		ContainerdPatches: []string{"[plugins.\"io.containerd.grpc.v1.cri\"]\n  restrict_oom_score_adj = true\n"},
	}
}

func TestKindConfiguration(t *testing.T) {
	got, err := yaml.Marshal(example().Kind())
	require.NoError(t, err)
	const golden = "testdata/kind.yaml"
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestDifferences(t *testing.T) {
	c := example()
	require.Empty(t, c.Record().Differences(c))
	r := c.Record()
	c.Nodes, c.Bind, c.Ports, c.AuditPolicy = 1, "0.0.0.0", []PortMapping{{3001, NodePortFrontend}}, "/home/me/policy.yaml"
	require.Equal(t, []string{
		"it has 3 nodes, 1 are asked for",
		"it publishes on 127.0.0.1, 0.0.0.0 is asked for",
		"it keeps no audit log, one is asked for",
		"it publishes port 3000, 3001 is asked for",
	}, r.Differences(c))
}

// Nothing of an audit is in a cluster that was not asked for one.
func TestAuditLogIsAChoice(t *testing.T) {
	c := example()
	c.AuditPolicy = "/home/me/policy.yaml"
	k := c.Kind()
	require.Contains(t, k.KubeadmConfigPatches[len(k.KubeadmConfigPatches)-1], AuditLog)
	require.Contains(t, k.Nodes[0].ExtraMounts, v1alpha4.Mount{HostPath: "/home/me/policy.yaml", ContainerPath: "/etc/kubernetes/audit/policy.yaml", Readonly: true})
	require.Len(t, k.Nodes[1].ExtraMounts, 1, "the API server runs on the first node")
}

func TestNodes(t *testing.T) {
	nodes := parseNodes("a-worker\trunning\na-control-plane\tRunning\na-worker2\texited\n\n")
	require.Equal(t, []Node{{"a-control-plane", "running"}, {"a-worker", "running"}, {"a-worker2", "exited"}}, nodes)
	for want, states := range map[string][]string{
		Absent: {}, Running: {"running", "running"}, Stopped: {"exited", "created"}, Paused: {"paused"}, Mixed: {"running", "exited"},
	} {
		var nodes []Node
		for _, s := range states {
			nodes = append(nodes, Node{State: s})
		}
		require.Equal(t, want, StateOf(nodes))
	}
}

func TestLogger(t *testing.T) {
	var steps, details []string
	l := Logger{Step: func(s string) { steps = append(steps, s) }, Detail: func(s string) { details = append(details, s) }}
	l.V(0).Infof(" • %s  ...\n", "Starting control-plane 🕹️")
	l.V(0).Infof(" ✓ %s\n", "Starting control-plane 🕹️")
	l.V(0).Infof("Creating cluster %q ...\n", "x")
	l.Warn("careful")
	l.V(9).Info("trace")
	require.Equal(t, []string{"Starting control-plane"}, steps)
	require.Equal(t, []string{`Creating cluster "x" ...`, "careful"}, details)
	Logger{}.V(0).Info("dropped")
}

// Podman 4.3 took "Up 2 minutes ago" for a state, and a cluster that ran for one
// that was stopped.
func TestStatesInSentences(t *testing.T) {
	for sentence, want := range map[string]string{
		"running": Running, "Up 2 minutes ago": Running, "Up 2 minutes ago (Paused)": Paused, "paused": Paused,
		"exited": "exited", "Exited (0) 3 seconds ago": "exited", "Created": "created",
	} {
		require.Equal(t, want, plainState(sentence), sentence)
	}
}
