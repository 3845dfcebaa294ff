package main

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"

	"github.com/paws360/pawskind/hack/nodeimage/netd/join"
	"github.com/paws360/pawskind/hack/nodeimage/netd/policy"
)

// farewell is how long a pod that the API has dropped keeps its rules and its
// place among peers: one deleted by force goes on until the kubelet has killed
// it, 2 s later (minimumGracePeriodInSeconds in the kubelet's kuberuntime).
const farewell = 5 * time.Second

// register knows the pods that rules are made for: those of the API, and those
// that it has dropped lately.
type register struct {
	lister corelisters.PodLister
	now    func() time.Time

	// present were there when they were listed last; leaving have gone since.
	present map[types.UID]policy.Pod
	leaving map[types.UID]leaving

	mu sync.Mutex
	// learned are addresses that the node gave. They hold as long as the pod: what
	// the API says may still be of the time before the node was restarted.
	learned map[types.NamespacedName]learned
}

type learned struct {
	uid       types.UID
	addresses []netip.Addr
}

type leaving struct {
	pod   policy.Pod
	until time.Time
}

func newRegister() *register {
	return &register{
		now: time.Now, present: map[types.UID]policy.Pod{}, leaving: map[types.UID]leaving{},
		learned: map[types.NamespacedName]learned{},
	}
}

// knows tells whether the API has told of that very pod.
func (r *register) knows(name types.NamespacedName, uid types.UID) bool {
	p, err := r.lister.Pods(name.Namespace).Get(name.Name)
	return err == nil && isPod(p, uid)
}

// learn notes the addresses that the node gave a pod, and whoever had them has
// them no more.
func (r *register) learn(p join.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, l := range r.learned {
		if slices.ContainsFunc(l.addresses, func(a netip.Addr) bool { return slices.Contains(p.Addresses, a) }) {
			delete(r.learned, name)
		}
	}
	r.learned[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = learned{types.UID(p.UID), p.Addresses}
}

// list gives the pods as they are now. Others than the caller of list do not ask
// for it at the same time.
func (r *register) list() ([]policy.Pod, error) {
	before := r.addresses() // of pods that the lister knows, then
	pods, err := r.lister.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	there := map[types.UID]bool{}
	last := r.present
	r.present = map[types.UID]policy.Pod{}
	var list []policy.Pod
	for _, p := range pods {
		there[p.UID] = true
		name := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
		l, known := before[name]
		known = known && isPod(p, l.uid)
		if known {
			delete(before, name)
		}
		if seen, counts := policy.PodOf(p); counts {
			if known {
				seen.Addresses, seen.Given = l.addresses, true
			}
			r.present[p.UID] = seen
			list = append(list, seen)
		}
	}
	r.forget(before)
	for uid, pod := range last {
		if !there[uid] {
			pod.Name += "/" + string(uid) // the next one may have its name already
			pod.Given = false
			r.leaving[uid] = leaving{pod, r.now().Add(farewell)}
		}
	}
	for uid, l := range r.leaving {
		if !l.until.After(r.now()) {
			delete(r.leaving, uid)
			continue
		}
		list = append(list, l.pod)
	}
	return list, nil
}

// next is how long it takes until a pod's farewell is over.
func (r *register) next() (time.Duration, bool) {
	var soonest time.Time
	for _, l := range r.leaving {
		if soonest.IsZero() || l.until.Before(soonest) {
			soonest = l.until
		}
	}
	return max(soonest.Sub(r.now()), 0), !soonest.IsZero()
}

func (r *register) addresses() map[types.NamespacedName]learned {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.learned)
}

// forget drops what was learned of pods that are gone, and nothing newer.
func (r *register) forget(gone map[types.NamespacedName]learned) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, l := range gone {
		if now, known := r.learned[name]; known && now.uid == l.uid {
			delete(r.learned, name)
		}
	}
}

// isPod tells whether it is that very pod. One from a file of the node has
// another id in the API.
func isPod(p *corev1.Pod, uid types.UID) bool {
	_, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror || p.UID == uid
}
