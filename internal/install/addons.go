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

// fairShare promises a container of a DaemonSet a share of the processors.
const fairShare = `{"spec":{"template":{"spec":{"containers":[{"name":%q,"resources":{"requests":{"cpu":%q}}}]}}}}`

// fairShares are those of the cluster's own network. Kubeadm promises kube-proxy
// none, and the kernel then gives it next to nothing just when a failover keeps
// all processors busy: the Services followed seconds late. What it is promised is
// taken from kindnet, which has next to nothing to do once pods have addresses:
// five members of each have no more room on two processors.
var fairShares = []struct{ daemonSet, container, cpu string }{
	{"kindnet", "kindnet-cni", "20m"},
	{"kube-proxy", "kube-proxy", "100m"},
}

// SetUpAddons changes the name servers and the network once kubeadm and kind have
// made them, which they do last of all. host is the control plane node's name.
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
	for _, share := range fairShares {
		err := onceMade(ctx, func() error {
			patch := fmt.Appendf(nil, fairShare, share.container, share.cpu)
			_, err := apps.DaemonSets("kube-system").Patch(ctx, share.daemonSet, types.StrategicMergePatchType, patch, options)
			return err
		})
		if err != nil {
			return fmt.Errorf("setting up %s: %w", share.daemonSet, err)
		}
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
