package policy

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// The pods of the tests: two of namespace red and one of blue on this node, one of blue
// on another, and a machine that is no pod.
func newTown(t *testing.T) (*rig, State) {
	r := newRig(t, "red/a", "red/b", "blue/a", "blue/far", "outside")
	s := State{Node: "here", Namespaces: map[string]labels.Set{"red": {"ns": "red"}, "blue": {"ns": "blue"}}}
	for name, h := range r.hosts {
		namespace, short, isPod := strings.Cut(name, "/")
		if !isPod {
			continue
		}
		p := Pod{
			Namespace: namespace, Name: short, Node: "here", Labels: labels.Set{"pod": short},
			Addresses: []netip.Addr{h.four, h.six},
			Ports:     []Port{{"web", corev1.ProtocolTCP, map[string]uint16{"a": 80, "b": 81, "far": 80}[short]}},
		}
		if short == "far" {
			p.Node = "there"
		}
		s.Pods = append(s.Pods, p)
	}
	return r, s
}

// What https://kubernetes.io/docs/concepts/services-networking/network-policies
// says, tried on the kernel. A probe is "from > to:port", TCP unless it ends in
// /udp, in both families of addresses unless only one is asked for.
func TestSemantics(t *testing.T) {
	const (
		denyIn  = "metadata: {name: deny-in, namespace: red}\nspec: {podSelector: {}, policyTypes: [Ingress]}"
		denyOut = "metadata: {name: deny-out, namespace: red}\nspec: {podSelector: {}, policyTypes: [Egress]}"
	)
	in := func(rule string) string {
		return "metadata: {name: in, namespace: red}\nspec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress], ingress: [" + rule + "]}"
	}
	out := func(rule string) string {
		return "metadata: {name: out, namespace: red}\nspec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [" + rule + "]}"
	}
	for _, c := range []struct {
		name       string
		policies   []string
		open, shut []string
		only       string // a family
	}{
		{name: "without policies everything is open",
			open: []string{"red/a > red/b:80", "blue/a > red/a:80", "outside > red/a:80", "red/a > outside:80", "red/a > red/b:80/udp"}},
		{name: "default deny of what comes in",
			policies: []string{denyIn},
			open:     []string{"red/a > blue/a:80", "red/a > outside:80", "blue/a > blue/far:80"},
			shut:     []string{"red/b > red/a:80", "blue/a > red/a:80", "blue/far > red/a:80", "outside > red/a:80", "blue/a > red/a:80/udp"}},
		{name: "default deny of what goes out",
			policies: []string{denyOut},
			open:     []string{"blue/a > red/a:80", "outside > red/b:80"},
			shut:     []string{"red/a > red/b:80", "red/a > blue/a:80", "red/a > blue/far:80", "red/a > outside:80", "red/a > outside:80/udp"}},
		{name: "the node and its pods always reach each other, and a pod itself",
			policies: []string{denyIn, denyOut},
			open:     []string{"node > red/a:80", "node > red/a:80/udp", "red/a > node:80", "red/a > red/a:80"}},
		{name: "an empty rule allows everything",
			policies: []string{denyIn, in("{}")},
			open:     []string{"red/b > red/a:80", "outside > red/a:81", "blue/far > red/a:80/udp"},
			shut:     []string{"red/a > red/b:80"}},
		{name: "a selector of pods finds those of the policy's namespace",
			policies: []string{in("{from: [{podSelector: {}}]}")},
			open:     []string{"red/b > red/a:80", "blue/a > red/b:80"},
			shut:     []string{"blue/a > red/a:80", "blue/far > red/a:80", "outside > red/a:80"}},
		{name: "a selector of namespaces finds all their pods, on every node",
			policies: []string{in("{from: [{namespaceSelector: {matchLabels: {ns: blue}}}]}")},
			open:     []string{"blue/a > red/a:80", "blue/far > red/a:80"},
			shut:     []string{"red/b > red/a:80", "outside > red/a:80"}},
		{name: "an empty selector of namespaces finds every pod, and nothing else",
			policies: []string{in("{from: [{namespaceSelector: {}}]}")},
			open:     []string{"red/b > red/a:80", "blue/far > red/a:80"},
			shut:     []string{"outside > red/a:80"}},
		{name: "both selectors in one peer must hold",
			policies: []string{in("{from: [{namespaceSelector: {matchLabels: {ns: blue}}, podSelector: {matchLabels: {pod: a}}}]}")},
			open:     []string{"blue/a > red/a:80"},
			shut:     []string{"blue/far > red/a:80", "red/b > red/a:80"}},
		{name: "of two peers either may hold",
			policies: []string{in("{from: [{namespaceSelector: {matchLabels: {ns: blue}}}, {podSelector: {matchLabels: {pod: b}}}]}")},
			open:     []string{"blue/a > red/a:80", "blue/far > red/a:80", "red/b > red/a:80"},
			shut:     []string{"outside > red/a:80"}},
		{name: "expressions",
			policies: []string{in("{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [red]}]}, podSelector: {matchExpressions: [{key: pod, operator: In, values: [far, none]}]}}]}")},
			open:     []string{"blue/far > red/a:80"},
			shut:     []string{"blue/a > red/a:80", "red/b > red/a:80"}},
		{name: "peers that nobody matches allow nobody",
			policies: []string{in("{from: [{podSelector: {matchLabels: {pod: none}}}]}")},
			shut:     []string{"red/b > red/a:80", "outside > red/a:80"}},
		{name: "a block of addresses, pods' too, but for its exceptions",
			policies: []string{in("{from: [{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.0.3/32, 10.0.0.2/31]}}]}")},
			open:     []string{"blue/far > red/a:80", "outside > red/a:80"},
			shut:     []string{"red/b > red/a:80", "blue/a > red/a:80"}, only: "4"},
		{name: "a block of one family lets none of the other in",
			policies: []string{in("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}")},
			shut:     []string{"red/b > red/a:80", "outside > red/a:80"}, only: "6"},
		{name: "a block of the sixth version",
			policies: []string{in(`{from: [{ipBlock: {cidr: "::/0", except: ["fd00::2/127"]}}]}`)},
			open:     []string{"blue/far > red/a:80", "outside > red/a:80"},
			shut:     []string{"red/b > red/a:80", "blue/a > red/a:80"}, only: "6"},
		{name: "everything but pods is the world outside",
			policies: []string{in("{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/30, 10.0.0.4/32]}}]}")},
			open:     []string{"outside > red/a:80"},
			shut:     []string{"red/b > red/a:80", "blue/far > red/a:80"}, only: "4"},
		{name: "a port is of TCP unless another protocol is named",
			policies: []string{in("{ports: [{port: 80}]}")},
			open:     []string{"red/b > red/a:80", "outside > red/a:80"},
			shut:     []string{"red/b > red/a:81", "red/b > red/a:80/udp"}},
		{name: "a port of UDP",
			policies: []string{in("{ports: [{port: 80, protocol: UDP}]}")},
			open:     []string{"red/b > red/a:80/udp"},
			shut:     []string{"red/b > red/a:80"}},
		{name: "a protocol without a port is all its ports",
			policies: []string{in("{ports: [{protocol: TCP}]}")},
			open:     []string{"red/b > red/a:80", "red/b > red/a:90"},
			shut:     []string{"red/b > red/a:80/udp"}},
		{name: "a range of ports",
			policies: []string{in("{ports: [{port: 80, endPort: 85}, {port: 81}]}")},
			open:     []string{"red/b > red/a:80", "red/b > red/a:81"},
			shut:     []string{"red/b > red/a:90"}},
		{name: "a named port is the one that the pod names so",
			policies: []string{"metadata: {name: in, namespace: red}\nspec: {podSelector: {}, ingress: [{ports: [{port: web}]}]}"},
			open:     []string{"blue/a > red/a:80", "blue/a > red/b:81"},
			shut:     []string{"blue/a > red/a:81", "blue/a > red/b:80"}},
		{name: "a named port of whom the pod calls",
			policies: []string{out("{to: [{podSelector: {}}, {namespaceSelector: {}}], ports: [{port: web}]}")},
			open:     []string{"red/a > red/b:81", "red/a > blue/far:80"},
			shut:     []string{"red/a > red/b:80", "red/a > blue/a:81", "red/a > outside:80"}},
		{name: "a port and a peer of the same rule must both hold",
			policies: []string{in("{from: [{podSelector: {}}], ports: [{port: 80}]}")},
			open:     []string{"red/b > red/a:80"},
			shut:     []string{"red/b > red/a:81", "blue/a > red/a:80"}},
		{name: "of two rules either may hold",
			policies: []string{in("{from: [{podSelector: {}}], ports: [{port: 80}]}, {from: [{namespaceSelector: {matchLabels: {ns: blue}}}], ports: [{port: 81}]}")},
			open:     []string{"red/b > red/a:80", "blue/a > red/a:81"},
			shut:     []string{"red/b > red/a:81", "blue/a > red/a:80"}},
		{name: "policies add up",
			policies: []string{denyIn, in("{from: [{podSelector: {}}]}"), strings.Replace(in("{ports: [{port: 81}]}"), "name: in", "name: more", 1)},
			open:     []string{"red/b > red/a:80", "outside > red/a:81"},
			shut:     []string{"outside > red/a:80", "red/a > red/b:80"}},
		{name: "both sides must allow",
			policies: []string{in("{from: [{podSelector: {matchLabels: {pod: b}}}]}"), "metadata: {name: out, namespace: red}\nspec: {podSelector: {matchLabels: {pod: b}}, policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}"},
			open:     []string{"red/b > red/a:80"},
			shut:     []string{"red/b > red/a:81", "blue/a > red/a:80"}},
		{name: "what goes out, by block and by pod",
			policies: []string{out("{to: [{ipBlock: {cidr: 10.0.0.5/32}}], ports: [{port: 80}]}, {to: [{namespaceSelector: {matchLabels: {ns: blue}}}]}")},
			open:     []string{"red/a > outside:80", "red/a > blue/a:90", "red/a > blue/far:80"},
			shut:     []string{"red/a > outside:81", "red/a > red/b:80"}, only: "4"},
		{name: "behind a Service it is the pod that counts, and its port",
			policies: []string{in("{from: [{podSelector: {}}], ports: [{port: 80}]}"), "metadata: {name: out, namespace: red}\nspec: {podSelector: {matchLabels: {pod: b}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {pod: a}}}]}]}"},
			open:     []string{"red/b > service:80", "red/a > service:80"},
			shut:     []string{"red/b > service:81", "blue/a > service:80", "outside > service:80"}, only: "4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, s := newTown(t)
			s.Policies = policies(t, strings.Join(c.policies, "\n---\n"))
			r.apply(Compile(s))
			for _, f := range []string{"4", "6"} {
				if c.only != "" && c.only != f {
					continue
				}
				for _, probe := range c.open {
					require.NotNil(t, r.probe(probe, f), "IPv%s %s is open\n%s", f, probe, Compile(s))
				}
				for _, probe := range c.shut {
					require.Nil(t, r.probe(probe, f), "IPv%s %s is shut\n%s", f, probe, Compile(s))
				}
			}
		})
	}
}

// probe tries "from > to:port" or "from > to:port/udp".
func (r *rig) probe(text, f string) net.Conn {
	r.t.Helper()
	from, to, found := strings.Cut(text, " > ")
	require.True(r.t, found, text)
	to, protocol, found := strings.Cut(to, "/udp")
	network := "tcp"
	if found {
		require.Empty(r.t, protocol)
		network = "udp"
	}
	name, port, found := strings.Cut(to, ":")
	require.True(r.t, found, text)
	return r.open(from, network+f, net.JoinHostPort(r.addressOf(name, f).String(), port))
}

func (r *rig) addressOf(name, f string) netip.Addr {
	if name == "service" {
		return service
	}
	h := r.hosts[name]
	require.NotNil(r.t, h, name)
	if f == "4" {
		return h.four
	}
	return h.six
}

func TestAConnectionEndsWhenAPolicyStartsToForbidIt(t *testing.T) {
	for _, c := range []struct{ name, probe, deny string }{
		{"at the pod that answers", "blue/a > red/a:80", "metadata: {name: deny, namespace: red}\nspec: {podSelector: {}, policyTypes: [Ingress]}"},
		{"at the pod that opened it", "red/b > blue/a:80", "metadata: {name: deny, namespace: red}\nspec: {podSelector: {}, policyTypes: [Egress]}"},
		{"through a Service", "blue/a > service:80", "metadata: {name: deny, namespace: red}\nspec: {podSelector: {}, policyTypes: [Ingress]}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, s := newTown(t)
			other := r.probe("red/b > blue/far:81", "4")
			require.NotNil(t, other)
			conn := r.probe(c.probe, "4")
			require.NotNil(t, conn)
			s.Policies = policies(t, c.deny)
			r.apply(Compile(s))
			err := speak(conn)
			require.Error(t, err)
			require.Contains(t, fmt.Sprint(err), "reset", "it is told, and does not hang")
			s.Policies = policies(t, strings.ReplaceAll(c.deny, "podSelector: {}", "podSelector: {matchLabels: {pod: none}}"))
			r.apply(Compile(s))
			require.NotNil(t, r.probe(c.probe, "4"), "it is allowed again")
		})
	}
}

func TestAConnectionThatStaysAllowedStays(t *testing.T) {
	r, s := newTown(t)
	conn := r.probe("red/b > red/a:80", "4")
	require.NotNil(t, conn)
	s.Policies = policies(t, `metadata: {name: p, namespace: red}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}], egress: [{to: [{podSelector: {}}]}]}`)
	r.apply(Compile(s))
	require.NoError(t, speak(conn))
	r.apply(Compile(s))
	require.NoError(t, speak(conn))
}
