package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func worker(ips []string, cidrs ...string) *corev1.Node {
	n := &corev1.Node{Spec: corev1.NodeSpec{PodCIDRs: cidrs}}
	for _, ip := range ips {
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip})
	}
	return n
}

func TestRoutes(t *testing.T) {
	for name, c := range map[string]struct {
		node *corev1.Node
		want []route
	}{
		"one family": {worker([]string{"172.18.0.3"}, "10.244.1.0/24"), []route{{"10.244.1.0/24", "172.18.0.3"}}},
		"two families, each its own way": {
			worker([]string{"172.18.0.3", "fc00::3"}, "fd00:1::/64", "10.244.1.0/24"),
			[]route{{"fd00:1::/64", "fc00::3"}, {"10.244.1.0/24", "172.18.0.3"}},
		},
		"no address of the family yet": {worker([]string{"172.18.0.3"}, "fd00:1::/64"), nil},
		"no range yet":                 {worker([]string{"172.18.0.3"}), nil},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, routes(c.node)) })
	}
}

func TestStale(t *testing.T) {
	set := []route{{"10.244.1.0/24", "172.18.0.3"}, {"10.244.2.0/24", "172.18.0.3"}}
	wanted := []route{{"10.244.1.0/24", "172.18.0.9"}}
	require.Equal(t, []route{{"10.244.2.0/24", "172.18.0.3"}}, stale(set, wanted))
}

func TestConflist(t *testing.T) {
	require.JSONEq(t, `{
	  "cniVersion": "0.4.0",
	  "name": "kindnet",
	  "plugins": [
	    {
	      "type": "ptp", "ipMasq": false, "mtu": 1400,
	      "ipam": {
	        "type": "host-local", "dataDir": "/run/cni-ipam-state",
	        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
	        "ranges": [[{"subnet": "10.244.0.0/24"}], [{"subnet": "fd00::/64"}]]
	      }
	    },
	    {"type": "portmap", "capabilities": {"portMappings": true}},
	    {"type": "netd-cni"}
	  ]
	}`, string(conflist([]string{"10.244.0.0/24", "fd00::/64"}, 1400)))
}

func TestMasquerade(t *testing.T) {
	require.Equal(t, `table inet kindnet
delete table inet kindnet
table inet kindnet {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 224.0.0.0/4 } masquerade
    ip6 saddr fd00::/56 ip6 daddr != { fd00::/56, ff00::/8 } masquerade
  }
}
`, string(masquerade("10.244.0.0/16,fd00::/56")))
}
