// Package policy compiles NetworkPolicies into rules of nftables, as one node
// enforces them for its own pods. It knows the semantics of
// https://kubernetes.io/docs/concepts/services-networking/network-policies.
package policy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// State is what the rules are made of.
type State struct {
	// Node is the node that enforces.
	Node string
	// Pods are those of all nodes.
	Pods []Pod
	// Namespaces are the labels of each.
	Namespaces map[string]labels.Set
	Policies   []*networkingv1.NetworkPolicy
}

// Pod is what policies see of a pod.
type Pod struct {
	Namespace, Name, Node string
	Labels                labels.Set
	Addresses             []netip.Addr
	// Ports are those that have a name.
	Ports []Port
	// Given addresses are the node's own word. Born tells which of two pods with
	// the same address has it: one that was given it, else the younger.
	Given bool
	Born  time.Time
}

// Port is a port of a pod by its name.
type Port struct {
	Name     string
	Protocol corev1.Protocol
	Number   uint16
}

// PodOf gives what policies see of a pod, with the addresses that its status
// tells. Not seen are pods of a node's own network, which count as the node, and
// pods that have ended, whose addresses may be another's.
func PodOf(p *corev1.Pod) (Pod, bool) {
	if p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return Pod{}, false
	}
	pod := Pod{
		Namespace: p.Namespace, Name: p.Name, Node: p.Spec.NodeName,
		Labels: p.Labels, Ports: namedPorts(p), Born: p.CreationTimestamp.Time,
	}
	for _, ip := range p.Status.PodIPs {
		if address, err := netip.ParseAddr(ip.IP); err == nil {
			pod.Addresses = append(pod.Addresses, address.Unmap())
		}
	}
	return pod, true
}

func namedPorts(p *corev1.Pod) []Port {
	var ports []Port
	add := func(c corev1.Container) {
		for _, port := range c.Ports {
			if port.Name != "" {
				ports = append(ports, Port{port.Name, cmp.Or(port.Protocol, corev1.ProtocolTCP), uint16(port.ContainerPort)})
			}
		}
	}
	for _, c := range p.Spec.Containers {
		add(c)
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(c)
		}
	}
	return ports
}

// settled is the state in a fixed order, with each address at one pod alone.
func (s State) settled() State {
	s.Pods = slices.Clone(s.Pods)
	slices.SortStableFunc(s.Pods, func(a, b Pod) int {
		if a.Given != b.Given {
			return map[bool]int{true: -1, false: 1}[a.Given]
		}
		return b.Born.Compare(a.Born)
	})
	taken := map[netip.Addr]bool{}
	for i := range s.Pods {
		var own []netip.Addr
		for _, address := range s.Pods[i].Addresses {
			if !taken[address] {
				taken[address] = true
				own = append(own, address)
			}
		}
		s.Pods[i].Addresses = own
	}
	slices.SortFunc(s.Pods, func(a, b Pod) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	s.Policies = slices.Clone(s.Policies)
	slices.SortFunc(s.Policies, func(a, b *networkingv1.NetworkPolicy) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return s
}

// concerns tells whether a policy speaks of a direction. Without types it speaks
// of what comes in, and of what goes out if it has rules for that.
func concerns(p *networkingv1.NetworkPolicy, kind networkingv1.PolicyType) bool {
	if len(p.Spec.PolicyTypes) > 0 {
		return slices.Contains(p.Spec.PolicyTypes, kind)
	}
	return kind == networkingv1.PolicyTypeIngress || len(p.Spec.Egress) > 0
}
