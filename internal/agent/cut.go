package agent

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// rule is one line of a packet filter: what matches all that is given is
// dropped, or let through.
type rule struct {
	chain    string
	loopback bool
	from, to netip.Prefix
	accept   bool
}

// The chains of a cut: two in the pod's network, one in the node's.
const (
	chainIn      = "in"
	chainOut     = "out"
	chainForward = "forward"
)

// neighbours are the addresses by which IPv6 finds its neighbours.
var neighbours = []netip.Prefix{netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff02::/16")}

func (f Fault) cuts(direction string) bool {
	return f.Direction == direction || f.Direction == "both" || f.Direction == ""
}

func (f Fault) peers() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range f.Peers {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("reading the peers of a partition: %w", err)
		}
		list = append(list, host(ip))
	}
	return list, nil
}

func host(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap()
	return netip.PrefixFrom(ip, ip.BitLen())
}

// podRules cut the pod inside its own network. A pod cut off from everything
// still talks with the node itself: otherwise the kubelet's probes would fail,
// and it would restart what is only cut off.
func podRules(f Fault, peers []netip.Prefix, node []netip.Addr) []rule {
	var rules []rule
	for _, chain := range []string{chainIn, chainOut} {
		if !f.cuts(chain) {
			continue
		}
		rules = append(rules, rule{chain: chain, loopback: true, accept: true})
		for _, peer := range peers {
			rules = append(rules, rule{chain: chain}.with(peer))
		}
		if len(peers) > 0 {
			continue
		}
		for _, ip := range node {
			rules = append(rules, rule{chain: chain, accept: true}.with(host(ip)))
		}
		for _, prefix := range neighbours {
			rules = append(rules, rule{chain: chain, accept: true}.with(prefix))
		}
		rules = append(rules, rule{chain: chain})
	}
	return rules
}

// with matches the other side of the pod's packets.
func (r rule) with(other netip.Prefix) rule {
	if r.chain == chainIn {
		r.from = other
	} else {
		r.to = other
	}
	return r
}

// nodeRules cut the pod where the node forwards its packets. There the address
// of a Service is already that of a pod, and what the node forwards from
// elsewhere differs from what the node itself sends.
func nodeRules(f Fault, peers []netip.Prefix, pod []netip.Addr) []rule {
	if len(peers) == 0 {
		peers = []netip.Prefix{{}}
	}
	var rules []rule
	for _, ip := range pod {
		for _, peer := range peers {
			if peer.IsValid() && peer.Addr().Is4() != ip.Is4() {
				continue
			}
			if f.cuts("in") {
				rules = append(rules, rule{chain: chainForward, from: peer, to: host(ip)})
			}
			if f.cuts("out") {
				rules = append(rules, rule{chain: chainForward, from: host(ip), to: peer})
			}
		}
	}
	return rules
}

// fingerprint tells whether a table that is there holds these rules.
func fingerprint(rules []rule) string {
	lines := make([]string, len(rules))
	for i, r := range rules {
		lines[i] = fmt.Sprintf("%s %t %s %s %t", r.chain, r.loopback, r.from, r.to, r.accept)
	}
	return "v_" + digest(strings.Join(lines, "\n"))
}

func chainsOf(rules []rule) []string {
	var names []string
	for _, r := range rules {
		if !slices.Contains(names, r.chain) {
			names = append(names, r.chain)
		}
	}
	return names
}
