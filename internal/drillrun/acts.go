package drillrun

import (
	"context"
	"fmt"
	"strings"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/chaos"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/patroni"
)

// act does what is no declared fault; undo, when there is one, takes it back
// after the scenario's hold. It tells when it was done and to whom.
func (r *Runner) act(ctx context.Context, s drill.Scenario) (at time.Time, target string, undo func(context.Context) error, err error) {
	switch s.Act {
	case drill.ActSwitchover:
		at = time.Now()
		target, err = r.Client.Act(ctx, r.Env.Namespace, r.Env.Name, patroni.Switchover, "", "")
	case drill.ActDelete:
		at, target, err = r.remove(ctx, s.Target, nil)
	case drill.ActOperatorGone:
		// Also an operator that was taken away only half must come back.
		undo = func(ctx context.Context) error { return r.scaleOperator(ctx, 1) }
		if err = r.scaleOperator(ctx, 0); err != nil {
			return at, target, undo, err
		}
		at, target, err = r.remove(ctx, s.Target, ptr.To[int64](0))
	case drill.ActSleep:
		at, target = time.Now(), "the whole cluster"
		undo = r.Machine.Resume
		err = r.Machine.Pause(ctx)
	case drill.ActRestartNodes:
		at, target = time.Now(), "every node"
		err = r.Machine.Restart(ctx)
	case drill.ActParameter, drill.ActImage:
		at, target = time.Now(), "PostgreSQL"
		err = r.changeSpec(ctx, s.Act)
	case drill.ActRotateSecrets:
		at, target = time.Now(), "every secret"
		err = r.rotateSecrets(ctx)
	case drill.ActRollRedis:
		at, target = time.Now(), "Redis"
		err = r.changeSpec(ctx, s.Act)
	case drill.ActCertificates:
		at, target = time.Now(), "every member"
		err = r.renewCertificates(ctx)
	case drill.ActEvict:
		at, target, err = r.evict(ctx, s.Target)
	case drill.ActLoseData:
		at, target, err = r.loseData(ctx, s.Target)
	case drill.ActScale:
		at, target = time.Now(), "etcd, PostgreSQL and Redis"
		undo = func(ctx context.Context) error { return r.scale(ctx, 0) }
		if err = r.scale(ctx, 2); err == nil {
			err = r.carriedOut(ctx)
		}
	default:
		err = fmt.Errorf("scenario %s does nothing", s.Name)
	}
	return at, target, undo, err
}

// resolve finds the pods that a target means now.
func (r *Runner) resolve(ctx context.Context, target string) ([]v1alpha1.FaultPod, error) {
	list, err := r.Client.Select(ctx, r.Env.Namespace, "")
	if err != nil {
		return nil, err
	}
	env, err := r.Client.Environment(ctx, r.Env.Namespace, r.Env.Name)
	if err != nil {
		return nil, err
	}
	return chaos.Resolve(target, chaos.World{Pods: list, Leader: env.Status.Leader, RedisMaster: env.Status.RedisMaster})
}

// rotateSecrets has the clients' pod follow the secrets as the members' do.
func (r *Runner) rotateSecrets(ctx context.Context) error {
	phase := ""
	return r.Rotate(ctx, func(s v1alpha1.SecretsStatus) {
		if s.Phase != phase {
			phase = s.Phase
			// Without it the kubelet brings them a little later.
			_ = r.Client.FollowSecrets(ctx, r.Env.Namespace, podName, phase)
		}
	})
}

// remove deletes the pods that a target means, with their own grace period for nil.
func (r *Runner) remove(ctx context.Context, target string, grace *int64) (time.Time, string, error) {
	found, err := r.resolve(ctx, target)
	if err != nil {
		return time.Time{}, "", err
	}
	at := time.Now()
	for _, pod := range found {
		err := r.Client.Kube.CoreV1().Pods(r.Env.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: grace})
		if err != nil && !apierrors.IsNotFound(err) {
			return at, "", fmt.Errorf("deleting %s: %w", pod.Name, err)
		}
	}
	return at, found[0].Name, nil
}

// evict asks for the pod that a target means to be evicted, as a drain does.
func (r *Runner) evict(ctx context.Context, target string) (time.Time, string, error) {
	found, err := r.resolve(ctx, target)
	if err != nil {
		return time.Time{}, "", err
	}
	at, name := time.Now(), found[0].Name
	err = r.Client.Kube.PolicyV1().Evictions(r.Env.Namespace).Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: r.Env.Namespace}})
	if err != nil {
		return at, "", fmt.Errorf("evicting %s: %w", name, err)
	}
	return at, name, nil
}

// destroy deletes what is on a member's volume. A server that runs writes files
// meanwhile, into folders that are then not empty.
const destroy = `for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf /data/* && exit; done; exit 1`

// loseData destroys what the member that a target means has on its volume, and
// kills it.
func (r *Runner) loseData(ctx context.Context, target string) (time.Time, string, error) {
	found, err := r.resolve(ctx, target)
	if err != nil {
		return time.Time{}, "", err
	}
	name := found[0].Name
	if err := r.Machine.Exec(ctx, r.Env.Namespace, name, "sh", "-c", destroy); err != nil {
		return time.Time{}, "", err
	}
	component, _, _ := strings.Cut(target, "/")
	return r.remove(ctx, component+"/"+name, ptr.To[int64](0))
}

// carriedOut waits until the operator has done all that the spec asks for.
func (r *Runner) carriedOut(ctx context.Context) error {
	env, err := r.Client.AwaitFaults(ctx, r.Env.Namespace, r.Env.Name, func(e *v1alpha1.PawsEnvironment) bool {
		return settled(e) && meta.IsStatusConditionTrue(e.Status.Conditions, v1alpha1.ConditionReady)
	})
	if err != nil && env != nil {
		c := meta.FindStatusCondition(env.Status.Conditions, v1alpha1.ConditionReconciling)
		if c == nil {
			c = &metav1.Condition{}
		}
		return fmt.Errorf("waiting until the change is carried out: %s: %w", c.Message, err)
	}
	return err
}

// scaleOperator takes the operator away, or brings it back.
func (r *Runner) scaleOperator(ctx context.Context, replicas int32) error {
	deployments := r.Client.Kube.AppsV1().Deployments(install.OperatorNamespace)
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	if _, err := deployments.Patch(ctx, install.OperatorName, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("scaling the operator to %d: %w", replicas, err)
	}
	for {
		d, err := deployments.Get(ctx, install.OperatorName, metav1.GetOptions{})
		if err == nil && d.Status.ReadyReplicas == replicas && d.Status.Replicas == replicas {
			return nil
		}
		if err := rest(ctx); err != nil {
			return fmt.Errorf("waiting for the operator to be scaled to %d: %w", replicas, err)
		}
	}
}

// scale adds so many members to every database, and takes them away with 0.
func (r *Runner) scale(ctx context.Context, more int32) error {
	spec := r.Env.Spec
	patch := fmt.Sprintf(`{"spec":{"etcd":{"replicas":%d},"postgres":{"replicas":%d},"redis":{"replicas":%d}}}`,
		spec.Etcd.Replicas+more, spec.Postgres.Replicas+more, spec.Redis.Replicas+more)
	return r.Client.PatchEnvironment(ctx, r.Env.Namespace, r.Env.Name, patch)
}
