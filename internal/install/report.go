package install

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/problem"
)

var environments = schema.GroupVersionResource{
	Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "pawsenvironments",
}

// reportTimeout bounds one look: the probes' own bound and a little for the way.
const reportTimeout = 8 * time.Second

// Environment reads the environment.
func (c *Client) Environment(ctx context.Context, namespace, name string) (*v1alpha1.PawsEnvironment, error) {
	u, err := c.dynamic.Resource(environments).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, problem.New(problem.EnvironmentMissing, "there is no environment %s in namespace %s", name, namespace)
	}
	if err != nil {
		return nil, problem.New(problem.APIUnreachable, "the environment cannot be read").Because(err)
	}
	env := &v1alpha1.PawsEnvironment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, env); err != nil {
		return nil, fmt.Errorf("reading environment %s: %w", name, err)
	}
	return env, nil
}

// Report has the operator look at every member now.
func (c *Client) Report(ctx context.Context, namespace, name string) (*health.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	body, err := c.operatorGet(ctx, fmt.Sprintf("v1/namespaces/%s/environments/%s/health", namespace, name))
	if err != nil {
		return nil, problem.New(problem.OperatorUnreachable, "the operator does not answer, so health cannot be judged").Because(err)
	}
	report := &health.Report{}
	if err := json.Unmarshal(body, report); err != nil {
		return nil, problem.New(problem.OperatorUnreachable, "the operator's answer cannot be read").Because(err)
	}
	return report, nil
}

// OperatorVersion asks the operator for its version.
func (c *Client) OperatorVersion(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	body, err := c.operatorGet(ctx, "v1/version")
	if err != nil {
		return "", err
	}
	var answer struct{ Version string }
	return answer.Version, json.Unmarshal(body, &answer)
}

// operatorGet goes through the API server's service proxy.
func (c *Client) operatorGet(ctx context.Context, path string) ([]byte, error) {
	return c.Kube.CoreV1().Services(OperatorNamespace).
		ProxyGet("http", OperatorName, "8082", path, nil).DoRaw(ctx)
}
