package controllers

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/internal/isolation"
	"github.com/paws360/pawskind/internal/naming"
)

// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=nodes,verbs=list
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,resourceNames=kubernetes,verbs=get

// reconcileIsolation keeps the environment's network to itself, by the policies
// of its tiers. It comes before the workloads, so that none starts in the open.
func (r *Reconciler) reconcileIsolation(ctx context.Context, s *scope) error {
	around, err := r.around.look(ctx, r.Direct, r.now())
	if err != nil {
		return err
	}
	if err := r.applyAll(ctx, s, isolation.Policies(s.env, around)); err != nil {
		return err
	}
	return r.removePolicies(ctx, s)
}

// removePolicies removes those of apps that left the spec.
func (r *Reconciler) removePolicies(ctx context.Context, s *scope) error {
	kind := networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy")
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(networkingv1.SchemeGroupVersion.WithKind("NetworkPolicyList"))
	if err := r.List(ctx, list, client.InNamespace(s.env.Namespace),
		client.MatchingLabels(naming.Selector(s.env, isolation.Component))); err != nil {
		return fmt.Errorf("listing the network policies: %w", err)
	}
	wanted := isolation.Names(s.env)
	for _, p := range list.Items {
		if slices.Contains(wanted, p.Name) || !metav1.IsControlledBy(&p, s.env) {
			continue
		}
		if err := r.applier.remove(ctx, kind, types.NamespacedName{Namespace: p.Namespace, Name: p.Name}); err != nil {
			return err
		}
	}
	return nil
}

// surroundingsAge is how long what was seen of the cluster is believed: a node
// that joins brings pods, and with them a reconcile.
const surroundingsAge = 30 * time.Second

// surroundings remembers what the policies must know of the cluster.
type surroundings struct {
	mu   sync.Mutex
	seen isolation.Surroundings
	at   time.Time
}

func (c *surroundings) look(ctx context.Context, reader client.Reader, now time.Time) (isolation.Surroundings, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && now.Sub(c.at) < surroundingsAge {
		return c.seen, nil
	}
	nodes := &corev1.NodeList{}
	if err := reader.List(ctx, nodes); err != nil {
		return c.seen, fmt.Errorf("listing the nodes for the pods' addresses: %w", err)
	}
	slice := &discoveryv1.EndpointSlice{}
	if err := reader.Get(ctx, types.NamespacedName{Namespace: metav1.NamespaceDefault, Name: "kubernetes"}, slice); err != nil {
		return c.seen, fmt.Errorf("reading the addresses of the API server: %w", err)
	}
	c.seen = isolation.Surroundings{Operator: ownNamespace(), PodRanges: podRanges(nodes.Items), API: apiAddresses(slice)}
	c.at = now
	return c.seen, nil
}

// podRanges are the addresses that the nodes give to pods.
func podRanges(nodes []corev1.Node) []string {
	var ranges []string
	for _, n := range nodes {
		ranges = append(ranges, n.Spec.PodCIDRs...)
	}
	slices.Sort(ranges)
	return slices.Compact(ranges)
}

func apiAddresses(slice *discoveryv1.EndpointSlice) []isolation.Address {
	var list []isolation.Address
	for _, p := range slice.Ports {
		for _, e := range slice.Endpoints {
			for _, ip := range e.Addresses {
				list = append(list, isolation.Address{IP: ip, Port: ptr.Deref(p.Port, 443)})
			}
		}
	}
	slices.SortFunc(list, func(a, b isolation.Address) int { return strings.Compare(a.IP, b.IP) })
	return list
}

// defaultNamespace is where the operator is installed unless somebody chose
// another namespace.
const defaultNamespace = "pawskind-system"

// ownNamespace is the operator's.
func ownNamespace() string {
	content, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if name := strings.TrimSpace(string(content)); err == nil && name != "" {
		return name
	}
	return defaultNamespace
}
