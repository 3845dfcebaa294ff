package install

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/pki"
)

// RenewCertificates asks the operator to make the certificates anew.
func (c *Client) RenewCertificates(ctx context.Context, env *v1alpha1.PawsEnvironment, names []string) error {
	// The annotation has whole seconds, and asks for what was made before them.
	asked := pki.Ask(env.Annotations[v1alpha1.AnnotationRenew], names, time.Now().Truncate(time.Second).Add(time.Second))
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{v1alpha1.AnnotationRenew: asked}}})
	if err != nil {
		return fmt.Errorf("asking for certificates: %w", err)
	}
	return c.PatchEnvironment(ctx, env.Namespace, env.Name, string(patch))
}
