package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// direction is one of the two that policies speak of. A connection is judged by
// who opened it and who answers, as conntrack knows them: whatever NAT there is
// (the address of a Service, a node's masquerade), and in every packet, so that
// a new policy also ends connections that are open.
type direction struct {
	kind networkingv1.PolicyType
	name string
	// own and peer are conntrack's tuples whose source is the pod that the policy
	// is about, and the other side.
	own, peer string
	// header is where the pod's address is in a packet of no connection.
	header   string
	priority string
}

// Both come after kube-proxy has refused Services without endpoints.
var directions = []direction{
	{networkingv1.PolicyTypeEgress, "egress", "ct original", "ct reply", "saddr", "filter + 10"},
	{networkingv1.PolicyTypeIngress, "ingress", "ct reply", "ct original", "daddr", "filter + 20"},
}

type family struct{ name, addressType string }

var families = []family{{"ip", "ipv4_addr"}, {"ip6", "ipv6_addr"}}

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return families[0]
	}
	return families[1]
}

// Compile gives the ruleset that enforces the policies for the node's own pods:
// input for nft -f, which replaces the ruleset before in one step. Equal states
// give equal rulesets.
//
// Only what the node forwards is judged: what it sends itself to its pods, the
// kubelet's probes above all, and what they send to it is always allowed.
func Compile(s State) string {
	c := &compiler{State: s.settled()}
	for _, d := range directions {
		c.direction(d)
	}
	return c.render()
}

type compiler struct {
	State
	sets   []string
	chains []chain
}

type chain struct {
	name  string
	rules []string
}

// direction compiles all that policies say of one direction: a chain for each
// policy, one for each pod that policies are about, and the way to these.
func (c *compiler) direction(d direction) {
	policies := map[string][]string{} // chains of policies by those of pods
	var isolated []Pod
	for _, p := range c.Policies {
		if !concerns(p, d.kind) {
			continue
		}
		own := slices.DeleteFunc(c.selected(p), func(pod Pod) bool { return pod.Node != c.Node || len(pod.Addresses) == 0 })
		if len(own) == 0 {
			continue
		}
		name := chainName(d.name, p.Namespace, p.Name)
		c.chains = append(c.chains, chain{name, c.policy(d, p, own)})
		for _, pod := range own {
			of := chainName(d.name+"-of", pod.Namespace, pod.Name)
			if policies[of] == nil {
				isolated = append(isolated, pod)
			}
			policies[of] = append(policies[of], "jump "+name)
		}
	}
	for _, pod := range isolated {
		of := chainName(d.name+"-of", pod.Namespace, pod.Name)
		c.chains = append(c.chains, chain{of, append(policies[of], "goto deny")})
	}
	if len(isolated) > 0 {
		c.chains = append(c.chains, chain{d.name, c.entry(d, isolated)})
	}
}

// entry is where packets come in: to each pod's own chain.
func (c *compiler) entry(d direction, isolated []Pod) []string {
	rules := []string{
		fmt.Sprintf("type filter hook forward priority %s; policy accept;", d.priority),
		"meta l4proto { icmp, icmpv6 } ct state related accept",
	}
	for _, f := range families {
		var addresses, selves, ways []string
		for _, pod := range isolated {
			for _, a := range pod.Addresses {
				if familyOf(a) != f {
					continue
				}
				addresses = append(addresses, a.String())
				selves = append(selves, fmt.Sprintf("%s . %s", a, a))
				ways = append(ways, fmt.Sprintf("%s : goto %s", a, chainName(d.name+"-of", pod.Namespace, pod.Name)))
			}
		}
		if len(ways) == 0 {
			continue
		}
		rules = append(rules,
			fmt.Sprintf("ct state invalid,untracked %s %s { %s } drop", f.name, d.header, list(addresses)),
			// A pod reaches itself through its Service.
			fmt.Sprintf("ct original %[1]s saddr . ct reply %[1]s saddr { %[2]s } accept", f.name, list(selves)),
			fmt.Sprintf("%s %s saddr vmap {\n      %s\n    }", d.own, f.name, strings.Join(ways, ",\n      ")))
	}
	return rules
}

// policy is what one policy allows to and from its pods of this node.
func (c *compiler) policy(d direction, p *networkingv1.NetworkPolicy, own []Pod) []string {
	var rules []string
	if d.kind == networkingv1.PolicyTypeIngress {
		for _, r := range p.Spec.Ingress {
			rules = append(rules, c.allow(d, p.Namespace, own, r.From, r.Ports)...)
		}
		return rules
	}
	for _, r := range p.Spec.Egress {
		rules = append(rules, c.allow(d, p.Namespace, own, r.To, r.Ports)...)
	}
	return rules
}

// allow is one rule of a policy: any of the peers at any of the ports.
func (c *compiler) allow(d direction, namespace string, own []Pod, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) []string {
	answering := own // the pods whose ports a name may mean
	if d.kind == networkingv1.PolicyTypeEgress {
		answering = c.Pods
	}
	var rules []string
	for _, from := range c.peerMatches(d, namespace, peers) {
		for _, to := range portMatches(ports, answering) {
			if from.family == to.family || from.family == "" || to.family == "" {
				rules = append(rules, strings.TrimSpace(from.text+" "+to.text)+" accept")
			}
		}
	}
	return rules
}

// match is a part of a rule; family is set if it holds for that one only.
type match struct{ family, text string }

// peerMatches match the other side: any of them will do.
func (c *compiler) peerMatches(d direction, namespace string, peers []networkingv1.NetworkPolicyPeer) []match {
	if len(peers) == 0 {
		return []match{{}}
	}
	var matches []match
	pods := c.peers(namespace, peers)
	for _, f := range families {
		if addresses := addressesOf(pods, f); len(addresses) > 0 {
			matches = append(matches, match{f.name, fmt.Sprintf("%s %s saddr @%s", d.peer, f.name, c.set(f, addresses))})
		}
	}
	for _, p := range peers {
		if p.IPBlock != nil {
			matches = append(matches, blockMatch(d, p.IPBlock)...)
		}
	}
	return matches
}

func blockMatch(d direction, block *networkingv1.IPBlock) []match {
	cidr, err := netip.ParsePrefix(block.CIDR)
	if err != nil {
		return nil // the API server lets none in
	}
	f := familyOf(cidr.Addr()).name
	text := fmt.Sprintf("%s %s saddr %s", d.peer, f, cidr.Masked())
	for _, except := range block.Except {
		hole, err := netip.ParsePrefix(except)
		if err != nil {
			return nil
		}
		text += fmt.Sprintf(" %s %s saddr != %s", d.peer, f, hole.Masked())
	}
	return []match{{f, text}}
}

func addressesOf(pods []Pod, f family) []netip.Addr {
	var list []netip.Addr
	for _, pod := range pods {
		for _, a := range pod.Addresses {
			if familyOf(a) == f {
				list = append(list, a)
			}
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

// set names the set of these addresses: selectors that find the same pods share it.
func (c *compiler) set(f family, addresses []netip.Addr) string {
	words := make([]string, len(addresses))
	for i, a := range addresses {
		words[i] = a.String()
	}
	content := fmt.Sprintf("type %s\n    elements = { %s }", f.addressType, list(words))
	i := slices.Index(c.sets, content)
	if i < 0 {
		i = len(c.sets)
		c.sets = append(c.sets, content)
	}
	return setName(i)
}
