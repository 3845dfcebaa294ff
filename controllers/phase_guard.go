package controllers

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/app"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/roles"
)

// guard finds what keeps an environment from being reconciled at all, and the
// latest look at its members.
func (r *Reconciler) guard(ctx context.Context, s *scope) error {
	if err := r.alone(ctx, s.env); err != nil {
		return err
	}
	s.snapshot = r.Watcher.Follow(ctx, s.env)
	if err := r.tellWorse(ctx, s); err != nil {
		return err
	}
	if s.env.Spec.Suspend {
		return &stalled{reason: v1alpha1.ReasonSuspended, message: "spec.suspend is set: nothing is changed"}
	}
	if circle := app.Cycle(s.env.Spec.Apps); circle != "" {
		return &stalled{reason: v1alpha1.ReasonDependencyCycle, message: "apps depend on each other in a circle: " + circle}
	}
	return r.readSecret(ctx, s)
}

// alone refuses a second environment in a namespace.
func (r *Reconciler) alone(ctx context.Context, env *v1alpha1.PawsEnvironment) error {
	list := &v1alpha1.PawsEnvironmentList{}
	if err := r.List(ctx, list, client.InNamespace(env.Namespace)); err != nil {
		return fmt.Errorf("listing environments: %w", err)
	}
	for _, other := range list.Items {
		if other.UID != env.UID && (other.CreationTimestamp.Before(&env.CreationTimestamp) ||
			other.CreationTimestamp.Equal(&env.CreationTimestamp) && other.Name < env.Name) {
			return &stalled{
				reason:  v1alpha1.ReasonNamespaceOccupied,
				message: fmt.Sprintf("the namespace belongs to environment %s: use another namespace", other.Name),
				retry:   30 * time.Second,
			}
		}
	}
	return nil
}

func (r *Reconciler) readSecret(ctx context.Context, s *scope) error {
	name := s.env.Spec.SecretsRef.Name
	secret := &corev1.Secret{}
	err := r.Direct.Get(ctx, types.NamespacedName{Namespace: s.env.Namespace, Name: name}, secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading the Secret %s: %w", name, err)
	}
	var missing []string
	for _, key := range naming.RequiredKeys() {
		if len(secret.Data[key]) == 0 {
			missing = append(missing, key)
		}
	}
	if unfit := unfit(secret.Data); len(missing) == 0 && unfit != "" {
		return &stalled{
			reason:  v1alpha1.ReasonSecretInvalid,
			message: fmt.Sprintf("Secret %s has a control character, such as the end of a line, in %s", name, unfit),
			retry:   5 * time.Second,
		}
	}
	if len(missing) > 0 {
		return &stalled{
			reason:  v1alpha1.ReasonSecretInvalid,
			message: fmt.Sprintf("Secret %s lacks %s", name, strings.Join(missing, ", ")),
			retry:   5 * time.Second,
		}
	}
	s.wanted, s.wantedVersion = secret.Data, secret.ResourceVersion
	return nil
}

// unfit names the values that no line of a configuration file can hold as they are.
func unfit(data map[string][]byte) string {
	var keys []string
	for _, key := range naming.RequiredKeys() {
		for _, k := range []string{key, key + naming.SuffixNext, key + naming.SuffixPrevious} {
			if bytes.ContainsFunc(data[k], func(r rune) bool { return r < ' ' || r == 0x7f }) {
				keys = append(keys, k)
			}
		}
	}
	return strings.Join(keys, ", ")
}

// reconcileShared makes what several components need before they start: the
// members' right to label themselves, and the apps' addresses.
func (r *Reconciler) reconcileShared(ctx context.Context, s *scope) error {
	objects := roles.Objects(s.env)
	for _, spec := range s.env.Spec.Apps {
		objects = append(objects, app.Network(s.env, spec))
	}
	return r.applyAll(ctx, s, objects)
}

// applyAll applies objects, notes what changed and tells of repairs.
func (r *Reconciler) applyAll(ctx context.Context, s *scope, objects []runtime.ApplyConfiguration) error {
	for _, object := range objects {
		if err := r.applyOne(ctx, s, object); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) applyOne(ctx context.Context, s *scope, object runtime.ApplyConfiguration) error {
	did, err := r.applier.apply(ctx, object)
	if err != nil {
		if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
			return &stalled{reason: v1alpha1.ReasonApplyFailed, message: err.Error(), retry: 30 * time.Second}
		}
		return err
	}
	if did == repaired {
		what, _, _ := decode(object)
		r.Recorder.Eventf(s.env, nil, corev1.EventTypeNormal, "Repaired", "Repair",
			"%s %s had been changed by somebody else and is as the spec asks again", what.GetKind(), what.GetName())
	}
	return nil
}
