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
	a.enforcer.pods.lister = corelisters.NewPodLister(a.pods)
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

// drops has the API forget the pod.
func (a *api) drops(t *testing.T) {
	t.Helper()
	gone, found, err := a.pods.GetByKey("x/a")
	require.NoError(t, err)
	require.True(t, found)
	require.NoError(t, a.pods.Delete(gone))
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
	a.drops(t)
	<-a.changed().over
	require.Empty(t, a.enforcer.pods.learned)
}

// After a restart of the node the API tells old addresses for a while.
func TestTheNodesWordOutweighsTheAPIs(t *testing.T) {
	a := newAPI(t)
	go a.run(t.Context())
	old := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: "younger", UID: "2", CreationTimestamp: metav1.Now()}, Spec: corev1.PodSpec{NodeName: "here"}}
	old.Status.PodIPs = []corev1.PodIP{{IP: "10.0.0.7"}}
	require.NoError(t, a.pods.Add(old))
	a.has(t, "1", "10.0.0.1")
	require.NoError(t, a.joins(t.Context(), joining("1", "10.0.0.7")))
	require.Contains(t, <-a.applied, "10.0.0.7 : goto ingress-of/x/a\n")

	again := joining("2", "10.0.0.7")
	again.Name = "younger"
	require.NoError(t, a.joins(t.Context(), again), "the node may give it to another, later")
	require.Contains(t, <-a.applied, "10.0.0.7 : goto ingress-of/x/younger")
}

// Deleted by force, a pod goes on for a while: until then it is neither cut off
// nor free of its policies, whoever has its name by now.
func TestAPodThatTheAPIDroppedStaysUntilItIsGone(t *testing.T) {
	a := newAPI(t)
	now := time.Now()
	a.enforcer.pods.now = func() time.Time { return now }
	a.has(t, "1", "10.0.0.1")
	_, err := a.rules()
	require.NoError(t, err)
	a.drops(t)
	a.has(t, "2", "10.0.0.2")
	rules, err := a.rules()
	require.NoError(t, err)
	require.Contains(t, rules, "10.0.0.1 : goto ingress-of/x/a/1")
	require.Contains(t, rules, "10.0.0.2 : goto ingress-of/x/a")
	left, leaving := a.enforcer.pods.next()
	require.True(t, leaving)
	require.Equal(t, farewell, left)

	now = now.Add(farewell)
	rules, err = a.rules()
	require.NoError(t, err)
	require.NotContains(t, rules, "10.0.0.1")
	_, leaving = a.enforcer.pods.next()
	require.False(t, leaving)
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
