package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/paws360/pawskind/hack/nodeimage/netd/join"
	"github.com/paws360/pawskind/hack/nodeimage/netd/policy"
)

const (
	// acquaintance is how long the API's word of a pod is waited for that the
	// kubelet has heard of already.
	acquaintance = 5 * time.Second
	// farewell is how long a pod that the API has dropped keeps its rules and its
	// place among peers: one deleted by force goes on until the kubelet has killed
	// it, 2 s later (minimumGracePeriodInSeconds in the kubelet's kuberuntime).
	farewell = 5 * time.Second
	// retry is how soon rules that the kernel refused are given to it again.
	retry = time.Second
)

// enforcer keeps the kernel's rules in line with policies and pods. Whoever asks
// while rules are being put in place shares the next turn with all others.
type enforcer struct {
	node       string
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister
	// apply replaces the kernel's rules in one step.
	apply    func(ctx context.Context, rules string) error
	farewell time.Duration

	kick chan struct{}
	mu   sync.Mutex
	next *turn // the one that has not begun
	// learned are addresses that the node gave and the API has not told yet.
	learned map[types.NamespacedName]learned
	// leaving are pods that the API has dropped and the node may not.
	leaving map[types.UID]policy.Pod
}

type learned struct {
	uid       types.UID
	addresses []netip.Addr
}

// turn is one time that rules are put in place.
type turn struct {
	over chan struct{}
	err  error
}

func newTurn() *turn { return &turn{over: make(chan struct{})} }

func newEnforcer(node string) *enforcer {
	return &enforcer{
		node: node, farewell: farewell, kick: make(chan struct{}, 1), next: newTurn(),
		learned: map[types.NamespacedName]learned{}, leaving: map[types.UID]policy.Pod{},
		apply: func(ctx context.Context, rules string) error { return command(ctx, []byte(rules), "nft", "-f", "-") },
	}
}

// watch has every change of policies, pods and namespaces ask for a turn.
func (e *enforcer) watch(factory informers.SharedInformerFactory) error {
	pods, namespaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	e.pods, e.namespaces, e.policies = pods.Lister(), namespaces.Lister(), policies.Lister()
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { e.changed() },
			UpdateFunc: func(any, any) { e.changed() },
			DeleteFunc: func(o any) { e.left(o); e.changed() },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changed asks for a turn and returns it.
func (e *enforcer) changed() *turn {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case e.kick <- struct{}{}:
	default:
	}
	return e.next
}

// run puts rules in place whenever they change, until the context ends.
func (e *enforcer) run(ctx context.Context) {
	var applied string // nothing: what an earlier life left is replaced in any case
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.kick:
		}
		e.mu.Lock()
		now := e.next
		e.next = newTurn()
		e.mu.Unlock()
		var rules string
		if rules, now.err = e.rules(); now.err == nil && rules != applied {
			start := time.Now()
			if now.err = e.apply(ctx, rules); now.err == nil {
				applied = rules
				slog.Info("network policies are in place", "milliseconds", time.Since(start).Milliseconds())
			}
		}
		if now.err != nil {
			slog.Error("network policies are not in place", "error", now.err)
			time.AfterFunc(retry, func() { e.changed() })
		}
		close(now.over)
	}
}

// joins lets a pod start once its rules are in place.
func (e *enforcer) joins(ctx context.Context, p join.Pod) error {
	name, uid := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}, types.UID(p.UID)
	err := wait.PollUntilContextTimeout(ctx, 5*time.Millisecond, acquaintance, true, func(context.Context) (bool, error) {
		known, err := e.pods.Pods(p.Namespace).Get(p.Name)
		return err == nil && isPod(known, uid), nil
	})
	if err != nil {
		return fmt.Errorf("the API has not told of the pod %s with the id %s: %w", name, uid, err)
	}
	e.mu.Lock()
	e.learned[name] = learned{uid, p.Addresses}
	e.mu.Unlock()
	now := e.changed()
	select {
	case <-now.over:
		return now.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isPod tells whether it is that very pod. One from a file of the node has
// another id in the API.
func isPod(p *corev1.Pod, uid types.UID) bool {
	_, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror || p.UID == uid
}

// left has a pod that the API dropped be there a little longer, and forgets what
// was learned of it.
func (e *enforcer) left(object any) {
	if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	p, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	seen, counts := policy.PodOf(p)
	seen.Addresses = e.addresses(p, seen.Addresses)
	seen.Name += "/" + string(p.UID) // the next one may have its name already
	e.mu.Lock()
	defer e.mu.Unlock()
	name := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
	if l, known := e.learned[name]; known && isPod(p, l.uid) {
		delete(e.learned, name)
	}
	if counts {
		e.leaving[p.UID] = seen
		time.AfterFunc(e.farewell, func() { e.gone(p.UID) })
	}
}

// gone ends a pod's farewell.
func (e *enforcer) gone(uid types.UID) {
	e.mu.Lock()
	delete(e.leaving, uid)
	e.mu.Unlock()
	e.changed()
}

func (e *enforcer) rules() (string, error) {
	state := policy.State{Node: e.node, Namespaces: map[string]labels.Set{}}
	namespaces, err := e.namespaces.List(labels.Everything())
	if err != nil {
		return "", err
	}
	for _, n := range namespaces {
		state.Namespaces[n.Name] = n.Labels
	}
	if state.Policies, err = e.policies.List(labels.Everything()); err != nil {
		return "", err
	}
	pods, err := e.pods.List(labels.Everything())
	if err != nil {
		return "", err
	}
	for _, p := range pods {
		if seen, ok := policy.PodOf(p); ok {
			seen.Addresses = e.addresses(p, seen.Addresses)
			state.Pods = append(state.Pods, seen)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	state.Pods = slices.AppendSeq(state.Pods, maps.Values(e.leaving))
	return policy.Compile(state), nil
}

// addresses are a pod's: what the node gave it, until the API says the same.
func (e *enforcer) addresses(p *corev1.Pod, told []netip.Addr) []netip.Addr {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
	l, known := e.learned[name]
	if !known || !isPod(p, l.uid) {
		return told
	}
	if slices.Equal(l.addresses, told) {
		delete(e.learned, name)
	}
	return l.addresses
}
