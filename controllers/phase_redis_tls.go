package controllers

import (
	"context"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
	"github.com/paws360/pawskind/internal/redis"
)

// redisCertificates are what a new certificate, or another CA, changes of Redis.
func (s *scope) redisCertificates() redis.Certificates {
	c := redis.Certificates{Roots: s.trust}
	for _, report := range s.certificates.reports {
		if report.Name == pki.Redis {
			c.Fingerprint = report.Fingerprint
		}
	}
	return c
}

// switchTLS replaces all servers and Sentinels together when they shall begin,
// or end, to speak TLS, and tells whether it is under way: one by one they would
// not understand each other. Before that, the master takes no more writes and
// its replicas catch up, so that nothing acknowledged is lost.
func (r *Reconciler) switchTLS(ctx context.Context, s *scope, sets ...*appsv1.StatefulSet) (bool, error) {
	var old []corev1.Pod
	for _, component := range []string{naming.Sentinel, naming.Redis} {
		list, err := r.members(ctx, s.env, component)
		if err != nil {
			return false, err
		}
		old = append(old, slices.DeleteFunc(list, func(p corev1.Pod) bool {
			return !p.DeletionTimestamp.IsZero() || redis.SpeaksTLS(p.Spec) == s.env.Spec.Redis.TLS
		})...)
	}
	if len(old) == 0 {
		return false, nil
	}
	what := "to speak plain text"
	if s.env.Spec.Redis.TLS {
		what = "to speak TLS"
	}
	s.note("Redis: replacing all servers and Sentinels %s", what)
	s.requeue = time.Second
	for _, set := range sets {
		if set == nil || set.Status.ObservedGeneration != set.Generation || redis.SpeaksTLS(set.Spec.Template.Spec) != s.env.Spec.Redis.TLS {
			return true, nil // a pod that goes now would come back as it was
		}
	}
	before := r.redisConfig(s)
	before.Roots = s.trust
	if s.env.Spec.Redis.TLS {
		before.Roots = ""
	}
	master, err := r.Observer.Redis.Hold(ctx, before)
	if err != nil {
		return true, err
	}
	r.Recorder.Eventf(s.env, nil, corev1.EventTypeNormal, "Replacing", "Replace", "all servers and Sentinels of Redis are replaced %s", what)
	// The master last: by then it sees that nobody is left to hand over to.
	slices.SortStableFunc(old, func(a, b corev1.Pod) int { return last(a, master) - last(b, master) })
	for i := range old {
		if err := r.deletePod(ctx, s.env.Namespace, old[i].Name); err != nil {
			return true, err
		}
	}
	return true, nil
}

func last(pod corev1.Pod, name string) int {
	if pod.Name == name {
		return 1
	}
	return 0
}
