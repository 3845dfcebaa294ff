package controllers

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/observer"
	"github.com/paws360/pawskind/internal/redis"
)

// repairRoles gives every member the label of the role that it has. The members
// do so themselves; this mends what their callbacks could not.
func (r *Reconciler) repairRoles(ctx context.Context, s *scope) error {
	if s.snapshot == nil {
		return nil
	}
	look, wanted, sure := s.snapshot.Report.Time, wantedRoles(*s.snapshot), true
	for _, component := range []string{naming.Postgres, naming.Redis} {
		list, err := r.members(ctx, s.env, component)
		if err != nil {
			return err
		}
		for i := range list {
			pod := &list[i]
			since := r.roles.since(pod, r.now())
			role, known := wanted[pod.Name]
			if !known || pod.Labels[naming.LabelRole] == role {
				continue
			}
			if look.Before(since) || !ranAt(pod, look) {
				sure = false
				continue
			}
			labelled, err := r.labelRole(ctx, pod, role)
			if err != nil {
				return err
			}
			sure = sure && labelled
		}
	}
	if !sure {
		r.Watcher.Poke(client.ObjectKeyFromObject(s.env))
		s.requeue = time.Second
	}
	return nil
}

// roleMemory is since when each pod has been seen with the role label that it has.
// A look from before tells nothing against that label: whoever was just promoted
// is labelled at once, by itself or by the Sentinel that promoted it.
type roleMemory struct {
	mu   sync.Mutex
	seen map[types.NamespacedName]labelled
}

type labelled struct {
	pod   types.UID
	role  string
	since time.Time
}

func (m *roleMemory) since(pod *corev1.Pod, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, role := client.ObjectKeyFromObject(pod), pod.Labels[naming.LabelRole]
	if known, found := m.seen[key]; found && known.pod == pod.UID && known.role == role {
		return known.since
	}
	if m.seen == nil {
		m.seen = map[types.NamespacedName]labelled{}
	}
	m.seen[key] = labelled{pod.UID, role, now}
	return now
}

func (m *roleMemory) forget(namespace string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.seen, func(key types.NamespacedName, _ labelled) bool { return key.Namespace == namespace })
}

// ranAt tells whether it is this pod that could be looked at then, and not one of
// its name before it: a killed leader's successor does not lead. Kubernetes tells
// when a container started in whole seconds.
func ranAt(pod *corev1.Pod, look time.Time) bool {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running == nil || look.Before(c.State.Running.StartedAt.Add(time.Second)) {
			return false
		}
	}
	return len(pod.Status.ContainerStatuses) > 0
}

// labelRole labels the pod unless it has changed meanwhile.
func (r *Reconciler) labelRole(ctx context.Context, pod *corev1.Pod, role string) (done bool, err error) {
	before := pod.DeepCopy()
	pod.Labels[naming.LabelRole] = role
	err = r.Patch(ctx, pod, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	switch {
	case apierrors.IsConflict(err):
		return false, nil
	case client.IgnoreNotFound(err) != nil:
		return false, fmt.Errorf("labelling %s as %s: %w", pod.Name, role, err)
	}
	return true, nil
}

// wantedRoles are the roles by member; a member that did not answer keeps its own.
func wantedRoles(snapshot observer.Snapshot) map[string]string {
	wanted := map[string]string{}
	for _, m := range snapshot.Postgres.Members {
		if m.Err == "" && m.Role != "" {
			wanted[m.Name] = naming.RoleReplica
		}
	}
	if leader := snapshot.Report.Leader; leader != "" {
		wanted[leader] = naming.RolePrimary
	}
	maps.Copy(wanted, redis.RoleLabels(snapshot.Redis, snapshot.Report.RedisMaster))
	return wanted
}
