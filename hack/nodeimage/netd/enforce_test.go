package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/paws360/pawskind/hack/nodeimage/netd/join"
)

// api is what the informers of an enforcer hold; applied are the rules that were
// put in place, one after the other.
type api struct {
	*enforcer
	pods    cache.Indexer
	applied chan string
}

func newAPI(t *testing.T) *api {
	t.Helper()
	indexer := func(objects ...any) cache.Indexer {
		i := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
		for _, o := range objects {
			require.NoError(t, i.Add(o))
		}
		return i
	}
	a := &api{enforcer: newEnforcer("here"), pods: indexer(), applied: make(chan string, 16)}
	a.enforcer.pods = corelisters.NewPodLister(a.pods)
	a.namespaces = corelisters.NewNamespaceLister(indexer(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "x"}}))
	a.policies = networkinglisters.NewNetworkPolicyLister(indexer(&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: "deny"}}))
	a.apply = func(_ context.Context, rules string) error {
		a.applied <- rules
		return nil
	}
	return a
}

func (a *api) has(t *testing.T, uid types.UID, addresses ...string) {
	t.Helper()
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: "a", UID: uid}, Spec: corev1.PodSpec{NodeName: "here"}}
	for _, ip := range addresses {
		p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: ip})
	}
	require.NoError(t, a.pods.Update(p))
}

func joining(uid, address string) join.Pod {
	return join.Pod{Namespace: "x", Name: "a", UID: uid, Addresses: []netip.Addr{netip.MustParseAddr(address)}}
}

func TestAPodJoinsOnceItsRulesAreInPlace(t *testing.T) {
	a := newAPI(t)
	go a.run(t.Context())
	a.has(t, "1") // and the API knows no address yet
	require.NoError(t, a.joins(t.Context(), joining("1", "10.0.0.1")))
	require.Contains(t, <-a.applied, "10.0.0.1 : goto ingress-of/x/a")

	a.has(t, "1", "10.0.0.1")
	<-a.changed().over
	require.Empty(t, a.applied, "the same rules are not put in place again")

	require.NoError(t, a.joins(t.Context(), joining("1", "10.0.0.9")), "its network is made anew")
	require.Contains(t, <-a.applied, "10.0.0.9 : goto ingress-of/x/a")
}

func TestAPodOfTheSameNameIsAnother(t *testing.T) {
	a := newAPI(t)
	go a.run(t.Context())
	a.has(t, "1", "10.0.0.1")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, a.joins(ctx, joining("2", "10.0.0.2")), "x/a with the id 2")
	a.has(t, "2")
	require.NoError(t, a.joins(t.Context(), joining("2", "10.0.0.2")))
	require.Contains(t, <-a.applied, "10.0.0.2 : goto ingress-of/x/a")
	gone, _, err := a.pods.GetByKey("x/a")
	require.NoError(t, err)
	a.left(gone)
	require.Empty(t, a.learned)
}

// Deleted by force, a pod goes on for a while: until then it is neither cut off
// nor free of its policies, whoever has its name by now.
func TestAPodThatTheAPIDroppedStaysUntilItIsGone(t *testing.T) {
	a := newAPI(t)
	a.farewell = time.Hour
	go a.run(t.Context())
	a.has(t, "1", "10.0.0.1")
	gone, _, err := a.pods.GetByKey("x/a")
	require.NoError(t, err)
	require.NoError(t, a.pods.Delete(gone))
	a.left(gone)
	a.has(t, "2", "10.0.0.2")
	<-a.changed().over
	rules := <-a.applied
	require.Contains(t, rules, "10.0.0.1 : goto ingress-of/x/a/1")
	require.Contains(t, rules, "10.0.0.2 : goto ingress-of/x/a")

	a.gone("1")
	<-a.changed().over
	require.NotContains(t, <-a.applied, "10.0.0.1")
}

func TestRulesThatTheKernelRefusesAreTriedAgain(t *testing.T) {
	a := newAPI(t)
	a.has(t, "1", "10.0.0.1")
	tries := 0
	a.apply = func(_ context.Context, rules string) error {
		if tries++; tries == 1 {
			return errors.New("busy")
		}
		a.applied <- rules
		return nil
	}
	first := a.changed()
	go a.run(t.Context())
	<-first.over
	require.ErrorContains(t, first.err, "busy")
	require.True(t, strings.HasPrefix(<-a.applied, "table inet"))
}
