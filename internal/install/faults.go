package install

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/problem"
)

// AddFault declares a fault.
func (c *Client) AddFault(ctx context.Context, namespace, name string, fault v1alpha1.FaultSpec) error {
	return c.editFaults(ctx, namespace, name, func(faults []v1alpha1.FaultSpec) []v1alpha1.FaultSpec {
		return append(faults, fault)
	})
}

// RemoveFaults takes back the declared faults of those names, or all for none,
// and returns the names of those it took back.
func (c *Client) RemoveFaults(ctx context.Context, namespace, name string, names []string) ([]string, error) {
	var removed []string
	err := c.editFaults(ctx, namespace, name, func(faults []v1alpha1.FaultSpec) []v1alpha1.FaultSpec {
		removed = nil
		return slices.DeleteFunc(faults, func(f v1alpha1.FaultSpec) bool {
			gone := len(names) == 0 || slices.Contains(names, f.Name)
			if gone {
				removed = append(removed, f.Name)
			}
			return gone
		})
	})
	return removed, err
}

// editFaults changes spec.chaos and nothing else, whatever else changes meanwhile.
func (c *Client) editFaults(ctx context.Context, namespace, name string, edit func([]v1alpha1.FaultSpec) []v1alpha1.FaultSpec) error {
	client := c.dynamic.Resource(environments).Namespace(namespace)
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		u, err := client.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		env := &v1alpha1.PawsEnvironment{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, env); err != nil {
			return fmt.Errorf("reading environment %s: %w", name, err)
		}
		if err := setFaults(u, edit(env.Spec.Chaos)); err != nil {
			return err
		}
		_, err = client.Update(ctx, u, metav1.UpdateOptions{FieldManager: "pawskind-chaos"})
		return err
	})
	switch {
	case err == nil:
		return nil
	case apierrors.IsInvalid(err):
		return problem.New(problem.FaultInvalid, "the fault is refused: %s", err)
	case apierrors.IsNotFound(err):
		return problem.New(problem.EnvironmentMissing, "there is no environment %s in namespace %s", name, namespace)
	}
	return problem.New(problem.APIUnreachable, "the environment cannot be changed").Because(err)
}

// PatchEnvironment merges a JSON patch into the environment.
func (c *Client) PatchEnvironment(ctx context.Context, namespace, name, patch string) error {
	_, err := c.dynamic.Resource(environments).Namespace(namespace).
		Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "pawskind"})
	if err != nil {
		return problem.New(problem.APIUnreachable, "the environment cannot be changed").Because(err)
	}
	return nil
}

func setFaults(u *unstructured.Unstructured, faults []v1alpha1.FaultSpec) error {
	if len(faults) == 0 {
		unstructured.RemoveNestedField(u.Object, "spec", "chaos")
		return nil
	}
	list := make([]any, len(faults))
	for i := range faults {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&faults[i])
		if err != nil {
			return fmt.Errorf("writing fault %s: %w", faults[i].Name, err)
		}
		list[i] = fields
	}
	return unstructured.SetNestedSlice(u.Object, list, "spec", "chaos")
}

const faultPoll = 150 * time.Millisecond

// AwaitFaults looks at the faults' states until done says so, or the context ends.
func (c *Client) AwaitFaults(ctx context.Context, namespace, name string, done func(*v1alpha1.PawsEnvironment) bool) (*v1alpha1.PawsEnvironment, error) {
	for {
		env, err := c.Environment(ctx, namespace, name)
		if err == nil && done(env) {
			return env, nil
		}
		select {
		case <-ctx.Done():
			return env, ctx.Err()
		case <-time.After(faultPoll):
		}
	}
}
