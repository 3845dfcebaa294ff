// Command netd is the pod network of a node image that was built without a
// registry. It stands where kind's manifest runs kindnetd, under the same name
// and with the same environment: it writes the node's CNI configuration, keeps
// a route to every other node's pods, and masquerades what leaves the cluster.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const confFile = "/etc/cni/net.d/10-kindnet.conflist"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("netd ends", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("reading the service account: %w", err)
	}
	// kube-proxy may not have programmed the Service address yet; the control
	// plane's own address is told by kind.
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); endpoint != "" {
		config.Host = "https://" + endpoint
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connecting to the API server: %w", err)
	}
	if err := apply(ctx, masquerade(os.Getenv("POD_SUBNET")), "nft", "-f", "-"); err != nil {
		return fmt.Errorf("masquerading: %w", err)
	}
	hostIP := os.Getenv("HOST_IP")
	factory := informers.NewSharedInformerFactory(client, 10*time.Minute)
	_, err = factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { sync(ctx, hostIP, o.(*corev1.Node)) },
		UpdateFunc: func(_, o any) { sync(ctx, hostIP, o.(*corev1.Node)) },
		DeleteFunc: func(o any) { forget(ctx, hostIP, o) },
	})
	if err != nil {
		return fmt.Errorf("watching nodes: %w", err)
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	return nil
}

// sync brings this node's CNI configuration, or the route to another node, in line.
func sync(ctx context.Context, hostIP string, node *corev1.Node) {
	address := internalIP(node)
	if address == "" || node.Spec.PodCIDR == "" {
		return
	}
	var err error
	if address == hostIP {
		err = writeIfChanged(confFile, conflist(node.Spec.PodCIDR))
	} else {
		err = apply(ctx, nil, "ip", "route", "replace", node.Spec.PodCIDR, "via", address)
	}
	if err != nil {
		slog.Error("node not synced; it is tried again at the next resync", "node", node.Name, "error", err)
	}
}

func forget(ctx context.Context, hostIP string, object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	node, ok := object.(*corev1.Node)
	if !ok || internalIP(node) == hostIP || node.Spec.PodCIDR == "" {
		return
	}
	if err := apply(ctx, nil, "ip", "route", "delete", node.Spec.PodCIDR); err != nil {
		slog.Warn("route of a removed node stays", "node", node.Name, "error", err)
	}
}

func internalIP(node *corev1.Node) string {
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return ""
}

// conflist is the CNI configuration of a node with that range of pod addresses.
func conflist(podCIDR string) []byte {
	return fmt.Appendf(nil, `{
  "cniVersion": "0.4.0",
  "name": "kindnet",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "mtu": 1500,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "routes": [{"dst": "0.0.0.0/0"}],
        "ranges": [[{"subnet": %q}]]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`, podCIDR)
}

// masquerade is the nftables ruleset that hides pods behind their node when
// they talk to anything but pods. It replaces itself atomically.
func masquerade(podSubnet string) []byte {
	return fmt.Appendf(nil, `table ip kindnet
delete table ip kindnet
table ip kindnet {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr %[1]s ip daddr != %[1]s ip daddr != 224.0.0.0/4 masquerade
  }
}
`, podSubnet)
}

func writeIfChanged(file string, content []byte) error {
	if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, content) {
		return nil
	}
	temporary := filepath.Join(filepath.Dir(file), ".netd.tmp")
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}

func apply(ctx context.Context, input []byte, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Stdin = bytes.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, bytes.TrimSpace(out))
	}
	return nil
}
