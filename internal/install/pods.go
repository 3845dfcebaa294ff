package install

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/problem"
)

// PodState is one pod in a word.
type PodState struct {
	Name, State string
}

// Pods are the namespace's pods, in the order in which components need each other.
func (c *Client) Pods(ctx context.Context, namespace string) []PodState {
	var states []PodState
	for _, pod := range newDiagnosis(c, namespace).list(ctx) {
		state := pods.Waiting(&pod)
		switch {
		case state != "":
		case pods.IsReady(&pod):
			state = "ready"
		default:
			state = "not ready"
		}
		states = append(states, PodState{pod.Name, state})
	}
	return states
}

// Select gives the pods that a service's name means: a component, an app, one
// pod, or all for no name. patroni is another name for postgres.
func (c *Client) Select(ctx context.Context, namespace, service string) ([]corev1.Pod, error) {
	if service == naming.ServicePatroni {
		service = naming.Postgres
	}
	list, err := c.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of namespace %s: %w", namespace, err)
	}
	var found []corev1.Pod
	var known []string
	for _, pod := range list.Items {
		component := pod.Labels[naming.LabelComponent]
		if service == "" || component == service || pod.Name == service {
			found = append(found, pod)
		}
		if component != "" && !slices.Contains(known, component) {
			known = append(known, component)
		}
	}
	if len(found) == 0 && service != "" {
		slices.Sort(known)
		return nil, problem.New(problem.NoService, "there is no service or pod named %s in namespace %s", service, namespace).
			Do("Use one of %v, or the name of a pod", known)
	}
	return found, nil
}

// Services are the names that Select knows, for completion.
func (c *Client) Services(ctx context.Context, namespace string) []string {
	list, err := c.Select(ctx, namespace, "")
	if err != nil {
		return nil
	}
	var names []string
	for _, pod := range list {
		names = append(names, pod.Labels[naming.LabelComponent], pod.Name)
	}
	slices.Sort(names)
	return slices.Compact(slices.DeleteFunc(names, func(n string) bool { return n == "" }))
}

// IsApp tells whether the pod belongs to a Deployment.
func IsApp(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && owner.Kind == "ReplicaSet"
}

// Replace evicts a member and returns once its successor is ready. Eviction
// waits while the component cannot spare a member.
func (c *Client) Replace(ctx context.Context, pod *corev1.Pod) error {
	eviction := &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}},
	}
	for {
		err := c.Kube.PolicyV1().Evictions(pod.Namespace).Evict(ctx, eviction)
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			break
		}
		if !apierrors.IsTooManyRequests(err) {
			return fmt.Errorf("restarting %s: %w", pod.Name, err)
		}
		if err := pause(ctx, time.Second); err != nil {
			return problem.New(problem.EnvironmentTimeout, "%s cannot be spared: another member of its component is down", pod.Name)
		}
	}
	for {
		now, err := c.Kube.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err == nil && now.UID != pod.UID && pods.IsReady(now) {
			return nil
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			what := "its successor is not there yet"
			if now != nil {
				what = pods.Waiting(now)
			}
			return problem.New(problem.EnvironmentTimeout, "%s is not ready again: %s", pod.Name, what)
		}
	}
}

// Roll restarts the pods of a Deployment, a new one before each old one, and
// returns once all are new.
func (c *Client) Roll(ctx context.Context, namespace, name string) error {
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
	deployments := c.Kube.AppsV1().Deployments(namespace)
	if _, err := deployments.Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: FieldOwner}); err != nil {
		return fmt.Errorf("restarting %s: %w", name, err)
	}
	for {
		d, err := deployments.Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			want := int32(1)
			if d.Spec.Replicas != nil {
				want = *d.Spec.Replicas
			}
			s := d.Status
			if s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == want && s.AvailableReplicas == want && s.Replicas == want {
				return nil
			}
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return problem.New(problem.EnvironmentTimeout, "%s is not ready again", name)
		}
	}
}
