package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/app"
	"github.com/paws360/pawskind/internal/naming"
)

// reconcileApps runs the apps, each once what it depends on serves, and removes
// those that left the spec.
func (r *Reconciler) reconcileApps(ctx context.Context, s *scope) error {
	running, err := r.runningApps(ctx, s.env)
	if err != nil {
		return err
	}
	for _, spec := range s.env.Spec.Apps {
		started := slices.Contains(running, spec.Name)
		// A dependency gates the first start only: an app that runs recovers by
		// itself, and is never stopped because something else is down.
		if missing := app.Missing(spec, s.serves); !started && len(missing) > 0 {
			s.note("%s waits for %s", spec.Name, strings.Join(missing, ", "))
			continue
		}
		if !started {
			s.note("starting %s", spec.Name)
		}
		if err := r.applyAll(ctx, s, app.Objects(s.env, spec, app.Start{Certificates: s.trust, Versions: s.secrets.Versions})); err != nil {
			return err
		}
	}
	return r.removeApps(ctx, s, running)
}

// runningApps are the names of the apps that have a Deployment.
func (r *Reconciler) runningApps(ctx context.Context, env *v1alpha1.PawsEnvironment) ([]string, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("DeploymentList"))
	if err := r.List(ctx, list, client.InNamespace(env.Namespace), client.MatchingLabels{naming.LabelEnvironment: env.Name}); err != nil {
		return nil, fmt.Errorf("listing the apps: %w", err)
	}
	var names []string
	for _, d := range list.Items {
		names = append(names, d.Name)
	}
	return names, nil
}

func (r *Reconciler) removeApps(ctx context.Context, s *scope, running []string) error {
	for _, name := range running {
		if slices.ContainsFunc(s.env.Spec.Apps, func(a v1alpha1.AppSpec) bool { return a.Name == name }) {
			continue
		}
		s.note("removing %s", name)
		key := types.NamespacedName{Namespace: s.env.Namespace, Name: name}
		for _, gvk := range []schema.GroupVersionKind{
			appsv1.SchemeGroupVersion.WithKind("Deployment"),
			corev1.SchemeGroupVersion.WithKind("Service"),
			{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
		} {
			if err := r.applier.remove(ctx, gvk, key); err != nil {
				return err
			}
		}
	}
	return nil
}
