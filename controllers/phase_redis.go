package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/observer"
	"github.com/paws360/pawskind/internal/redis"
)

// reconcileRedis runs Redis and its Sentinels.
func (r *Reconciler) reconcileRedis(ctx context.Context, s *scope) error {
	env := s.env.DeepCopy()
	if err := r.applyAll(ctx, s, redis.Network(env)); err != nil {
		return err
	}
	servers, err := r.statefulSet(ctx, env.Namespace, naming.StatefulSet(naming.Redis))
	if err != nil {
		return err
	}
	sentinels, err := r.statefulSet(ctx, env.Namespace, naming.StatefulSet(naming.Sentinel))
	if err != nil {
		return err
	}
	if servers == nil {
		s.note("starting Redis")
	} else if *servers.Spec.Replicas > env.Spec.Redis.Replicas && !r.masterStays(ctx, s) {
		env.Spec.Redis.Replicas = *servers.Spec.Replicas
	}
	if err := r.applyAll(ctx, s, redis.Workload(env, or(env.Spec.Redis.Image, r.Images.Redis), s.redisCertificates())); err != nil {
		return err
	}
	if switching, err := r.switchTLS(ctx, s, servers, sentinels); switching || err != nil {
		return err
	}
	if servers == nil || sentinels == nil || s.snapshot == nil {
		return nil
	}
	return r.tendRedis(ctx, s, servers, sentinels)
}

// tendRedis sets right what members cannot by themselves, and has them restarted
// for a new revision.
func (r *Reconciler) tendRedis(ctx context.Context, s *scope, servers, sentinels *appsv1.StatefulSet) error {
	if mistaken := redis.AllMistaken(s.snapshot.Redis); len(mistaken) > 0 {
		return r.reconnectRedis(ctx, s, mistaken)
	}
	if s.snapshot.Report.RedisMaster == "" {
		return nil
	}
	if ordinal, master, found := redis.Stray(s.env.Spec.Redis.Sentinels, s.snapshot.Redis); found {
		s.note("%s is told to follow the master", naming.Member(naming.Redis, ordinal))
		s.requeue = 2 * time.Second
		return r.Observer.Redis.Follow(ctx, r.redisConfig(s), ordinal, master)
	}
	if err := r.tellSentinels(ctx, s); err != nil {
		return err
	}
	if err := r.roll(ctx, s, servers, naming.Redis, s.snapshot.Report.RedisMaster, func(string) error {
		return r.Observer.Redis.Failover(ctx, r.redisConfig(s))
	}); err != nil {
		return err
	}
	return r.roll(ctx, s, sentinels, naming.Sentinel, "", nil)
}

func (r *Reconciler) reconnectRedis(ctx context.Context, s *scope, mistaken []redis.Mistaken) error {
	s.requeue = 2 * time.Second
	var failed []error
	for _, m := range mistaken {
		s.note("%s %s: it connects anew", naming.Member(m.Component, m.Ordinal), m)
		failed = append(failed, r.Observer.Redis.Reconnect(ctx, r.redisConfig(s), m, s.secrets.Password(naming.KeyRedisMonitor)))
	}
	return errors.Join(failed...)
}

// masterStays tells whether the master is among the servers that stay. One that
// goes hands over by itself before it ends; its pod is removed only afterwards,
// so that the Sentinels never promote a server that is about to go, too.
func (r *Reconciler) masterStays(ctx context.Context, s *scope) bool {
	if s.snapshot == nil {
		return false
	}
	master := s.snapshot.Report.RedisMaster
	if master != "" && ordinalOf(master) <= s.env.Spec.Redis.Replicas {
		return true
	}
	s.note("Redis: the master hands over before its pod is removed")
	s.requeue = 2 * time.Second
	if master != "" {
		_ = r.Observer.Redis.Failover(ctx, r.redisConfig(s))
	}
	return false
}

// tellSentinels gives running Sentinels the spec's quorum and time-out, and
// makes them forget members that were removed.
func (r *Reconciler) tellSentinels(ctx context.Context, s *scope) error {
	spec := s.env.Spec.Redis
	if redis.NeedsConfigure(spec.Quorum, spec.DownAfterMilliseconds, s.snapshot.Redis) {
		s.note("configuring the Sentinels")
		return r.Observer.Redis.Configure(ctx, r.redisConfig(s), spec.Quorum, spec.DownAfterMilliseconds)
	}
	if ordinal, due := redis.NextReset(spec.Replicas, spec.Sentinels, s.snapshot.Redis); due {
		s.note("%s forgets members that are gone", naming.Member(naming.Sentinel, ordinal))
		s.requeue = 3 * time.Second
		return r.Observer.Redis.ResetOne(ctx, r.redisConfig(s), ordinal)
	}
	return nil
}

func (r *Reconciler) redisConfig(s *scope) redis.Config {
	c := observer.RedisConfig(s.env, s.secrets.Password(naming.KeyRedisOperator), s.trust)
	c.Previous = string(s.secrets.Previous[naming.KeyRedisOperator])
	return c
}

// ordinalOf is the number at the end of a member's name; 0 without one.
func ordinalOf(member string) int32 {
	var ordinal int32
	_, _ = fmt.Sscanf(member[strings.LastIndex(member, "-")+1:], "%d", &ordinal)
	return ordinal
}
