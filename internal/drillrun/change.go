package drillrun

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
)

// specChange is a field of the spec that a drill gives another value, and two
// values that are as good as what it has; an image has another spelling instead.
type specChange struct {
	path   []string
	values [2]string
}

// specChanges are the acts that change a field. The setting of PostgreSQL is one
// that it takes up only when it starts.
var specChanges = map[drill.Act]specChange{
	drill.ActParameter: {[]string{"postgres", "parameters", "max_files_per_process"}, [2]string{"1100", "1200"}},
	drill.ActRollRedis: {[]string{"redis", "resources", "requests", "cpu"}, [2]string{"21m", "22m"}},
	drill.ActImage:     {path: []string{"postgres", "image"}},
}

// changeSpec gives the field another value than it has.
func (r *Runner) changeSpec(ctx context.Context, act drill.Act) error {
	env, err := r.Client.Environment(ctx, r.Env.Namespace, r.Env.Name)
	if err != nil {
		return err
	}
	change := specChanges[act]
	if act == drill.ActImage {
		image, err := r.image(ctx)
		if err != nil {
			return err
		}
		return r.setField(ctx, change.path, respelt(image))
	}
	value := change.values[0]
	if now, _, err := field(env, change.path); err != nil || now == value {
		value = change.values[1]
	}
	return r.setField(ctx, change.path, value)
}

// restoreSpec gives the spec what it had before a drill changed it for good.
func (r *Runner) restoreSpec(ctx context.Context, s drill.Scenario) error {
	change, changes := specChanges[s.Act]
	if !changes {
		return nil
	}
	before, set, err := field(r.Env, change.path)
	if err != nil {
		return err
	}
	if !set {
		return r.setField(ctx, change.path, nil)
	}
	return r.setField(ctx, change.path, before)
}

// field is the spec's value at the path.
func field(env *v1alpha1.PawsEnvironment, path []string) (any, bool, error) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(env)
	if err != nil {
		return nil, false, fmt.Errorf("reading the spec: %w", err)
	}
	return unstructured.NestedFieldNoCopy(object, append([]string{"spec"}, path...)...)
}

func (r *Runner) setField(ctx context.Context, path []string, value any) error {
	for _, name := range slices.Backward(append([]string{"spec"}, path...)) {
		value = map[string]any{name: value}
	}
	patch, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("changing the spec: %w", err)
	}
	return r.Client.PatchEnvironment(ctx, r.Env.Namespace, r.Env.Name, string(patch))
}

// image is what PostgreSQL runs, whether the spec names it or not.
func (r *Runner) image(ctx context.Context) (string, error) {
	name := naming.StatefulSet(naming.Postgres)
	set, err := r.Client.Kube.AppsV1().StatefulSets(r.Env.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("reading the image of %s: %w", name, err)
	}
	return set.Spec.Template.Spec.Containers[0].Image, nil
}

// respelt is another name of the same image: to Kubernetes it is another one, and
// no node needs to fetch it. It is the same for a registry that has one name.
func respelt(image string) string {
	const registry = "docker.io/"
	if short, long := strings.CutPrefix(image, registry); long {
		return short
	}
	if first, _, many := strings.Cut(image, "/"); many && (first == "localhost" || strings.ContainsAny(first, ".:")) {
		return image
	}
	return registry + image
}

// renewCertificates has every certificate but the CA's made anew.
func (r *Runner) renewCertificates(ctx context.Context) error {
	env, err := r.Client.Environment(ctx, r.Env.Namespace, r.Env.Name)
	if err != nil {
		return err
	}
	before := map[string]string{}
	var names []string
	for _, c := range env.Status.Certificates {
		if c.Name != pki.CA && c.SuppliedBy == "" {
			names = append(names, c.Name)
			before[c.Name] = c.Fingerprint
		}
	}
	if err := r.Client.RenewCertificates(ctx, env, names); err != nil {
		return err
	}
	_, err = r.Client.AwaitFaults(ctx, env.Namespace, env.Name, func(e *v1alpha1.PawsEnvironment) bool {
		return !slices.ContainsFunc(e.Status.Certificates, func(c v1alpha1.CertificateStatus) bool { return before[c.Name] == c.Fingerprint })
	})
	if err != nil {
		return fmt.Errorf("waiting for the new certificates: %w", err)
	}
	return nil
}
