package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/chaos"
	"github.com/paws360/pawskind/internal/naming"
)

// reconcileChaos takes the declared faults one step on. What is done inside a
// pod is done by the agents, which read it from the status.
func (r *Reconciler) reconcileChaos(ctx context.Context, s *scope) error {
	status := s.env.Status
	if len(s.env.Spec.Chaos) == 0 && len(status.Chaos) == 0 && len(status.Agents) == 0 {
		return nil
	}
	world, err := r.world(ctx, s)
	if err != nil {
		return err
	}
	plan := chaos.Next(chaos.Situation{
		World: world, Local: r.Local, Now: r.now(),
		Spec: s.env.Spec.Chaos, Status: status.Chaos, Agents: status.Agents,
	})
	s.chaos = plan.Statuses
	if plan.Again > 0 && (s.requeue == 0 || plan.Again < s.requeue) {
		s.requeue = plan.Again
	}
	for _, pod := range plan.Kill {
		if err := r.kill(ctx, s.env.Namespace, pod); err != nil {
			return err
		}
		r.failpoint(failKilled)
	}
	return nil
}

func (r *Reconciler) world(ctx context.Context, s *scope) (chaos.World, error) {
	list := &corev1.PodList{}
	if err := r.List(ctx, list, client.InNamespace(s.env.Namespace),
		client.MatchingLabels{naming.LabelEnvironment: s.env.Name}); err != nil {
		return chaos.World{}, fmt.Errorf("listing the pods: %w", err)
	}
	w := chaos.World{Pods: list.Items, EtcdLeader: etcdLeader(s)}
	if slices.ContainsFunc(s.env.Spec.Chaos, func(f v1alpha1.FaultSpec) bool { return f.Target == chaos.Operator }) {
		itself, err := r.itself(ctx)
		if err != nil {
			return chaos.World{}, err
		}
		w.Pods = append(w.Pods, itself...)
	}
	if s.snapshot == nil {
		return w, nil
	}
	w.Leader, w.RedisMaster = s.snapshot.Report.Leader, s.snapshot.Report.RedisMaster
	if leader, known := s.snapshot.Postgres.Member(w.Leader); known {
		for _, standby := range leader.Standbys {
			if standby.Acknowledges() {
				w.SyncStandbys = append(w.SyncStandbys, standby.Name)
			}
		}
	}
	return w, nil
}

// itself is the operator's own pod, as a target of faults.
func (r *Reconciler) itself(ctx context.Context) ([]corev1.Pod, error) {
	list := &corev1.PodList{}
	if err := r.List(ctx, list, client.MatchingLabels{"app.kubernetes.io/name": "pawskind"}); err != nil {
		return nil, fmt.Errorf("looking for the operator's own pod: %w", err)
	}
	// A copy: what is listed is the cache's.
	own := make([]corev1.Pod, len(list.Items))
	for i := range list.Items {
		list.Items[i].DeepCopyInto(&own[i])
		own[i].Labels[naming.LabelComponent] = chaos.Operator
	}
	return own, nil
}

// kill deletes exactly that pod, and none that came after it.
func (r *Reconciler) kill(ctx context.Context, namespace string, target v1alpha1.FaultPod) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: target.Name}}
	uid := types.UID(target.UID)
	err := r.Delete(ctx, pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("killing pod %s: %w", target.Name, err)
	}
	return nil
}

// setChaos tells of the faults. ChaosActive exists once one was declared.
func setChaos(s *scope) {
	s.env.Status.Chaos = s.chaos
	if len(s.chaos) == 0 && meta.FindStatusCondition(s.env.Status.Conditions, v1alpha1.ConditionChaosActive) == nil {
		return
	}
	active, what := chaos.Active(s.chaos)
	switch {
	case active:
		s.set(v1alpha1.ConditionChaosActive, metav1.ConditionTrue, v1alpha1.ReasonFaultsActive, what)
	case anyFault(s.chaos, v1alpha1.FaultRefused):
		s.set(v1alpha1.ConditionChaosActive, metav1.ConditionFalse, v1alpha1.ReasonFaultsRefused, "this cluster is not marked as local: faults are refused")
	case anyFault(s.chaos, v1alpha1.FaultFailed, v1alpha1.FaultNotSupported):
		s.set(v1alpha1.ConditionChaosActive, metav1.ConditionFalse, v1alpha1.ReasonFaultFailed, "a declared fault could not be done: see status.chaos")
	default:
		s.set(v1alpha1.ConditionChaosActive, metav1.ConditionFalse, v1alpha1.ReasonNoFaults, "no fault holds")
	}
}

func anyFault(list []v1alpha1.FaultStatus, states ...v1alpha1.FaultState) bool {
	return slices.ContainsFunc(list, func(f v1alpha1.FaultStatus) bool { return slices.Contains(states, f.State) })
}

// tellFaults records an event for each fault that changed its state.
func (r *Reconciler) tellFaults(before, after *v1alpha1.PawsEnvironment) {
	old := map[string]v1alpha1.FaultState{}
	for _, f := range before.Status.Chaos {
		old[f.Name] = f.State
	}
	for _, f := range after.Status.Chaos {
		if old[f.Name] == f.State {
			continue
		}
		kind := corev1.EventTypeWarning
		if f.State == v1alpha1.FaultUndone {
			kind = corev1.EventTypeNormal
		}
		r.Recorder.Eventf(after, nil, kind, "Fault"+string(f.State), "Chaos", "fault %s: %s", f.Name, f.Message)
	}
	for name := range old {
		if !slices.ContainsFunc(after.Status.Chaos, func(f v1alpha1.FaultStatus) bool { return f.Name == name }) {
			r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, "FaultRemoved", "Chaos", "fault %s is no longer declared and is undone", name)
		}
	}
}
