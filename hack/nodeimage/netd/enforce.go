package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

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
	// retry is how soon rules that the kernel refused are given to it again.
	retry = time.Second
)

// enforcer keeps the kernel's rules in line with policies and pods. Whoever asks
// while rules are being put in place shares the next turn with all others.
type enforcer struct {
	node       string
	pods       *register
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister
	// apply replaces the kernel's rules in one step.
	apply func(ctx context.Context, rules string) error

	kick chan struct{}
	mu   sync.Mutex
	next *turn // the one that has not begun
}

// turn is one time that rules are put in place.
type turn struct {
	over chan struct{}
	err  error
}

func newTurn() *turn { return &turn{over: make(chan struct{})} }

func newEnforcer(node string) *enforcer {
	return &enforcer{
		node: node, pods: newRegister(), kick: make(chan struct{}, 1), next: newTurn(),
		apply: func(ctx context.Context, rules string) error { return command(ctx, []byte(rules), "nft", "-f", "-") },
	}
}

// watch has every change of policies, pods and namespaces ask for a turn.
func (e *enforcer) watch(factory informers.SharedInformerFactory) error {
	pods, namespaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	e.pods.lister, e.namespaces, e.policies = pods.Lister(), namespaces.Lister(), policies.Lister()
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { e.changed() },
			UpdateFunc: func(any, any) { e.changed() },
			DeleteFunc: func(any) { e.changed() },
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
		if left, leaving := e.pods.next(); leaving {
			time.AfterFunc(left, func() { e.changed() })
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
		return e.pods.knows(name, uid), nil
	})
	if err != nil {
		return fmt.Errorf("the API has not told of the pod %s with the id %s: %w", name, uid, err)
	}
	e.pods.learn(p)
	now := e.changed()
	select {
	case <-now.over:
		return now.err
	case <-ctx.Done():
		return ctx.Err()
	}
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
	if state.Pods, err = e.pods.list(); err != nil {
		return "", err
	}
	return policy.Compile(state), nil
}
