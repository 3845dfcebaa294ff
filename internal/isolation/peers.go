package isolation

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

type kind int

const (
	component kind = iota
	tier
	drillClients
	operator
	outside
	dns
	api
)

// peer is one side of a flow.
type peer struct {
	kind kind
	name string
}

// DrillName is the label app.kubernetes.io/name of a drill's clients.
const DrillName = "pawskind-drill"

const (
	labelName      = "app.kubernetes.io/name"
	labelNamespace = "kubernetes.io/metadata.name"
)

// policyName is the name of the policy of an environment's own pods. An app may
// have the name of a tier, so the two are told apart.
func (p peer) policyName() string {
	switch {
	case p.kind == tier:
		return "paws360-tier-" + p.name
	case p.kind == drillClients:
		return "paws360-drill"
	case naming.Tier(p.name) == naming.TierApp:
		return "paws360-app-" + p.name
	}
	return "paws360-" + p.name
}

// selector finds the environment's own pods.
func (p peer) selector(env *v1alpha1.PawsEnvironment) *metaac.LabelSelectorApplyConfiguration {
	switch p.kind {
	case component:
		return metaac.LabelSelector().WithMatchLabels(naming.Selector(env, p.name))
	case tier:
		return metaac.LabelSelector().WithMatchLabels(map[string]string{naming.LabelTier: p.name})
	default:
		return metaac.LabelSelector().WithMatchLabels(map[string]string{labelName: DrillName})
	}
}

// reach is how a rule names the peer.
func (p peer) reach(env *v1alpha1.PawsEnvironment, around Surroundings) []*networkingac.NetworkPolicyPeerApplyConfiguration {
	switch p.kind {
	case operator:
		return one(networkingac.NetworkPolicyPeer().
			WithNamespaceSelector(inNamespace(around.Operator)).
			WithPodSelector(metaac.LabelSelector().WithMatchLabels(map[string]string{labelName: "pawskind"})))
	case dns:
		return one(networkingac.NetworkPolicyPeer().
			WithNamespaceSelector(inNamespace("kube-system")).
			WithPodSelector(metaac.LabelSelector().WithMatchLabels(map[string]string{"k8s-app": "kube-dns"})))
	case outside:
		return beyond(around.PodRanges)
	case api:
		return addresses(around.API)
	}
	return one(networkingac.NetworkPolicyPeer().WithPodSelector(p.selector(env)))
}

// reachable tells whether a rule can name the peer: an empty list would mean
// everybody.
func (p peer) reachable(around Surroundings) bool { return p.kind != api || len(around.API) > 0 }

// portRules are the ports of a flow to the peer.
func (p peer) portRules(ports []port, around Surroundings) []*networkingac.NetworkPolicyPortApplyConfiguration {
	if p.kind != api {
		return portRules(ports)
	}
	seen := map[int32]bool{}
	var rules []*networkingac.NetworkPolicyPortApplyConfiguration
	for _, a := range around.API {
		if !seen[a.Port] {
			seen[a.Port] = true
			rules = append(rules, portRule(corev1.ProtocolTCP, a.Port))
		}
	}
	return rules
}

func one(p *networkingac.NetworkPolicyPeerApplyConfiguration) []*networkingac.NetworkPolicyPeerApplyConfiguration {
	return []*networkingac.NetworkPolicyPeerApplyConfiguration{p}
}

func inNamespace(name string) *metaac.LabelSelectorApplyConfiguration {
	return metaac.LabelSelector().WithMatchLabels(map[string]string{labelNamespace: name})
}

// beyond is everything but the pods, in both families of addresses: a host's
// connection to a published port comes from an address that no one can foretell
// (the engine's bridge, a node), and no pod of another namespace has one.
func beyond(podRanges []string) []*networkingac.NetworkPolicyPeerApplyConfiguration {
	four := networkingac.IPBlock().WithCIDR("0.0.0.0/0")
	six := networkingac.IPBlock().WithCIDR("::/0")
	for _, r := range podRanges {
		switch prefix, err := netip.ParsePrefix(r); {
		case err != nil:
		case prefix.Addr().Is4():
			four.WithExcept(prefix.Masked().String())
		default:
			six.WithExcept(prefix.Masked().String())
		}
	}
	return []*networkingac.NetworkPolicyPeerApplyConfiguration{
		networkingac.NetworkPolicyPeer().WithIPBlock(four),
		networkingac.NetworkPolicyPeer().WithIPBlock(six),
	}
}

func addresses(list []Address) []*networkingac.NetworkPolicyPeerApplyConfiguration {
	var peers []*networkingac.NetworkPolicyPeerApplyConfiguration
	for _, a := range list {
		ip, err := netip.ParseAddr(a.IP)
		if err != nil {
			continue
		}
		block := netip.PrefixFrom(ip, ip.BitLen()).String()
		peers = append(peers, networkingac.NetworkPolicyPeer().WithIPBlock(networkingac.IPBlock().WithCIDR(block)))
	}
	return peers
}
