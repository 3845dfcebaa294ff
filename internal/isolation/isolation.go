// Package isolation knows who in an environment may talk to whom: NetworkPolicies
// by tier, with everything denied that no flow allows.
package isolation

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

// Component marks the policies among the objects of an environment.
const Component = "isolation"

// DefaultDeny is the name of the policy that denies what no other allows.
const DefaultDeny = "paws360-default-deny"

// Surroundings are what the policies must know of the cluster.
type Surroundings struct {
	// Operator is the operator's namespace.
	Operator string
	// PodRanges are the addresses of all pods. Traffic from elsewhere comes
	// from outside: through a published port, or from the API server's proxy.
	PodRanges []string
	// API are the addresses of the API server behind its Service, for policies
	// are judged by where a packet goes in the end.
	API []Address
}

// Address is an address with a port.
type Address struct {
	IP   string
	Port int32
}

// Policies are the NetworkPolicies of the environment, the one that denies all
// the rest last: nothing is cut while they are brought in.
func Policies(env *v1alpha1.PawsEnvironment, around Surroundings) []runtime.ApplyConfiguration {
	all := flows(env)
	var objects []runtime.ApplyConfiguration
	for _, of := range members(env) {
		spec := networkingac.NetworkPolicySpec().WithPodSelector(of.selector(env))
		var in, out bool
		for _, f := range all {
			if f.to == of {
				in = true
				spec.WithIngress(networkingac.NetworkPolicyIngressRule().
					WithFrom(f.from.reach(env, around)...).WithPorts(portRules(f.ports)...))
			}
			if f.from == of && f.to.reachable(around) {
				out = true
				spec.WithEgress(networkingac.NetworkPolicyEgressRule().
					WithTo(f.to.reach(env, around)...).WithPorts(f.to.portRules(f.ports, around)...))
			}
		}
		if in {
			spec.WithPolicyTypes(networkingv1.PolicyTypeIngress)
		}
		if out {
			spec.WithPolicyTypes(networkingv1.PolicyTypeEgress)
		}
		objects = append(objects, policy(env, of.policyName(), spec))
	}
	return append(objects, policy(env, DefaultDeny, networkingac.NetworkPolicySpec().
		WithPodSelector(metaac.LabelSelector()).
		WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)))
}

// Names are the names of the environment's policies.
func Names(env *v1alpha1.PawsEnvironment) []string {
	names := []string{DefaultDeny}
	for _, of := range members(env) {
		names = append(names, of.policyName())
	}
	slices.Sort(names)
	return names
}

func policy(env *v1alpha1.PawsEnvironment, name string, spec *networkingac.NetworkPolicySpecApplyConfiguration) *networkingac.NetworkPolicyApplyConfiguration {
	return networkingac.NetworkPolicy(name, env.Namespace).
		WithLabels(naming.Labels(env, Component)).
		WithOwnerReferences(pods.Owner(env)).
		WithSpec(spec)
}

func portRules(ports []port) []*networkingac.NetworkPolicyPortApplyConfiguration {
	rules := make([]*networkingac.NetworkPolicyPortApplyConfiguration, 0, len(ports))
	for _, p := range ports {
		rules = append(rules, portRule(p.protocol, p.number))
	}
	return rules
}

func portRule(protocol corev1.Protocol, number int32) *networkingac.NetworkPolicyPortApplyConfiguration {
	return networkingac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(number))
}
