// Package controllers reconciles PawsEnvironments: one scope, a slice of phases
// run in order, and one status write at the end; what got worse is told before
// them. Nothing in a phase waits; the watcher, and the objects' own events, call
// again.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/observer"
	"github.com/paws360/pawskind/internal/rotation"
)

// What is read through the cache is listed and watched, never got. The leader
// election's rights are in the operator's own namespace only (config/rbac).
//
// +kubebuilder:rbac:groups=paws360.io,resources=pawsenvironments,verbs=list;watch
// +kubebuilder:rbac:groups=paws360.io,resources=pawsenvironments/status,verbs=patch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=list;watch;create;patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=serviceaccounts,verbs=list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=list;watch;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings,verbs=list;watch;create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Images are what the operator runs when a spec names no image of its own.
type Images struct {
	Etcd     string
	Postgres map[string]string // by major version
	Redis    string
}

// Reconciler brings environments to their spec.
type Reconciler struct {
	client.Client
	// Direct reads without a cache: Secrets are never kept.
	Direct   client.Reader
	Recorder events.EventRecorder
	Images   Images
	Observer *observer.Observer
	Watcher  *observer.Watcher
	// Local marks the cluster as one where faults may be done.
	Local bool

	applier      *applier
	certificates certificateMemory
	around       surroundings
	roles        roleMemory
	now          func() time.Time
	// exit ends the program at a failpoint.
	exit func(status int)
}

// phase does one part of a reconcile. An error does not keep the later phases
// from running unless it is a stall, or they need what the phase finds out.
type phase struct {
	name   string
	run    func(*Reconciler, context.Context, *scope) error
	needed bool
}

func phases() []phase {
	return []phase{
		{"guard", (*Reconciler).guard, true},
		{"secrets", (*Reconciler).reconcileSecrets, true},
		{"certificates", (*Reconciler).reconcileCertificates, false},
		{"isolation", (*Reconciler).reconcileIsolation, false},
		{"shared", (*Reconciler).reconcileShared, false},
		{"etcd", (*Reconciler).reconcileEtcd, false},
		{"redis", (*Reconciler).reconcileRedis, false},
		{"postgres", (*Reconciler).reconcilePostgres, false},
		{"apps", (*Reconciler).reconcileApps, false},
		{"rotation", (*Reconciler).reconcileRotation, false},
		{"roles", (*Reconciler).repairRoles, false},
		{"chaos", (*Reconciler).reconcileChaos, false},
	}
}

// Reconcile brings one environment one step nearer to its spec.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	env := &v1alpha1.PawsEnvironment{}
	if err := r.Get(ctx, request.NamespacedName, env); err != nil {
		if apierrors.IsNotFound(err) {
			r.Watcher.Forget(request.NamespacedName)
			r.applier.forget(request.Namespace)
			r.certificates.forget(request.NamespacedName)
			r.roles.forget(request.Namespace)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("reading the environment: %w", err)
	}
	if !env.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	s := &scope{env: env, chaos: env.Status.Chaos}
	failed := r.runPhases(ctx, s)
	if err := r.writeStatus(ctx, s, failed); err != nil {
		failed = errors.Join(failed, err)
	}
	var stall *stalled
	if errors.As(failed, &stall) {
		return ctrl.Result{RequeueAfter: stall.retry}, nil
	}
	if failed != nil {
		return ctrl.Result{}, failed
	}
	return ctrl.Result{RequeueAfter: s.requeue}, nil
}

func (r *Reconciler) runPhases(ctx context.Context, s *scope) error {
	var failed error
	for _, p := range phases() {
		if err := p.run(r, ctx, s); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", p.name, err))
			var stall *stalled
			if errors.As(err, &stall) || errors.Is(err, errNothingKnown) || p.needed {
				break
			}
		}
	}
	return failed
}

// writeStatus turns what the reconcile found into the status.
func (r *Reconciler) writeStatus(ctx context.Context, s *scope, failed error) error {
	before := s.env.DeepCopy()
	setStatus(s, failed)
	return r.patchStatus(ctx, s, before)
}

// tellWorse tells that the environment is not ready any more before anything is
// done about it: a member that does not answer holds up each phase that asks it.
func (r *Reconciler) tellWorse(ctx context.Context, s *scope) error {
	if s.snapshot == nil || !meta.IsStatusConditionTrue(s.env.Status.Conditions, v1alpha1.ConditionReady) {
		return nil
	}
	before := s.env.DeepCopy()
	setMembers(s)
	setReady(s)
	if meta.IsStatusConditionTrue(s.env.Status.Conditions, v1alpha1.ConditionReady) {
		s.env.Status = before.Status
		return nil
	}
	return r.patchStatus(ctx, s, before)
}

// patchStatus writes the status when it differs.
func (r *Reconciler) patchStatus(ctx context.Context, s *scope, before *v1alpha1.PawsEnvironment) error {
	if reflect.DeepEqual(before.Status, s.env.Status) {
		return nil
	}
	if err := r.Status().Patch(ctx, s.env, client.MergeFrom(before)); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("writing the status: %w", err))
	}
	r.tellTransitions(before, s.env)
	r.tellFaults(before, s.env)
	return nil
}

// SetupWithManager registers the watches.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.applier, r.now = newApplier(mgr.GetClient()), time.Now
	toEnvironment := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		name := o.GetLabels()[naming.LabelEnvironment]
		if name == "" {
			return nil
		}
		key := types.NamespacedName{Namespace: o.GetNamespace(), Name: name}
		r.Watcher.Poke(key)
		return []reconcile.Request{{NamespacedName: key}}
	})
	ours := builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool {
		return o.GetLabels()[naming.LabelEnvironment] != ""
	}))
	b := ctrl.NewControllerManagedBy(mgr).
		Named("pawsenvironment").
		For(&v1alpha1.PawsEnvironment{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&appsv1.StatefulSet{}, toEnvironment, ours).
		Watches(&corev1.Pod{}, toEnvironment, ours).
		WatchesRawSource(source.Channel(r.Watcher.Events(), &handler.EnqueueRequestForObject{}))
	// The applier reads metadata: what wakes a reconcile must be what it reads,
	// or it would look before its cache has the change.
	for _, owned := range []client.Object{
		&appsv1.StatefulSet{}, &appsv1.Deployment{}, &corev1.Service{}, &corev1.ConfigMap{}, &corev1.ServiceAccount{},
		&policyv1.PodDisruptionBudget{}, &rbacv1.Role{}, &rbacv1.RoleBinding{}, &networkingv1.NetworkPolicy{},
	} {
		b = b.Watches(owned, toEnvironment, ours, builder.OnlyMetadata)
	}
	return b.Complete(r)
}

// scope is what one reconcile knows and finds out.
type scope struct {
	env      *v1alpha1.PawsEnvironment
	snapshot *observer.Snapshot
	// wanted are the secrets as they shall be, and secrets as they are; credentials
	// is the Secret that they were read from, nil once it was written.
	wanted        map[string][]byte
	wantedVersion string
	secrets       rotation.State
	credentials   *corev1.Secret
	// waiting is what a rotation of the secrets waits for.
	waiting string
	// trust are the CA certificates of the environment.
	trust string
	// certificates are what the last look at them has found.
	certificates *certificateFacts
	// progress says what is being changed or waited for.
	progress []string
	requeue  time.Duration
	// chaos is what becomes of the declared faults.
	chaos []v1alpha1.FaultStatus
}

func (s *scope) note(format string, args ...any) {
	s.progress = append(s.progress, fmt.Sprintf(format, args...))
}

// serves tells whether a component of the environment does its work.
func (s *scope) serves(component string) bool {
	return s.snapshot != nil && s.snapshot.Serves(component)
}

// stalled is a failure that only somebody's help can end.
type stalled struct {
	reason, message string
	retry           time.Duration
}

func (e *stalled) Error() string { return e.message }
