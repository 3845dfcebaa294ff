package drillrun

import (
	"context"
	"fmt"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/chaos"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
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
	case drill.ActParameter:
		at, target = time.Now(), "PostgreSQL"
		err = r.changeParameter(ctx)
	case drill.ActRotateSecrets:
		at, target = time.Now(), "every secret"
		err = r.rotateSecrets(ctx)
	case drill.ActLoseEtcdData:
		target = naming.Member(naming.Etcd, r.Env.Spec.Etcd.Replicas)
		if err = r.Machine.Exec(ctx, r.Env.Namespace, target, "sh", "-c", "rm -rf /data/etcd /data/identity"); err == nil {
			at, target, err = r.remove(ctx, s.Target+"/"+target, ptr.To[int64](0))
		}
	case drill.ActScale:
		at, target = time.Now(), "etcd, PostgreSQL and Redis"
		undo = func(ctx context.Context) error { return r.scale(ctx, 0) }
		err = r.scale(ctx, 2)
	default:
		err = fmt.Errorf("scenario %s does nothing", s.Name)
	}
	return at, target, undo, err
}

// parameter is a setting that PostgreSQL takes up only when it starts, and which
// has no need to be as it is.
const parameter = "max_files_per_process"

// changeParameter asks for another value than there is.
func (r *Runner) changeParameter(ctx context.Context) error {
	env, err := r.Client.Environment(ctx, r.Env.Namespace, r.Env.Name)
	if err != nil {
		return err
	}
	value := "1100"
	if env.Spec.Postgres.Parameters[parameter] == value {
		value = "1200"
	}
	return r.setParameter(ctx, strconv.Quote(value))
}

func (r *Runner) setParameter(ctx context.Context, value string) error {
	return r.Client.PatchEnvironment(ctx, r.Env.Namespace, r.Env.Name, fmt.Sprintf(`{"spec":{"postgres":{"parameters":{%q:%s}}}}`, parameter, value))
}

// restoreSpec gives the spec what it had before a drill changed it for good.
func (r *Runner) restoreSpec(ctx context.Context, s drill.Scenario) error {
	if s.Act != drill.ActParameter {
		return nil
	}
	value := "null"
	if before, set := r.Env.Spec.Postgres.Parameters[parameter]; set {
		value = strconv.Quote(before)
	}
	return r.setParameter(ctx, value)
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
	list, err := r.Client.Select(ctx, r.Env.Namespace, "")
	if err != nil {
		return time.Time{}, "", err
	}
	env, err := r.Client.Environment(ctx, r.Env.Namespace, r.Env.Name)
	if err != nil {
		return time.Time{}, "", err
	}
	found, err := chaos.Resolve(target, chaos.World{Pods: list, Leader: env.Status.Leader, RedisMaster: env.Status.RedisMaster})
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
