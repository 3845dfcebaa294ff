// Package attackrun makes the attempts of the attack matrix on a cluster: from a
// pod of each caller, from inside a member, and from this machine.
package attackrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/paws360/pawskind/internal/attack"
	"github.com/paws360/pawskind/internal/naming"
)

const (
	// strangers is the namespace of the callers from elsewhere.
	strangers = attack.Name
	patience  = 3 * time.Minute
	look      = 300 * time.Millisecond
)

// Target is the environment that is tried.
type Target struct {
	Kube      kubernetes.Interface
	Namespace string
	// Operator is the operator's namespace.
	Operator string
	// Image is the manager's.
	Image string
	// Member is the PostgreSQL member whose network is the infra caller's.
	Member string
	// Host are the published addresses by the port that they lead to.
	Host map[int32]string
	// RedisTLS tells how Redis is spoken to.
	RedisTLS bool
}

// Run tries all cells of the matrix and says what became of each.
func Run(ctx context.Context, t Target) ([]attack.Cell, error) {
	cells := attack.Cells(t.RedisTLS)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var results []attack.Cell
	var failed error
	for _, caller := range attack.Callers() {
		mine := t.addressed(attack.Of(cells, caller))
		if len(mine) == 0 {
			continue
		}
		done, err := t.from(ctx, caller, mine)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("trying from %s: %w", caller, err))
		}
		results = append(results, done...)
	}
	if failed == nil && len(results) != len(cells) {
		failed = fmt.Errorf("%d of %d attempts were answered for", len(results), len(cells))
	}
	return results, failed
}

func (t Target) from(ctx context.Context, caller attack.Caller, cells []attack.Cell) ([]attack.Cell, error) {
	switch caller {
	case attack.FromHost:
		return attack.Try(ctx, cells), nil
	case attack.FromInfra:
		return t.fromInside(ctx, cells)
	case attack.FromOther:
		if err := t.makeNamespace(ctx); err != nil {
			return nil, err
		}
		done, err := t.fromPod(ctx, caller, strangers, cells)
		return done, errors.Join(err, t.removeNamespace(ctx))
	default:
		return t.fromPod(ctx, caller, t.Namespace, cells)
	}
}

// addressed says where each port is found: at one member, or behind a Service.
func (t Target) addressed(cells []attack.Cell) []attack.Cell {
	for i, c := range cells {
		host := fmt.Sprintf("%s.%s.svc", c.Service, t.Namespace)
		switch c.Service {
		case naming.Etcd, naming.Postgres, naming.Redis, naming.Sentinel:
			host = naming.MemberHost(t.Namespace, c.Service, 1)
		case "manager metrics":
			host = fmt.Sprintf("pawskind-manager.%s.svc", t.Operator)
		}
		cells[i].Address = fmt.Sprintf("%s:%d", host, c.Port)
		if c.Caller == attack.FromHost {
			cells[i].Address = t.Host[c.Port]
		}
	}
	return cells
}

func (t Target) fromPod(ctx context.Context, caller attack.Caller, namespace string, cells []attack.Cell) ([]attack.Cell, error) {
	pod, err := attack.Pod(caller, namespace, t.Image, cells)
	if err != nil {
		return nil, err
	}
	api := t.Kube.CoreV1().Pods(namespace)
	made, err := api.Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("starting the caller's pod: %w", err)
	}
	defer func() {
		_ = api.Delete(context.WithoutCancel(ctx), made.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)})
	}()
	return t.answers(ctx, namespace, made.Name, pod.Spec.Containers[0].Name)
}

func (t Target) fromInside(ctx context.Context, cells []attack.Cell) ([]attack.Cell, error) {
	api := t.Kube.CoreV1().Pods(t.Namespace)
	pod, err := api.Get(ctx, t.Member, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("finding the member %s: %w", t.Member, err)
	}
	name := fmt.Sprintf("attack-%d", len(pod.Spec.EphemeralContainers))
	container, err := attack.Inside(name, t.Image, cells)
	if err != nil {
		return nil, err
	}
	pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, container)
	if _, err := api.UpdateEphemeralContainers(ctx, t.Member, pod, metav1.UpdateOptions{}); err != nil {
		return nil, fmt.Errorf("starting a container in %s: %w", t.Member, err)
	}
	return t.answers(ctx, t.Namespace, t.Member, name)
}

// answers waits for a container's end and reads what it has found.
func (t Target) answers(ctx context.Context, namespace, pod, container string) ([]attack.Cell, error) {
	api := t.Kube.CoreV1().Pods(namespace)
	err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		live, err := api.Get(ctx, pod, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return ended(live, container)
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for the attempts of %s: %w", pod, err)
	}
	logs, err := api.GetLogs(pod, &corev1.PodLogOptions{Container: container}).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the answers of %s: %w", pod, err)
	}
	var cells []attack.Cell
	if err := json.Unmarshal(logs, &cells); err != nil {
		return nil, fmt.Errorf("reading the answers of %s: %w: %s", pod, err, logs)
	}
	return cells, nil
}

func ended(pod *corev1.Pod, container string) (bool, error) {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses} {
		for _, s := range list {
			if s.Name != container || s.State.Terminated == nil {
				continue
			}
			if code := s.State.Terminated.ExitCode; code != 0 {
				return false, fmt.Errorf("it ended with status %d", code)
			}
			return true, nil
		}
	}
	return false, nil
}

func (t Target) makeNamespace(ctx context.Context) error {
	_, err := t.Kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: strangers, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making the namespace %s: %w", strangers, err)
	}
	return nil
}

func (t Target) removeNamespace(ctx context.Context) error {
	err := t.Kube.CoreV1().Namespaces().Delete(context.WithoutCancel(ctx), strangers, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("removing the namespace %s: %w", strangers, err)
	}
	return nil
}
