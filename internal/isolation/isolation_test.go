package isolation

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var kindCluster = Surroundings{
	Operator: "pawskind-system", PodRanges: []string{"10.244.0.0/24", "10.244.1.0/24", "fd00:10:244::/64"},
	API: []Address{{IP: "172.18.0.2", Port: 6443}},
}

func environment() *v1alpha1.PawsEnvironment {
	return &v1alpha1.PawsEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "paws", UID: "1234"},
		Spec: v1alpha1.PawsEnvironmentSpec{
			Postgres: v1alpha1.PostgresSpec{Expose: &v1alpha1.ExposeSpec{NodePort: 30432}},
			Apps: []v1alpha1.AppSpec{
				{Name: "backend", Port: 8080, Expose: &v1alpha1.ExposeSpec{NodePort: 30080}},
				{Name: "ledger", Port: 9000, DependsOn: []string{naming.Etcd}},
			},
		},
	}
}

func decoded(t *testing.T, env *v1alpha1.PawsEnvironment, around Surroundings) []networkingv1.NetworkPolicy {
	t.Helper()
	var list []networkingv1.NetworkPolicy
	for _, object := range Policies(env, around) {
		content, err := yaml.Marshal(object)
		require.NoError(t, err)
		var p networkingv1.NetworkPolicy
		require.NoError(t, yaml.UnmarshalStrict(content, &p))
		list = append(list, p)
	}
	return list
}

func TestPoliciesMatchTheGoldenFile(t *testing.T) {
	var documents []string
	for _, object := range Policies(environment(), kindCluster) {
		content, err := yaml.Marshal(object)
		require.NoError(t, err)
		documents = append(documents, string(content))
	}
	got := strings.Join(documents, "---\n")
	file := filepath.Join("testdata", "policies.yaml")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestNamesAreThoseOfThePolicies(t *testing.T) {
	var names []string
	for _, p := range decoded(t, environment(), kindCluster) {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	require.Equal(t, Names(environment()), names)
}

// No rule may have an empty list of peers: it would mean everybody.
func TestNoRuleMeansEverybody(t *testing.T) {
	for _, around := range []Surroundings{kindCluster, {}} {
		for _, p := range decoded(t, environment(), around) {
			for _, rule := range p.Spec.Ingress {
				require.NotEmpty(t, rule.From, p.Name)
				require.NotEmpty(t, rule.Ports, p.Name)
			}
			for _, rule := range p.Spec.Egress {
				require.NotEmpty(t, rule.To, p.Name)
				require.NotEmpty(t, rule.Ports, p.Name)
			}
		}
	}
}

// pod is a caller or a server of a connection.
func pod(component string) labels.Set {
	switch component {
	case DrillName:
		return labels.Set{labelName: DrillName}
	case naming.TierMonitor:
		return labels.Set{naming.LabelTier: naming.TierMonitor}
	case "stranger":
		return labels.Set{}
	}
	return naming.PodLabels(environment(), component)
}

// allowed asks what the rules of both sides say, as an enforcer would, of two
// pods of the environment's namespace.
func allowed(t *testing.T, from, to string, number int32) bool {
	selected := func(s *metav1.LabelSelector, pod labels.Set) bool {
		selector, err := metav1.LabelSelectorAsSelector(s)
		require.NoError(t, err)
		return selector.Matches(pod)
	}
	hit := func(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, other labels.Set) bool {
		return slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
			return p.NamespaceSelector == nil && p.PodSelector != nil && selected(p.PodSelector, other)
		}) && slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntVal == number })
	}
	var out, in bool
	for _, p := range decoded(t, environment(), kindCluster) {
		if selected(&p.Spec.PodSelector, pod(from)) {
			for _, rule := range p.Spec.Egress {
				out = out || hit(rule.To, rule.Ports, pod(to))
			}
		}
		if selected(&p.Spec.PodSelector, pod(to)) {
			for _, rule := range p.Spec.Ingress {
				in = in || hit(rule.From, rule.Ports, pod(from))
			}
		}
	}
	require.Equal(t, out, in, "%s to %s:%d is allowed on one side only", from, to, number)
	return out
}

func TestWhoReachesWhom(t *testing.T) {
	all := []string{naming.Etcd, naming.Postgres, naming.Redis, naming.Sentinel, "backend", "ledger", naming.TierMonitor, DrillName, "stranger"}
	for _, c := range []struct {
		to   string
		port int32
		from []string
	}{
		{naming.Etcd, 2379, []string{naming.Etcd, naming.Postgres, "ledger", DrillName}},
		{naming.Etcd, 2380, []string{naming.Etcd}},
		{naming.Etcd, 2381, []string{naming.TierMonitor}},
		{naming.Postgres, 5432, []string{naming.Postgres, "backend", "ledger", DrillName}},
		{naming.Postgres, 8008, []string{naming.Postgres, naming.TierMonitor, DrillName}},
		{naming.Redis, 6379, []string{naming.Redis, naming.Sentinel, "backend", "ledger", DrillName}},
		{naming.Sentinel, 26379, []string{naming.Redis, naming.Sentinel, "backend", "ledger", DrillName}},
		{"backend", 8080, []string{"backend", "ledger", naming.TierMonitor, DrillName}},
		{"backend", 22, nil},
		{"stranger", 80, nil},
	} {
		for _, from := range all {
			require.Equal(t, slices.Contains(c.from, from), allowed(t, from, c.to, c.port), "%s to %s:%d", from, c.to, c.port)
		}
	}
}

// A published port is open to the outside, and to no pod by that.
func TestOnlyPublishedPortsAreOpenToTheOutside(t *testing.T) {
	open := map[string]bool{}
	for _, p := range decoded(t, environment(), kindCluster) {
		for _, rule := range p.Spec.Ingress {
			for _, from := range rule.From {
				if from.IPBlock == nil {
					continue
				}
				open[p.Name] = true
				if from.IPBlock.CIDR == "0.0.0.0/0" {
					require.Equal(t, kindCluster.PodRanges[:2], from.IPBlock.Except)
				} else {
					require.Equal(t, kindCluster.PodRanges[2:], from.IPBlock.Except)
				}
			}
		}
	}
	require.Equal(t, map[string]bool{"paws360-postgres": true, "paws360-app-backend": true, "paws360-drill": true}, open)
}

// An API server that could not be found is closed to the pods, not all addresses open.
func TestAnUnknownAPIServerOpensNothing(t *testing.T) {
	for _, p := range decoded(t, environment(), Surroundings{Operator: "pawskind-system"}) {
		for _, rule := range p.Spec.Egress {
			for _, to := range rule.To {
				require.Nil(t, to.IPBlock, p.Name)
			}
		}
	}
}
