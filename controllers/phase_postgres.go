package controllers

import (
	"context"
	"errors"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/patroni"
	"github.com/paws360/pawskind/internal/rollout"
)

// callTimeout bounds what a reconcile asks of a member. Patroni carries out a
// switchover also when nobody waits for its end.
const callTimeout = 2 * time.Second

// readTimeout bounds the question that every reconcile asks of the leader: one that
// has just been frozen must not hold up the status, which tells of it.
const readTimeout = 500 * time.Millisecond

// reconcilePostgres runs the PostgreSQL cluster. Its pods start beside etcd's
// and wait for it by themselves.
func (r *Reconciler) reconcilePostgres(ctx context.Context, s *scope) error {
	env := s.env.DeepCopy()
	live, err := r.statefulSet(ctx, env.Namespace, naming.StatefulSet(naming.Postgres))
	if err != nil {
		return err
	}
	if err := r.applyAll(ctx, s, patroni.Network(env)); err != nil {
		return err
	}
	if live == nil {
		s.note("starting PostgreSQL")
	} else if *live.Spec.Replicas > env.Spec.Postgres.Replicas && !r.leaderStays(ctx, s) {
		env.Spec.Postgres.Replicas = *live.Spec.Replicas
	}
	image := or(env.Spec.Postgres.Image, r.Images.Postgres[env.Spec.Postgres.Version])
	if err := r.applyAll(ctx, s, patroni.Workload(env, image, env.Spec.Etcd.Replicas, s.trust)); err != nil {
		return err
	}
	if live == nil || s.snapshot == nil {
		return nil
	}
	leader := s.snapshot.Report.Leader
	if leader == "" {
		r.hastenElection(ctx, s)
		return nil
	}
	if err := r.configurePatroni(ctx, s, leader); err != nil {
		return err
	}
	r.hastenCount(ctx, s, leader)
	if err := r.roll(ctx, s, live, naming.Postgres, leader, func(leader string) error {
		return r.switchover(ctx, s, leader, "")
	}); err != nil {
		return err
	}
	return r.restartPending(ctx, s, leader)
}

// restartPending restarts PostgreSQL where a changed setting waits for that:
// one member at a time, the leader last and after it handed over.
func (r *Reconciler) restartPending(ctx context.Context, s *scope, leader string) error {
	verdicts, _ := s.snapshot.Component(naming.Postgres)
	var members []rollout.Member
	for i, m := range verdicts.Members {
		members = append(members, rollout.Member{
			Name: m.Name, Healthy: m.Health == v1alpha1.Healthy, Leader: m.Name == leader,
			Outdated: s.snapshot.Postgres.Members[i].PendingRestart,
		})
	}
	action, name := rollout.Next(members)
	if action == rollout.None {
		return nil
	}
	s.note("PostgreSQL: %s for a changed setting: %s", action, name)
	s.requeue = 2 * time.Second
	switch action {
	case rollout.Replace:
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		err := r.Observer.Postgres.Restart(ctx, s.env.Namespace, name, r.patroniPasswords(s))
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	case rollout.HandOver:
		return r.switchover(ctx, s, name, "")
	}
	return nil
}

// configurePatroni brings the dynamic configuration in etcd to the spec.
func (r *Reconciler) configurePatroni(ctx context.Context, s *scope, leader string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reading, done := context.WithTimeout(ctx, readTimeout)
	defer done()
	have, err := r.Observer.Postgres.Configuration(reading, s.env.Namespace, leader)
	if err != nil { // a leader that has just bootstrapped has none to give yet
		s.requeue = time.Second
		return nil
	}
	patch := patroni.Drift(patroni.DynamicConfig(s.env), have)
	if patch == nil {
		return nil
	}
	s.note("configuring Patroni")
	if err := r.Observer.Postgres.PatchConfig(ctx, s.env.Namespace, leader, r.patroniPasswords(s), patch); err != nil {
		return err
	}
	r.wakeStandbys(ctx, s, leader)
	return nil
}

// hastenElection has the members look for a leader again: one that found too few
// votes, because somebody was slow to answer, would do so only loop_wait later.
func (r *Reconciler) hastenElection(ctx context.Context, s *scope) {
	r.wakeStandbys(ctx, s, "")
	s.requeue = 2 * time.Second
}

// wakeStandbys has all but the leader look at what etcd has now: by themselves they
// do so at their next turn, up to loop_wait later. Those that do not answer are left
// to it.
func (r *Reconciler) wakeStandbys(ctx context.Context, s *scope, leader string) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for _, m := range s.snapshot.Postgres.Members {
		if m.Name != leader && m.Err == "" {
			_ = r.Observer.Postgres.Wake(ctx, s.env.Namespace, m.Name, r.patroniPasswords(s))
		}
	}
}

// hastenCount lets the leader look now for standbys to count on. Patroni refuses
// to for loop_wait after a promotion, and then looks once in loop_wait. That it
// cannot be asked is no failure.
func (r *Reconciler) hastenCount(ctx context.Context, s *scope, leader string) {
	if len(s.snapshot.Report.Synchronous.Waiting) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_ = r.Observer.Postgres.Wake(ctx, s.env.Namespace, leader, r.patroniPasswords(s))
	s.requeue = 2 * time.Second
}

// leaderStays tells whether the leader is among the members that stay when the
// cluster shrinks; if not, it is asked to hand over to one that does.
func (r *Reconciler) leaderStays(ctx context.Context, s *scope) bool {
	if s.snapshot == nil {
		return false
	}
	leader := s.snapshot.Report.Leader
	replicas := s.env.Spec.Postgres.Replicas
	if leader != "" && ordinalOf(leader) <= replicas {
		return true
	}
	s.note("PostgreSQL: the leader hands over before its pod is removed")
	s.requeue = 2 * time.Second
	candidate := healthyUpTo(s, naming.Postgres, replicas)
	if leader == "" {
		leader = r.leaderBeyond(ctx, s)
	}
	if leader != "" && candidate != "" {
		_ = r.switchover(ctx, s, leader, candidate)
	}
	return false
}

// leaderBeyond finds a leader among members that the spec no longer counts.
func (r *Reconciler) leaderBeyond(ctx context.Context, s *scope) string {
	list, err := r.members(ctx, s.env, naming.Postgres)
	if err != nil {
		return ""
	}
	for i := range list {
		if list[i].Labels[naming.LabelRole] == naming.RolePrimary && ordinalOf(list[i].Name) > s.env.Spec.Postgres.Replicas {
			return list[i].Name
		}
	}
	return ""
}

// healthyUpTo is a replica of the component that works and has at most that ordinal.
func healthyUpTo(s *scope, component string, limit int32) string {
	verdicts, _ := s.snapshot.Component(component)
	for _, m := range verdicts.Members {
		if m.Health != v1alpha1.Unhealthy && m.Role == "replica" && ordinalOf(m.Name) <= limit {
			return m.Name
		}
	}
	return ""
}

func (r *Reconciler) switchover(ctx context.Context, s *scope, leader, candidate string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := r.Observer.Postgres.Switchover(ctx, s.env.Namespace, leader, candidate, r.patroniPasswords(s))
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// patroniPasswords are those that let the operator in at Patroni's REST API.
func (r *Reconciler) patroniPasswords(s *scope) []string {
	return s.secrets.Known(naming.KeyPatroniPassword)
}
