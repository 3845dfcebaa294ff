// Package observer looks at a whole environment: every member of every
// component through its own protocol, all at once. What it sees feeds the
// status conditions, the query API and the reconciler's next steps.
package observer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/app"
	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/isolation"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/patroni"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/redis"
	"github.com/paws360/pawskind/internal/rotation"
)

// MemberTimeout bounds the question to one member: within the 5 s of addendum §5,
// and so much shorter that Ready is not True for longer than that without writes.
const MemberTimeout = 2 * time.Second

// Snapshot is one look: the verdicts and the facts behind them.
type Snapshot struct {
	Report   health.Report
	Etcd     etcd.Facts
	Postgres patroni.Facts
	Redis    redis.Facts
}

// Component finds the verdict on one component.
func (s Snapshot) Component(name string) (health.Component, bool) {
	for _, c := range s.Report.Components {
		if c.Name == name {
			return c, true
		}
	}
	return health.Component{}, false
}

// Serves tells whether the component does its work, be it with members missing.
func (s Snapshot) Serves(name string) bool {
	c, ok := s.Component(name)
	return ok && (c.Health == v1alpha1.Healthy || c.Health == v1alpha1.Degraded)
}

// Observer holds the connections to all members of all environments.
type Observer struct {
	// Reader reads pods and whom to trust; Secrets passwords, without a cache.
	Reader  client.Reader
	Secrets client.Reader

	Etcd     *etcd.Prober
	Postgres *patroni.Prober
	Redis    *redis.Prober
	Apps     *app.Prober
	// Isolation tries whether the network enforces policies.
	Isolation *isolation.Prober

	now func() time.Time
}

// New makes an observer that asks members at their DNS names.
func New(reader, secrets client.Reader) *Observer {
	return &Observer{
		Reader: reader, Secrets: secrets,
		Etcd: etcd.NewProber(), Postgres: patroni.NewProber(), Redis: redis.NewProber(), Apps: app.NewProber(),
		Isolation: isolation.NewProber(),
		now:       time.Now,
	}
}

// Look asks every member once, all in parallel, and judges the answers.
func (o *Observer) Look(ctx context.Context, env *v1alpha1.PawsEnvironment) (Snapshot, error) {
	start := o.now()
	secrets, err := o.Credentials(ctx, env)
	if err != nil {
		return Snapshot{}, err
	}
	members := o.etcdMembers(ctx, env)
	roots, err := o.trust(ctx, env, members, secrets.Known(naming.KeyEtcdRootPassword))
	if err != nil {
		return Snapshot{}, err
	}

	var s Snapshot
	var apps []health.Component
	var appsErr error
	var forbidden isolation.Facts
	var wg sync.WaitGroup
	wg.Go(func() { s.Etcd = o.Etcd.Probe(ctx, env.Namespace, members, MemberTimeout) })
	wg.Go(func() {
		s.Postgres = o.Postgres.Probe(ctx, env.Namespace, env.Spec.Postgres.Replicas, secrets.Known(naming.KeyPostgresPassword), MemberTimeout)
	})
	wg.Go(func() {
		s.Redis = o.Redis.Probe(ctx, RedisConfig(env, secrets.Password(naming.KeyRedisOperator), roots))
	})
	wg.Go(func() { apps, appsErr = o.lookAtApps(ctx, env) })
	wg.Go(func() { forbidden = o.Isolation.Probe(ctx, env.Namespace, MemberTimeout) })
	wg.Wait()
	if appsErr != nil {
		return Snapshot{}, appsErr
	}
	s.Report = o.report(env, s, apps)
	s.Report.Isolation = o.isolation(env.Namespace, forbidden, s.Etcd)
	s.Report.Time = start.UTC()
	s.Report.DurationSeconds = o.now().Sub(start).Seconds()
	return s, nil
}

// RedisConfig says how the environment's Redis is asked.
func RedisConfig(env *v1alpha1.PawsEnvironment, password, roots string) redis.Config {
	c := redis.Config{
		Namespace: env.Namespace, Replicas: env.Spec.Redis.Replicas, Sentinels: env.Spec.Redis.Sentinels,
		Password: password, Timeout: MemberTimeout,
	}
	if env.Spec.Redis.TLS {
		c.Roots = roots
	}
	return c
}

// isolation judges the attempt that policies forbid.
func (o *Observer) isolation(namespace string, forbidden isolation.Facts, members etcd.Facts) health.Isolation {
	tried, found := members.Member(naming.Member(naming.Etcd, 1))
	verdict := isolation.Verdict(forbidden, found && tried.Err == "")
	if verdict.Enforced != metav1.ConditionUnknown {
		o.Isolation.Keep(namespace, forbidden)
	}
	return verdict
}

// Credentials are the secrets that are in force, and those on their way in or
// out; none before there are any.
func (o *Observer) Credentials(ctx context.Context, env *v1alpha1.PawsEnvironment) (rotation.State, error) {
	secret := &corev1.Secret{}
	key := types.NamespacedName{Namespace: env.Namespace, Name: naming.Credentials}
	if err := o.Secrets.Get(ctx, key, secret); client.IgnoreNotFound(err) != nil {
		return rotation.State{}, fmt.Errorf("reading the Secret %s: %w", key, err)
	}
	return rotation.Read(secret.Data), nil
}

// trust tells the probers whose certificates to believe, and gives these.
// Before there are any, members cannot be asked.
func (o *Observer) trust(ctx context.Context, env *v1alpha1.PawsEnvironment, members int32, etcdPasswords []string) (string, error) {
	bundle := &corev1.ConfigMap{}
	key := types.NamespacedName{Namespace: env.Namespace, Name: naming.TrustBundle}
	if err := o.Reader.Get(ctx, key, bundle); client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("reading the ConfigMap %s: %w", key, err)
	}
	certificates := bundle.Data[pods.TrustKey]
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(certificates))
	trusted := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	o.Etcd.Use(env.Namespace, members, etcd.Access{
		TLS: trusted, Passwords: etcdPasswords, Version: certificates + strings.Join(etcdPasswords, "\n"),
	})
	o.Postgres.Use(env.Namespace, patroni.Access{TLS: trusted, Version: certificates})
	return certificates, nil
}

// etcdMembers also covers members that are about to leave or join.
func (o *Observer) etcdMembers(ctx context.Context, env *v1alpha1.PawsEnvironment) int32 {
	running := &corev1.PodList{}
	if err := o.Reader.List(ctx, running, client.InNamespace(env.Namespace),
		client.MatchingLabels(naming.Selector(env, naming.Etcd)), client.UnsafeDisableDeepCopy); err != nil {
		return env.Spec.Etcd.Replicas
	}
	return max(env.Spec.Etcd.Replicas, int32(len(running.Items)))
}

func (o *Observer) lookAtApps(ctx context.Context, env *v1alpha1.PawsEnvironment) ([]health.Component, error) {
	verdicts := make([]health.Component, len(env.Spec.Apps))
	var wg sync.WaitGroup
	for i, spec := range env.Spec.Apps {
		list := &corev1.PodList{}
		if err := o.Reader.List(ctx, list, client.InNamespace(env.Namespace),
			client.MatchingLabels(naming.Selector(env, spec.Name)), client.UnsafeDisableDeepCopy); err != nil { // read alone
			return nil, fmt.Errorf("listing the pods of %s: %w", spec.Name, err)
		}
		wg.Go(func() {
			verdicts[i] = app.Verdict(spec, o.Apps.Probe(ctx, spec, targets(list.Items), MemberTimeout))
		})
	}
	wg.Wait()
	return verdicts, nil
}

func targets(list []corev1.Pod) []app.Target {
	var out []app.Target
	for i := range list {
		pod := &list[i]
		if !pod.DeletionTimestamp.IsZero() {
			continue
		}
		out = append(out, app.Target{Pod: pod.Name, IP: pod.Status.PodIP, Waiting: pods.Waiting(pod), Ready: pods.IsReady(pod)})
	}
	return out
}

func (o *Observer) report(env *v1alpha1.PawsEnvironment, s Snapshot, apps []health.Component) health.Report {
	r := health.Report{Environment: env.Name, Namespace: env.Namespace}
	var postgres, cache, sentinel health.Component
	postgres, r.Synchronous, r.Leader = patroni.Verdict(env.Spec.Postgres, s.Postgres)
	cache, sentinel, r.RedisMaster = redis.Verdict(env.Spec.Redis, s.Redis)
	r.Components = append([]health.Component{etcd.Verdict(env.Spec.Etcd.Replicas, s.Etcd), postgres, cache, sentinel}, apps...)
	for _, c := range r.Components {
		r.Overall = health.Worst(r.Overall, c.Health)
	}
	return r
}
