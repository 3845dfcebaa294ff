package faultwatch

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/paws360/pawskind/api/v1alpha1"
	ac "github.com/paws360/pawskind/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/paws360/pawskind/internal/agent"
)

// Holder does the faults on the node: exactly those that it is given.
type Holder interface {
	Reconcile(ctx context.Context, want []agent.Fault) []agent.Status
}

// Watcher reconciles the node: all environments at once.
type Watcher struct {
	client.Client
	Node   string
	Holder Holder
	// Now is the clock.
	Now func() time.Time
}

// heldInterval is how often faults that hold are looked after.
const heldInterval = time.Second

// SetupWithManager registers the watch. All environments are one request: the
// node holds all faults or none.
func (w *Watcher) SetupWithManager(mgr ctrl.Manager) error {
	one := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
	return ctrl.NewControllerManagedBy(mgr).Named("faults").
		Watches(&v1alpha1.PawsEnvironment{}, one).
		Complete(w)
}

// Reconcile holds what is declared, undoes what is not, and reports.
func (w *Watcher) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	list := &v1alpha1.PawsEnvironmentList{}
	if err := w.List(ctx, list); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing environments: %w", err)
	}
	want := Want(list.Items, w.Node, w.Now())
	held := w.Holder.Reconcile(ctx, want)
	var failed error
	for i := range list.Items {
		failed = errors.Join(failed, w.report(ctx, &list.Items[i], held))
	}
	if failed != nil || len(held) > 0 {
		return ctrl.Result{RequeueAfter: heldInterval}, failed
	}
	return ctrl.Result{}, nil
}

// report writes the node's part of an environment's status when it changed.
func (w *Watcher) report(ctx context.Context, env *v1alpha1.PawsEnvironment, held []agent.Status) error {
	faults := faultsOf(env, held)
	if reflect.DeepEqual(plain(w.reported(env)), plain(faults)) {
		return nil
	}
	status := ac.PawsEnvironmentStatus()
	if len(faults) > 0 {
		node := ac.AgentStatus().WithNode(w.Node)
		for _, f := range faults {
			node.WithFaults(ac.AgentFault().WithID(f.ID).WithState(f.State).WithMessage(f.Message).WithSince(f.Since))
		}
		status.WithAgents(node)
	}
	config := ac.PawsEnvironment(env.Name, env.Namespace).WithStatus(status)
	err := w.Status().Apply(ctx, config, client.FieldOwner("pawskind-agent-"+w.Node), client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reporting the faults of %s/%s: %w", env.Namespace, env.Name, err)
	}
	return nil
}

func (w *Watcher) reported(env *v1alpha1.PawsEnvironment) []v1alpha1.AgentFault {
	for _, a := range env.Status.Agents {
		if a.Node == w.Node {
			return a.Faults
		}
	}
	return nil
}

// faultsOf picks what concerns the environment.
func faultsOf(env *v1alpha1.PawsEnvironment, held []agent.Status) []v1alpha1.AgentFault {
	var faults []v1alpha1.AgentFault
	for _, s := range held {
		name, found := strings.CutPrefix(s.ID, prefix(env))
		if !found {
			continue
		}
		faults = append(faults, v1alpha1.AgentFault{
			ID: name, State: v1alpha1.FaultState(s.State), Message: s.Message, Since: metav1.NewMicroTime(s.Since.Truncate(time.Microsecond)),
		})
	}
	slices.SortFunc(faults, func(a, b v1alpha1.AgentFault) int { return strings.Compare(a.ID, b.ID) })
	return faults
}

// plain leaves out times, which an API server stores in its own precision.
func plain(faults []v1alpha1.AgentFault) []v1alpha1.AgentFault {
	list := make([]v1alpha1.AgentFault, len(faults))
	for i, f := range faults {
		f.Since = metav1.MicroTime{}
		list[i] = f
	}
	return list
}
