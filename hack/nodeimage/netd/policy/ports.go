package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// span is ports from first to last.
type span struct{ first, last uint16 }

func (s span) String() string {
	if s.first == s.last {
		return fmt.Sprint(s.first)
	}
	return fmt.Sprintf("%d-%d", s.first, s.last)
}

var protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}

// portMatches match the ports of the side that answers: any of them will do. A
// port with a name is each answering pod's own.
func portMatches(ports []networkingv1.NetworkPolicyPort, answering []Pod) []match {
	if len(ports) == 0 {
		return []match{{}}
	}
	numbers := map[corev1.Protocol][]span{}
	var named []networkingv1.NetworkPolicyPort
	for _, p := range ports {
		protocol := ptr.Deref(p.Protocol, corev1.ProtocolTCP)
		switch {
		case p.Port == nil:
			numbers[protocol] = append(numbers[protocol], span{0, 65535})
		case p.Port.Type == intstr.String:
			named = append(named, p)
		default:
			first := uint16(p.Port.IntVal)
			numbers[protocol] = append(numbers[protocol], span{first, uint16(ptr.Deref(p.EndPort, int32(first)))})
		}
	}
	var matches []match
	for _, protocol := range protocols {
		for _, text := range numberMatches(protocol, numbers[protocol]) {
			matches = append(matches, match{"", text})
		}
	}
	return append(matches, nameMatches(named, answering)...)
}

// numberMatches match a protocol's ports in both directions of a connection.
func numberMatches(protocol corev1.Protocol, spans []span) []string {
	if len(spans) == 0 {
		return nil
	}
	name := strings.ToLower(string(protocol))
	merged := merge(spans)
	if merged[0] == (span{0, 65535}) {
		return []string{"meta l4proto " + name}
	}
	words := make([]string, len(merged))
	for i, s := range merged {
		words[i] = s.String()
	}
	return []string{
		fmt.Sprintf("ct direction original %s dport { %s }", name, list(words)),
		fmt.Sprintf("ct direction reply %s sport { %s }", name, list(words)),
	}
}

// merge joins spans that overlap, which nftables refuses in a set.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last)) })
	merged := spans[:1:1]
	for _, s := range spans[1:] {
		last := &merged[len(merged)-1]
		if int(s.first) <= int(last.last)+1 {
			last.last = max(last.last, s.last)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// nameMatches match ports by their names, at the pods that have a port so named.
func nameMatches(named []networkingv1.NetworkPolicyPort, answering []Pod) []match {
	type number struct {
		family   family
		protocol corev1.Protocol
		port     uint16
	}
	at := map[number][]netip.Addr{}
	var order []number
	for _, p := range named {
		for _, pod := range answering {
			for _, port := range pod.Ports {
				if port.Name != p.Port.StrVal || port.Protocol != ptr.Deref(p.Protocol, corev1.ProtocolTCP) {
					continue
				}
				for _, a := range pod.Addresses {
					n := number{familyOf(a), port.Protocol, port.Number}
					if at[n] == nil {
						order = append(order, n)
					}
					at[n] = append(at[n], a)
				}
			}
		}
	}
	var matches []match
	for _, n := range order {
		addresses := at[n]
		slices.SortFunc(addresses, netip.Addr.Compare)
		words := make([]string, 0, len(addresses))
		for _, a := range slices.Compact(addresses) {
			words = append(words, a.String())
		}
		for _, port := range numberMatches(n.protocol, []span{{n.port, n.port}}) {
			matches = append(matches, match{n.family.name, fmt.Sprintf("ct reply %s saddr { %s } %s", n.family.name, list(words), port)})
		}
	}
	return matches
}
