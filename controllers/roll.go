package controllers

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/rollout"
)

// roll replaces the outdated members of a StatefulSet one at a time, the leader
// last and after handOver.
func (r *Reconciler) roll(ctx context.Context, s *scope, set *appsv1.StatefulSet, component, leader string, handOver func(leader string) error) error {
	if s.snapshot == nil {
		return nil
	}
	if !r.applier.takenUp(set) {
		s.note("%s: waiting for Kubernetes to take up the change", component)
		s.requeue = time.Second
		return nil
	}
	list, err := r.members(ctx, s.env, component)
	if err != nil {
		return err
	}
	if !seenAll(list, int(*set.Spec.Replicas), s.snapshot.Report.Time) {
		if set.Status.CurrentRevision != set.Status.UpdateRevision {
			s.note("%s: waiting for a replaced member", component)
		}
		r.Watcher.Poke(client.ObjectKeyFromObject(s.env))
		s.requeue = time.Second
		return nil
	}
	verdicts, _ := s.snapshot.Component(component)
	action, name := rollout.Next(rolloutMembers(list, verdicts, set.Status.UpdateRevision, leader))
	switch action {
	case rollout.HandOver:
		s.note("%s: handing over the leadership of %s", component, name)
		s.requeue = 2 * time.Second
		err := handOver(name)
		r.failpoint(failHandedOver)
		return err
	case rollout.Replace:
		s.note("%s: replacing %s", component, name)
		s.requeue = 2 * time.Second
		r.Recorder.Eventf(s.env, nil, corev1.EventTypeNormal, "Replacing", "Replace", "%s runs an older revision and is replaced", name)
		err := r.deletePod(ctx, s.env.Namespace, name)
		r.failpoint(failReplaced)
		return err
	case rollout.Wait:
		s.note("%s: waiting for %s before the next member is replaced", component, name)
		s.requeue = 2 * time.Second
	}
	return nil
}

// seenAll tells whether the look at the members came after the last change to
// their pods, and none of them is missing. Kubernetes keeps whole seconds, so a
// look within the second of a change does not count.
func seenAll(list []corev1.Pod, want int, look time.Time) bool {
	for i := range list {
		pod := &list[i]
		changed := pod.CreationTimestamp.Time
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.LastTransitionTime.After(changed) {
				changed = c.LastTransitionTime.Time
			}
		}
		if look.Before(changed.Add(time.Second)) {
			return false
		}
	}
	return len(list) >= want
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
