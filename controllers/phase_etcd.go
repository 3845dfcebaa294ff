package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/patroni"
)

// reconcileEtcd runs the etcd cluster, scales its membership one member at a
// time, and replaces outdated members.
func (r *Reconciler) reconcileEtcd(ctx context.Context, s *scope) error {
	env := s.env
	if err := r.applyAll(ctx, s, etcd.Network(env)); err != nil {
		return err
	}
	live, err := r.statefulSet(ctx, env.Namespace, naming.StatefulSet(naming.Etcd))
	if err != nil {
		return err
	}
	image := or(env.Spec.Etcd.Image, r.Images.Etcd)
	if live == nil {
		s.note("starting etcd")
		bootstrap := etcd.NewCluster(env.Spec.Etcd.Replicas)
		if err := r.applyOne(ctx, s, etcd.BootstrapMap(env, bootstrap)); err != nil {
			return err
		}
		return r.applyOne(ctx, s, etcd.StatefulSet(env, image, env.Spec.Etcd.Replicas, s.trust))
	}
	pods := *live.Spec.Replicas
	if s.snapshot != nil {
		if pods, err = r.scaleEtcd(ctx, s, pods); err != nil {
			return err
		}
	}
	if err := r.applyOne(ctx, s, etcd.StatefulSet(env, image, pods, s.trust)); err != nil {
		return err
	}
	if err := r.secureEtcd(ctx, s); err != nil {
		return err
	}
	return r.roll(ctx, s, live, naming.Etcd, etcdLeader(s), func(leader string) error {
		return r.moveEtcdLeader(ctx, s, leader)
	})
}

// secureEtcd lets etcd ask for passwords once a leader is there to remember them.
func (r *Reconciler) secureEtcd(ctx context.Context, s *scope) error {
	if etcdLeader(s) == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return r.Observer.Etcd.Secure(ctx, s.env.Namespace, leaderOrdinal(s.snapshot.Etcd), etcd.Users(
		s.secrets.Password(naming.KeyEtcdRootPassword), s.secrets.Password(naming.KeyEtcdPatroniPassword), s.secrets.Password(naming.KeyEtcdAppPassword), patroni.Prefix))
}

// scaleEtcd takes the next step to the wanted membership and returns how many
// pods there shall be now.
func (r *Reconciler) scaleEtcd(ctx context.Context, s *scope, pods int32) (int32, error) {
	env, facts := s.env, s.snapshot.Etcd
	list, err := r.members(ctx, env, naming.Etcd)
	if err != nil {
		return pods, err
	}
	step, losing := etcd.ReplaceLost(env.Namespace, etcd.LostData(list), facts)
	if !losing {
		step = etcd.NextStep(env.Namespace, env.Spec.Etcd.Replicas, pods, facts)
	}
	if step.Action == etcd.ActionWait && step.MemberID != 0 { // a learner that has not started
		told, err := r.toldIdentity(ctx, env.Namespace, step)
		if err != nil {
			return pods, err
		}
		if !told { // what ended between announcing it and telling its pod is taken up here
			step.Action = etcd.ActionRestart
		}
	}
	if step.Action != etcd.ActionNone && step.Action != etcd.ActionWait {
		r.Watcher.Poke(types.NamespacedName{Namespace: env.Namespace, Name: env.Name})
		s.note("etcd: %s %s", step.Action, naming.Member(naming.Etcd, step.Ordinal))
		s.requeue = time.Second
	}
	via := leaderOrdinal(facts)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	switch step.Action {
	case etcd.ActionAdd:
		err := r.Observer.Etcd.Add(ctx, env.Namespace, via, step.Ordinal)
		r.failpoint(failMemberAdded)
		return pods, err
	case etcd.ActionGrow:
		err := r.applyOne(ctx, s, etcd.BootstrapMap(env, etcd.Joining(env.Namespace, facts.Membership)))
		r.failpoint(failGrowthTold)
		return step.Ordinal, err
	case etcd.ActionRestart:
		r.Recorder.Eventf(env, nil, corev1.EventTypeWarning, "Replacing", "Replace", "%s has lost its data and joins anew", naming.Member(naming.Etcd, step.Ordinal))
		if err := r.applyOne(ctx, s, etcd.BootstrapMap(env, etcd.Joining(env.Namespace, facts.Membership))); err != nil {
			return pods, err
		}
		r.failpoint(failReplaceTold)
		return pods, r.deletePod(ctx, env.Namespace, naming.Member(naming.Etcd, step.Ordinal))
	case etcd.ActionPromote:
		// First its identity is taken back, then it votes: were the operator to end
		// between the two, a voter could lose its data and take the identity up again.
		if err := r.applyOne(ctx, s, etcd.BootstrapMap(env, etcd.Joined(env.Namespace, facts.Membership))); err != nil {
			return pods, err
		}
		r.failpoint(failPromotionTold)
		err := r.Observer.Etcd.Promote(ctx, env.Namespace, via, step.MemberID)
		if errors.Is(err, etcd.ErrNotReady) {
			return pods, nil
		}
		r.failpoint(failMemberPromoted)
		return pods, err
	case etcd.ActionRemove:
		err := r.Observer.Etcd.Remove(ctx, env.Namespace, via, step.MemberID)
		r.failpoint(failMemberRemoved)
		return pods, err
	case etcd.ActionShrink:
		return step.Ordinal, nil
	case etcd.ActionWait:
		if losing || step.MemberID != 0 || pods != env.Spec.Etcd.Replicas {
			s.note("etcd: waiting, %s", step.Why)
			s.requeue = 2 * time.Second
		}
	}
	return pods, nil
}

// toldIdentity tells whether the learner's pod is told who it is.
func (r *Reconciler) toldIdentity(ctx context.Context, namespace string, step etcd.Step) (bool, error) {
	bootstrap := &corev1.ConfigMap{}
	if err := r.Direct.Get(ctx, types.NamespacedName{Namespace: namespace, Name: etcd.ConfigMap}, bootstrap); err != nil {
		return false, fmt.Errorf("reading what etcd's members are told: %w", err)
	}
	return etcd.Told(bootstrap.Data, step.Ordinal, step.MemberID), nil
}

// leaderOrdinal is whom a change of the membership is asked of: another member
// would pass a promotion on without saying who asked, and a leader that asks for
// passwords refuses that.
func leaderOrdinal(facts etcd.Facts) int32 {
	for i, m := range facts.Members {
		if m.Err == "" && m.ID != 0 && m.ID == m.LeaderID {
			return int32(i) + 1
		}
	}
	return 1
}

func etcdLeader(s *scope) string {
	if s.snapshot == nil {
		return ""
	}
	for _, m := range s.snapshot.Etcd.Members {
		if m.Err == "" && m.ID != 0 && m.ID == m.LeaderID {
			return m.Name
		}
	}
	return ""
}

func (r *Reconciler) moveEtcdLeader(ctx context.Context, s *scope, leader string) error {
	var via int32
	var to uint64
	for i, m := range s.snapshot.Etcd.Members {
		switch {
		case m.Name == leader:
			via = int32(i) + 1
		case m.Err == "" && !m.Learner:
			to = m.ID
		}
	}
	return r.Observer.Etcd.MoveLeader(ctx, s.env.Namespace, via, to)
}

// statefulSet reads a StatefulSet of the environment; nil when there is none.
func (r *Reconciler) statefulSet(ctx context.Context, namespace, name string) (*appsv1.StatefulSet, error) {
	live := &appsv1.StatefulSet{}
	if err := r.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, live); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, err
	}
	return live, nil
}
