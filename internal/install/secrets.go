package install

import (
	"context"
	"encoding/base64"
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
)

// ApplySecrets says what the environment's secrets shall be, and what those of
// previous were before. It returns the version that the status will name.
func (c *Client) ApplySecrets(ctx context.Context, env *v1alpha1.PawsEnvironment, secrets, previous map[string]string) (string, error) {
	object := secretObject(env, secrets, previous)
	resource, err := c.resource(object)
	if err != nil {
		return "", problem.New(problem.APIUnreachable, "the secrets cannot be written").Because(err)
	}
	written, err := resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: FieldOwner, Force: true})
	switch {
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err):
		return "", refused(object, err)
	case err != nil:
		return "", problem.New(problem.APIUnreachable, "the secrets cannot be written").Because(err)
	}
	// The operator watches no Secrets: this has it look now.
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{
		v1alpha1.AnnotationSecrets: written.GetResourceVersion(),
	}}})
	if err != nil {
		return "", err
	}
	return written.GetResourceVersion(), c.PatchEnvironment(ctx, env.Namespace, env.Name, string(patch))
}

// FollowSecrets has the kubelet bring a pod the secrets in force now, and not
// within a minute or two.
func (c *Client) FollowSecrets(ctx context.Context, namespace, pod, phase string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{v1alpha1.AnnotationSecrets: phase}}})
	if err != nil {
		return err
	}
	_, err = c.Kube.CoreV1().Pods(namespace).Patch(ctx, pod, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

func secretName(env *v1alpha1.PawsEnvironment) string {
	if env.Spec.SecretsRef.Name != "" {
		return env.Spec.SecretsRef.Name
	}
	return SecretName
}

// secretObject is the Secret that says what the secrets shall be.
func secretObject(env *v1alpha1.PawsEnvironment, secrets, previous map[string]string) *unstructured.Unstructured {
	data := make(map[string]any, len(secrets))
	for _, key := range naming.RequiredKeys() {
		data[key] = base64.StdEncoding.EncodeToString([]byte(secrets[key]))
	}
	for key, value := range previous {
		data[key+naming.SuffixPrevious] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	return object("v1", "Secret", env.Namespace, secretName(env), map[string]any{"type": "Opaque", "data": data})
}
