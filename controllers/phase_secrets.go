package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/app"
	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/patroni"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/redis"
	"github.com/paws360/pawskind/internal/rotation"
)

// +kubebuilder:rbac:groups="",resources=secrets,resourceNames=paws360-credentials,verbs=create;patch

// reconcileSecrets reads the secrets that are in force, and begins a rotation
// when others are wanted.
func (r *Reconciler) reconcileSecrets(ctx context.Context, s *scope) error {
	live, err := r.secretData(ctx, s.env, naming.Credentials)
	if err != nil {
		return err
	}
	if live == nil {
		return r.writeSecrets(ctx, s, rotation.Begin(s.wanted))
	}
	if !pods.Controlled(s.env, live) {
		return &stalled{
			reason: v1alpha1.ReasonSecretForeign, retry: 5 * time.Second,
			message: "the Secret " + naming.Credentials + " was not made by the operator: remove it",
		}
	}
	s.credentials, s.secrets = live, rotation.Read(live.Data)
	next, begun := s.secrets.Announce(s.wanted)
	if !begun {
		return nil
	}
	if err := r.writeSecrets(ctx, s, next); err != nil {
		return err
	}
	r.Recorder.Eventf(s.env, nil, corev1.EventTypeNormal, "SecretsAnnounced", "Rotate", "other secrets are wanted, and follow those in force: %s", strings.Join(next.Names(), ", "))
	r.failpoint(failSecretsAnnounced)
	return nil
}

// writeSecrets puts a state in the place of the one that was read.
func (r *Reconciler) writeSecrets(ctx context.Context, s *scope, state rotation.State) error {
	data := state.Data()
	object := coreac.Secret(naming.Credentials, s.env.Namespace).
		WithLabels(naming.Labels(s.env, "secrets")).
		WithOwnerReferences(pods.Owner(s.env)).
		WithType(corev1.SecretTypeOpaque).
		WithData(data)
	if err := r.applySecret(ctx, s.credentials, object, data); err != nil {
		return err
	}
	s.credentials, s.secrets = nil, state
	s.requeue = 200 * time.Millisecond
	return nil
}

// reconcileRotation takes the next step of a rotation that runs. What a phase
// asks for is done again until all of it is so; only then the next one begins.
func (r *Reconciler) reconcileRotation(ctx context.Context, s *scope) error {
	if s.secrets.Phase == rotation.InForce {
		return nil
	}
	s.requeue = time.Second
	s.note("the secrets are being replaced")
	if s.snapshot == nil || s.credentials == nil {
		return nil
	}
	if err := r.shareSecrets(ctx, s); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rotationTimeout)
	defer cancel()
	// A member that cannot be asked is waited for.
	if err := r.rotate(ctx, s); err != nil {
		s.waiting = strings.ReplaceAll(err.Error(), "\n", "; ")
		return nil
	}
	return r.nextPhase(ctx, s)
}

// rotationTimeout bounds what one reconcile does of a phase.
const rotationTimeout = 10 * time.Second

// rotate does what the phase asks for. It fails with what is to be waited for.
func (r *Reconciler) rotate(ctx context.Context, s *scope) error {
	switch s.secrets.Phase {
	case rotation.Announced:
		return errors.Join(r.grantRedis(ctx, s), r.letWaiting(ctx, s))
	case rotation.Switched:
		return errors.Join(r.letServers(ctx, s), r.grantRedis(ctx, s), r.loginRedis(ctx, s), r.followed(ctx, s))
	default:
		return errors.Join(r.grantRedis(ctx, s), r.barPrevious(ctx, s))
	}
}

// nextPhase begins the phase that follows.
func (r *Reconciler) nextPhase(ctx context.Context, s *scope) error {
	switch s.secrets.Phase {
	case rotation.Announced:
		r.failpoint(failSecretsKnown)
		if err := r.writeSecrets(ctx, s, s.secrets.Switch()); err != nil {
			return err
		}
		r.tellRotation(s, "SecretsSwitched", "every server knows the new secrets: they are in force now, and the old ones still open")
		r.failpoint(failSecretsSwitched)
	case rotation.Switched:
		r.failpoint(failSecretsFollowed)
		if err := r.writeSecrets(ctx, s, s.secrets.Retire()); err != nil {
			return err
		}
		r.tellRotation(s, "SecretsRetiring", "nobody uses the old secrets any more: the servers forget them")
		r.failpoint(failSecretsRetiring)
	default:
		r.failpoint(failSecretsForgotten)
		if err := r.writeSecrets(ctx, s, s.secrets.Settle()); err != nil {
			return err
		}
		r.tellRotation(s, "SecretsRotated", "the new secrets alone are in force")
	}
	return nil
}

func (r *Reconciler) tellRotation(s *scope, reason, message string) {
	r.Recorder.Eventf(s.env, nil, corev1.EventTypeNormal, reason, "Rotate", "%s", message)
}

// annotationSerial tells a pod's kubelet, which looks at a pod when it changes,
// that there are other secrets: by itself it would look within a minute or two.
const annotationSerial = "paws360.io/secrets-serial"

// shareSecrets has the members' files follow the Secret at once.
func (r *Reconciler) shareSecrets(ctx context.Context, s *scope) error {
	serial := fmt.Sprint(s.secrets.Serial)
	for _, component := range []string{naming.Etcd, naming.Postgres, naming.Redis, naming.Sentinel} {
		list, err := r.members(ctx, s.env, component)
		if err != nil {
			return err
		}
		for i := range list {
			pod := &list[i]
			if pod.Annotations[annotationSerial] == serial || !pod.DeletionTimestamp.IsZero() {
				continue
			}
			before := pod.DeepCopy()
			metav1.SetMetaDataAnnotation(&pod.ObjectMeta, annotationSerial, serial)
			if err := r.Patch(ctx, pod, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("telling %s that there are other secrets: %w", pod.Name, err)
			}
		}
	}
	return nil
}

// grantRedis has every Redis server and Sentinel let in whom the secrets say.
func (r *Reconciler) grantRedis(ctx context.Context, s *scope) error {
	passwords := redis.Passwords{}
	for _, key := range redis.Keys() {
		passwords[key] = s.secrets.Opens(key)
	}
	return r.Observer.Redis.Grant(ctx, r.redisConfig(s), passwords)
}

// loginRedis has servers and Sentinels use the passwords in force among themselves.
func (r *Reconciler) loginRedis(ctx context.Context, s *scope) error {
	changed := func(key string) string {
		if len(s.secrets.Previous[key]) == 0 {
			return ""
		}
		return s.secrets.Password(key)
	}
	replication, monitor := changed(naming.KeyRedisReplication), changed(naming.KeyRedisMonitor)
	if replication == "" && monitor == "" {
		return nil
	}
	return r.Observer.Redis.Login(ctx, r.redisConfig(s), replication, monitor)
}

// letWaiting lets in those whose turn it is next, by the next password.
func (r *Reconciler) letWaiting(ctx context.Context, s *scope) error {
	for _, p := range rotation.Pairs() {
		if next := string(s.secrets.Next[p.Key]); next != "" {
			if err := r.letUser(ctx, s, p, s.secrets.Waiting(p), next); err != nil {
				return err
			}
		}
	}
	return nil
}

// letServers gives those servers the password in force that know one only, and
// sees to it that the users whose turn it is get in.
func (r *Reconciler) letServers(ctx context.Context, s *scope) error {
	leader, err := r.postgresLeader(s)
	if err != nil {
		return err
	}
	logins := patroni.ServerLogins(s.secrets.Password(naming.KeyPostgresPassword), s.secrets.Password(naming.KeyReplicationPassword))
	if err := r.Observer.Postgres.Let(ctx, s.env.Namespace, leader, s.secrets.Known(naming.KeyPostgresPassword), logins); err != nil {
		return err
	}
	if len(s.secrets.Previous[naming.KeyEtcdRootPassword]) > 0 {
		if err := r.letRoot(ctx, s); err != nil {
			return err
		}
	}
	for _, p := range rotation.Pairs() {
		if len(s.secrets.Previous[p.Key]) > 0 {
			if err := r.letUser(ctx, s, p, s.secrets.Users[p.UserKey], s.secrets.Password(p.Key)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reconciler) letRoot(ctx context.Context, s *scope) error {
	if etcdLeader(s) == "" {
		return errors.New("waiting for etcd's leader")
	}
	// Connections of the previous password would not get in again.
	defer r.Observer.Etcd.Relogin(s.env.Namespace, s.env.Spec.Etcd.Replicas)
	return r.Observer.Etcd.Let(ctx, s.env.Namespace, leaderOrdinal(s.snapshot.Etcd), etcd.RootUser, etcd.RootUser, s.secrets.Password(naming.KeyEtcdRootPassword))
}

// letUser lets one of two users in by the password.
func (r *Reconciler) letUser(ctx context.Context, s *scope, p rotation.Pair, user, password string) error {
	if p.Key == naming.KeyDatabasePassword {
		leader, err := r.postgresLeader(s)
		if err != nil {
			return err
		}
		return r.Observer.Postgres.Let(ctx, s.env.Namespace, leader, s.secrets.Known(naming.KeyPostgresPassword), []patroni.Login{patroni.AppLogin(user, password)})
	}
	if etcdLeader(s) == "" {
		return errors.New("waiting for etcd's leader")
	}
	return r.Observer.Etcd.Let(ctx, s.env.Namespace, leaderOrdinal(s.snapshot.Etcd), user, p.Base, password)
}

func (r *Reconciler) postgresLeader(s *scope) (string, error) {
	if s.snapshot.Report.Leader == "" {
		return "", errors.New("waiting for PostgreSQL's leader")
	}
	return s.snapshot.Report.Leader, nil
}

// followed tells whether every client uses the secrets in force: Patroni's
// members say so, and an app is given its secrets when it starts.
func (r *Reconciler) followed(ctx context.Context, s *scope) error {
	serial := fmt.Sprint(s.secrets.Serial)
	for _, m := range s.snapshot.Postgres.Members {
		if m.Secrets != serial {
			r.Watcher.Poke(client.ObjectKeyFromObject(s.env))
			return fmt.Errorf("waiting for %s to read them", m.Name)
		}
	}
	for _, spec := range s.env.Spec.Apps {
		list, err := r.members(ctx, s.env, spec.Name)
		if err != nil {
			return err
		}
		want := app.Secrets(s.env, spec, s.secrets.Versions)
		old := func(pod corev1.Pod) bool { return pod.Annotations[app.AnnotationSecrets] != want }
		ready := func(pod corev1.Pod) bool { return pods.IsReady(&pod) }
		if slices.ContainsFunc(list, old) || app.Replicas(spec) > 0 && len(list) > 0 && !slices.ContainsFunc(list, ready) {
			return fmt.Errorf("waiting for %s to start with them", spec.Name)
		}
	}
	return nil
}

// barPrevious has nobody get in any more whose turn is over. The users that
// people know are given the password in force; nobody else uses them.
func (r *Reconciler) barPrevious(ctx context.Context, s *scope) error {
	for _, p := range rotation.Pairs() {
		if err := r.letUser(ctx, s, p, p.Base, s.secrets.Password(p.Key)); err != nil {
			return err
		}
		if s.secrets.Users[p.UserKey] == p.Other {
			continue
		}
		var err error
		if p.Key == naming.KeyDatabasePassword {
			err = r.Observer.Postgres.Bar(ctx, s.env.Namespace, s.snapshot.Report.Leader, s.secrets.Known(naming.KeyPostgresPassword), p.Other)
		} else {
			err = r.Observer.Etcd.Bar(ctx, s.env.Namespace, leaderOrdinal(s.snapshot.Etcd), p.Other)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
