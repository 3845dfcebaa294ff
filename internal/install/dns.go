package install

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// quickDNS has the cluster's name servers looked at each second instead of every
// ten, which is how long every member would wait for a name to resolve. They
// find the API by the node's name, which the engine resolves: through the
// Service they would fail until kube-proxy runs, and then wait out a back-off.
// One name server is enough for one node.
const quickDNS = `{"spec":{"replicas":%d,"template":{"spec":{"containers":[{"name":"coredns","readinessProbe":{"periodSeconds":1},
"env":[{"name":"KUBERNETES_SERVICE_HOST","value":%q},{"name":"KUBERNETES_SERVICE_PORT","value":"6443"}]}]}}}}`

// SpeedUpDNS sets up the name servers once kubeadm has made them, which it does
// last of all. host is the control plane node's name.
func (c *Client) SpeedUpDNS(ctx context.Context, nodes int, host string) error {
	patch := fmt.Appendf(nil, quickDNS, min(nodes, 2), host)
	deployments := c.Kube.AppsV1().Deployments("kube-system")
	for {
		_, err := deployments.Patch(ctx, "coredns", types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: FieldOwner})
		if err == nil {
			return nil
		}
		if !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
			return fmt.Errorf("setting up the cluster's name servers: %w", err)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
