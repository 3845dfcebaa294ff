package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/observer"
)

// members lists the pods of a component.
func (r *Reconciler) members(ctx context.Context, env *v1alpha1.PawsEnvironment, component string) ([]corev1.Pod, error) {
	list := &corev1.PodList{}
	if err := r.List(ctx, list, client.InNamespace(env.Namespace), client.MatchingLabels(naming.Selector(env, component))); err != nil {
		return nil, fmt.Errorf("listing the pods of %s: %w", component, err)
	}
	return list.Items, nil
}

func (r *Reconciler) deletePod(ctx context.Context, namespace, name string) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := r.Delete(ctx, pod); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting pod %s: %w", name, err)
	}
	return nil
}

// freshLook is how old a look at the members may be to correct a role label.
const freshLook = time.Second

// repairRoles gives every member the label of the role that it has. The members
// do so themselves; this mends what their callbacks could not.
func (r *Reconciler) repairRoles(ctx context.Context, s *scope) error {
	if s.snapshot == nil {
		return nil
	}
	wanted := wantedRoles(*s.snapshot)
	for _, component := range []string{naming.Postgres, naming.Redis} {
		list, err := r.members(ctx, s.env, component)
		if err != nil {
			return err
		}
		for i := range list {
			pod := &list[i]
			role, known := wanted[pod.Name]
			if !known || pod.Labels[naming.LabelRole] == role {
				continue
			}
			// A member that was just promoted says so before it is looked at.
			look := s.snapshot.Report.Time
			if r.now().Sub(look) > freshLook || !ranAt(pod, look) {
				r.Watcher.Poke(client.ObjectKeyFromObject(s.env))
				s.requeue = time.Second
				continue
			}
			if err := r.labelRole(ctx, pod, role); err != nil {
				return err
			}
		}
	}
	return nil
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

func (r *Reconciler) labelRole(ctx context.Context, pod *corev1.Pod, role string) error {
	before := pod.DeepCopy()
	pod.Labels[naming.LabelRole] = role
	if err := r.Patch(ctx, pod, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("labelling %s as %s: %w", pod.Name, role, err)
	}
	return nil
}

// wantedRoles are the roles by member; a member that did not answer keeps its own.
func wantedRoles(snapshot observer.Snapshot) map[string]string {
	wanted := map[string]string{}
	for _, m := range snapshot.Postgres.Members {
		if m.Err == "" && m.Role != "" {
			wanted[m.Name] = naming.RoleReplica
		}
	}
	for _, m := range snapshot.Redis.Servers {
		if m.Err == "" && m.Role != "" {
			wanted[m.Name] = naming.RoleReplica
		}
	}
	if leader := snapshot.Report.Leader; leader != "" {
		wanted[leader] = naming.RolePrimary
	}
	for _, m := range snapshot.Redis.Servers {
		if m.Name == snapshot.Report.RedisMaster && m.Role == "master" {
			wanted[m.Name] = naming.RoleMaster
		}
	}
	return wanted
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
