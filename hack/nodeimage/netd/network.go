package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// route says through which address a node's pods are reached.
type route struct{ cidr, via string }

// podCIDRs are the ranges of a node's pods, one for each family of addresses.
func podCIDRs(n *corev1.Node) []string {
	if len(n.Spec.PodCIDRs) > 0 {
		return n.Spec.PodCIDRs
	}
	if n.Spec.PodCIDR != "" {
		return []string{n.Spec.PodCIDR}
	}
	return nil
}

func internalIPs(n *corev1.Node) []string {
	var ips []string
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			ips = append(ips, a.Address)
		}
	}
	return ips
}

func hasAddress(n *corev1.Node, ip string) bool { return slices.Contains(internalIPs(n), ip) }

// routes are the ways to a node's pods: each range through the node's address
// of the same family.
func routes(n *corev1.Node) []route {
	var list []route
	for _, cidr := range podCIDRs(n) {
		for _, ip := range internalIPs(n) {
			if isIPv6(cidr) == isIPv6(ip) {
				list = append(list, route{cidr, ip})
				break
			}
		}
	}
	return list
}

// stale are the routes that were set and are wanted no more. A range that only
// has a new way is replaced, not deleted.
func stale(set, wanted []route) []route {
	return slices.DeleteFunc(slices.Clone(set), func(old route) bool {
		return slices.ContainsFunc(wanted, func(w route) bool { return w.cidr == old.cidr })
	})
}

func isIPv6(addressOrCIDR string) bool {
	text, _, _ := strings.Cut(addressOrCIDR, "/")
	ip, err := netip.ParseAddr(text)
	return err == nil && ip.Is6()
}

// conflist is the CNI configuration of a node whose pods have these ranges. Its
// last plugin has a pod wait for its network policies.
func conflist(cidrs []string, mtu int) []byte {
	type m = map[string]any
	var ranges []any
	var defaults []m
	for _, cidr := range cidrs {
		ranges = append(ranges, []m{{"subnet": cidr}})
		anywhere := "0.0.0.0/0"
		if isIPv6(cidr) {
			anywhere = "::/0"
		}
		defaults = append(defaults, m{"dst": anywhere})
	}
	content, _ := json.MarshalIndent(m{ // maps of strings always marshal
		"cniVersion": "0.4.0",
		"name":       "kindnet",
		"plugins": []m{
			{"type": "ptp", "ipMasq": false, "mtu": mtu, "ipam": m{
				"type": "host-local", "dataDir": "/run/cni-ipam-state", "routes": defaults, "ranges": ranges,
			}},
			{"type": "portmap", "capabilities": m{"portMappings": true}},
			{"type": "netd-cni"},
		},
	}, "", "  ")
	return content
}

// masquerade is the nftables ruleset that hides pods behind their node when
// they talk to anything but pods. It replaces itself in one step.
func masquerade(podSubnets string) []byte {
	var rules strings.Builder
	for subnet := range strings.SplitSeq(podSubnets, ",") {
		family, multicast := "ip", "224.0.0.0/4"
		if isIPv6(subnet) {
			family, multicast = "ip6", "ff00::/8"
		}
		fmt.Fprintf(&rules, "    %[1]s saddr %[2]s %[1]s daddr != { %[2]s, %[3]s } masquerade\n", family, subnet, multicast)
	}
	return []byte(`table inet kindnet
delete table inet kindnet
table inet kindnet {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
` + rules.String() + `  }
}
`)
}
