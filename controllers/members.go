package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/rollout"
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

// rolloutMembers joins what is known of a component's pods with the verdicts on them.
func rolloutMembers(list []corev1.Pod, verdicts health.Component, revision, leader string) []rollout.Member {
	healthy := map[string]bool{}
	for _, m := range verdicts.Members {
		healthy[m.Name] = m.Health == v1alpha1.Healthy
	}
	members := make([]rollout.Member, 0, len(list))
	for i := range list {
		pod := &list[i]
		members = append(members, rollout.Member{
			Name:     pod.Name,
			Outdated: pod.Labels["controller-revision-hash"] != revision && pod.DeletionTimestamp.IsZero(),
			Healthy:  healthy[pod.Name] && pods.IsReady(pod),
			Leader:   pod.Name == leader,
		})
	}
	return members
}

// repairRoles gives every member the label of the role that it has. The members
// do so themselves; this mends what their callbacks could not.
func (r *Reconciler) repairRoles(ctx context.Context, s *scope) error {
	if s.snapshot == nil {
		return nil
	}
	wanted := map[string]string{}
	for _, m := range s.snapshot.Postgres.Members {
		if m.Err == "" && m.Role != "" {
			wanted[m.Name] = naming.RoleReplica
		}
	}
	for _, m := range s.snapshot.Redis.Servers {
		if m.Err == "" && m.Role != "" {
			wanted[m.Name] = naming.RoleReplica
		}
	}
	if leader := s.snapshot.Report.Leader; leader != "" {
		wanted[leader] = naming.RolePrimary
	}
	for _, m := range s.snapshot.Redis.Servers {
		if m.Name == s.snapshot.Report.RedisMaster && m.Role == "master" {
			wanted[m.Name] = naming.RoleMaster
		}
	}
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
			before := pod.DeepCopy()
			pod.Labels[naming.LabelRole] = role
			if err := r.Patch(ctx, pod, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("labelling %s as %s: %w", pod.Name, role, err)
			}
		}
	}
	return nil
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
