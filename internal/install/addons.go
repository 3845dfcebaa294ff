package install

import (
	"context"
	"errors"
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

// fairProxy promises kube-proxy a share of the processors. Kubeadm promises it
// none, and the kernel then gives it next to nothing just when a failover keeps
// all processors busy: the Services followed seconds late. More would leave no
// room for five members of each on two processors.
const fairProxy = `{"spec":{"template":{"spec":{"containers":[{"name":"kube-proxy","resources":{"requests":{"cpu":"40m"}}}]}}}}`

// SetUpAddons changes name servers and kube-proxy once kubeadm has made them,
// which it does last of all. host is the control plane node's name.
func (c *Client) SetUpAddons(ctx context.Context, nodes int, host string) error {
	options, apps := metav1.PatchOptions{FieldManager: FieldOwner}, c.Kube.AppsV1()
	err := onceMade(ctx, func() error {
		patch := fmt.Appendf(nil, quickDNS, min(nodes, 2), host)
		_, err := apps.Deployments("kube-system").Patch(ctx, "coredns", types.StrategicMergePatchType, patch, options)
		return err
	})
	if err != nil {
		return fmt.Errorf("setting up the cluster's name servers: %w", err)
	}
	err = onceMade(ctx, func() error {
		_, err := apps.DaemonSets("kube-system").Patch(ctx, "kube-proxy", types.StrategicMergePatchType, []byte(fairProxy), options)
		return err
	})
	if err != nil {
		return fmt.Errorf("setting up kube-proxy: %w", err)
	}
	return nil
}

// onceMade tries until what is to be changed is there, and may be changed.
func onceMade(ctx context.Context, change func() error) error {
	for {
		err := change()
		if !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
			return err
		}
		if pausing := pause(ctx, 100*time.Millisecond); pausing != nil {
			return errors.Join(pausing, err)
		}
	}
}
