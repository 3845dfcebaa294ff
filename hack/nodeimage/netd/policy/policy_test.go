package policy

import (
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// policies reads NetworkPolicies from YAML documents.
func policies(t *testing.T, documents string) []*networkingv1.NetworkPolicy {
	t.Helper()
	var list []*networkingv1.NetworkPolicy
	for _, document := range strings.Split(documents, "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		p := &networkingv1.NetworkPolicy{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), p))
		list = append(list, p)
	}
	return list
}

func pod(namespace, name, address string, more ...func(*Pod)) Pod {
	p := Pod{Namespace: namespace, Name: name, Node: "here", Labels: labels.Set{"pod": name}, Addresses: []netip.Addr{netip.MustParseAddr(address)}}
	for _, change := range more {
		change(&p)
	}
	return p
}

func TestTheRulesetReadsLikeThePolicies(t *testing.T) {
	documents, err := os.ReadFile("testdata/policies.yaml")
	require.NoError(t, err)
	state := State{
		Node:       "here",
		Namespaces: map[string]labels.Set{"shop": {"team": "shop"}, "watch": {"team": "watch"}},
		Policies:   policies(t, string(documents)),
		Pods: []Pod{
			pod("shop", "db", "10.0.0.1", func(p *Pod) {
				p.Addresses = append(p.Addresses, netip.MustParseAddr("fd00::1"))
				p.Ports = []Port{{"metrics", corev1.ProtocolTCP, 9187}}
			}),
			pod("shop", "web", "10.0.0.2"),
			pod("watch", "collector", "10.0.1.3", func(p *Pod) { p.Node = "elsewhere" }),
		},
	}
	got := Compile(state)
	if *update {
		require.NoError(t, os.WriteFile("testdata/rules.nft", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/rules.nft")
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestEqualStatesGiveEqualRulesets(t *testing.T) {
	a, b := pod("x", "a", "10.0.0.1"), pod("x", "b", "10.0.0.2")
	deny := policies(t, `{metadata: {name: p, namespace: x}, spec: {ingress: [{from: [{podSelector: {}}]}]}}`)
	one := Compile(State{Node: "here", Pods: []Pod{a, b}, Policies: deny})
	other := Compile(State{Node: "here", Pods: []Pod{b, a}, Policies: deny})
	require.Equal(t, one, other)
	require.Contains(t, one, "ingress-of/x/b")
}

func TestNothingToEnforceLeavesNoTable(t *testing.T) {
	elsewhere := pod("x", "a", "10.0.0.1", func(p *Pod) { p.Node = "there" })
	got := Compile(State{Node: "here", Pods: []Pod{elsewhere}, Policies: policies(t, `{metadata: {name: p, namespace: x}}`)})
	require.Equal(t, "table inet netd-policies\ndelete table inet netd-policies\n", got)
}

// An address that is told of two pods is the younger one's: the older is on its way out.
func TestAnAddressHasOnePod(t *testing.T) {
	now := time.Now()
	old := pod("x", "a", "10.0.0.1", func(p *Pod) { p.Born = now.Add(-time.Hour) })
	young := pod("x", "b", "10.0.0.1", func(p *Pod) { p.Born = now })
	got := Compile(State{Node: "here", Pods: []Pod{old, young}, Policies: policies(t, `{metadata: {name: p, namespace: x}}`)})
	require.Contains(t, got, "goto ingress-of/x/b")
	require.NotContains(t, got, "ingress-of/x/a")
}

func TestPodsThatPoliciesDoNotSee(t *testing.T) {
	for name, p := range map[string]corev1.Pod{
		"in the node's network": {Spec: corev1.PodSpec{HostNetwork: true}},
		"succeeded":             {Status: corev1.PodStatus{Phase: corev1.PodSucceeded}},
		"failed":                {Status: corev1.PodStatus{Phase: corev1.PodFailed}},
	} {
		_, seen := PodOf(&p)
		require.False(t, seen, name)
	}
}

func TestPodOfFindsNamedPorts(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	port := func(name string, number int32) []corev1.ContainerPort {
		return []corev1.ContainerPort{{Name: name, ContainerPort: number}, {ContainerPort: 1}}
	}
	got, seen := PodOf(&corev1.Pod{
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Ports: port("main", 80)}},
			InitContainers: []corev1.Container{
				{Ports: port("once", 81)}, {Ports: port("sidecar", 82), RestartPolicy: &always},
			},
		},
		Status: corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}, {IP: "fd00::1"}}},
	})
	require.True(t, seen)
	require.Equal(t, []Port{{"main", corev1.ProtocolTCP, 80}, {"sidecar", corev1.ProtocolTCP, 82}}, got.Ports)
	require.Equal(t, []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}, got.Addresses)
}

// nftables refuses a set whose ranges overlap.
func TestOverlappingPortsAreJoined(t *testing.T) {
	number := func(first int32, last ...int32) networkingv1.NetworkPolicyPort {
		p := networkingv1.NetworkPolicyPort{Port: ptr.To(intstr.FromInt32(first))}
		if len(last) > 0 {
			p.EndPort = &last[0]
		}
		return p
	}
	text := func(ports ...networkingv1.NetworkPolicyPort) string { return portMatches(ports, nil)[0].text }
	require.Equal(t, "ct direction original tcp dport { 80-95, 443 }", text(number(443), number(85, 95), number(80, 90), number(82)))
	require.Equal(t, "ct direction original tcp dport { 80-82 }", text(number(80), number(81), number(82)))
	require.Equal(t, "meta l4proto tcp", text(number(80), networkingv1.NetworkPolicyPort{}), "every port of the protocol")
}

func TestLongNamesStayApart(t *testing.T) {
	long := strings.Repeat("n", 250)
	one, other := chainName("ingress", "x", long+"1"), chainName("ingress", "x", long+"2")
	require.NotEqual(t, one, other)
	require.LessOrEqual(t, len(one), longest)
}

func TestTypesThatAreLeftOutFollowFromTheRules(t *testing.T) {
	p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
	require.True(t, concerns(p, networkingv1.PolicyTypeIngress))
	require.False(t, concerns(p, networkingv1.PolicyTypeEgress))
	p.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{}}
	require.True(t, concerns(p, networkingv1.PolicyTypeEgress))
}
