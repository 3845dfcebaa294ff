package policy

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// selected are the pods that a policy is about.
func (s State) selected(p *networkingv1.NetworkPolicy) []Pod {
	return s.pods(p.Namespace, networkingv1.NetworkPolicyPeer{PodSelector: &p.Spec.PodSelector})
}

// peers are the pods that any of a rule's selectors finds, each once.
func (s State) peers(namespace string, peers []networkingv1.NetworkPolicyPeer) []Pod {
	var found []Pod
	for _, p := range peers {
		if p.IPBlock == nil {
			found = append(found, s.pods(namespace, p)...)
		}
	}
	return found
}

// pods are those that a peer's selectors find, seen from a policy's namespace:
// without a selector of namespaces, that one alone.
func (s State) pods(namespace string, p networkingv1.NetworkPolicyPeer) []Pod {
	byPod, byNamespace := labels.Everything(), labels.Nothing()
	if p.PodSelector != nil {
		byPod = selector(p.PodSelector)
	}
	if p.NamespaceSelector != nil {
		byNamespace = selector(p.NamespaceSelector)
	}
	return slices.DeleteFunc(slices.Clone(s.Pods), func(pod Pod) bool {
		if p.NamespaceSelector == nil && pod.Namespace != namespace {
			return true
		}
		known, exists := s.Namespaces[pod.Namespace]
		if p.NamespaceSelector != nil && (!exists || !byNamespace.Matches(known)) {
			return true
		}
		return !byPod.Matches(pod.Labels)
	})
}

// selector finds nothing where it cannot be read, which the API server refuses.
func selector(s *metav1.LabelSelector) labels.Selector {
	parsed, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return labels.Nothing()
	}
	return parsed
}
