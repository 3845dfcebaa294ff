// Command netd is the pod network of a node image that was built without a
// registry. It does what kind's kindnetd does, with the same environment: it
// writes the node's CNI configuration, keeps a route to every other node's pods,
// masquerades what leaves the cluster, and enforces NetworkPolicies.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/paws360/pawskind/hack/nodeimage/netd/join"
)

const (
	confFile = "/etc/cni/net.d/10-kindnet.conflist"
	// resync is how soon what failed is tried again.
	resync = 30 * time.Second
)

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
	if err := command(ctx, masquerade(os.Getenv("POD_SUBNET")), "nft", "-f", "-"); err != nil {
		return fmt.Errorf("masquerading: %w", err)
	}
	n := node{ip: os.Getenv("HOST_IP"), routes: map[string][]route{}}
	n.mtu = mtuOf(n.ip)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithCustomResyncConfig(map[metav1.Object]time.Duration{&corev1.Node{}: resync}),
		informers.WithTransform(slim))
	_, err = factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { n.seen(ctx, o.(*corev1.Node)) },
		UpdateFunc: func(_, o any) { n.seen(ctx, o.(*corev1.Node)) },
		DeleteFunc: func(o any) { n.gone(ctx, o) },
	})
	if err != nil {
		return fmt.Errorf("watching nodes: %w", err)
	}
	e := newEnforcer(os.Getenv("NODE_NAME"))
	if err := e.watch(factory); err != nil {
		return fmt.Errorf("watching network policies: %w", err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go e.run(ctx)
	e.changed()
	return join.Serve(ctx, join.Socket, e.joins)
}

// slim drops what is large and that nobody here reads.
func slim(object any) (any, error) {
	if m, ok := object.(metav1.Object); ok {
		m.SetManagedFields(nil)
	}
	return object, nil
}

// node is the node this runs on, and what it has told its kernel of the others.
type node struct {
	ip     string
	mtu    int
	routes map[string][]route // by the other node's name
}

// seen brings this node's CNI configuration, or the routes to another node, in
// line with what the API says.
func (n *node) seen(ctx context.Context, other *corev1.Node) {
	cidrs := podCIDRs(other)
	if len(cidrs) == 0 {
		return
	}
	if hasAddress(other, n.ip) {
		if err := writeIfChanged(confFile, conflist(cidrs, n.mtu)); err != nil {
			slog.Error("the CNI configuration is not written", "error", err)
		}
		return
	}
	wanted := routes(other)
	for _, r := range stale(n.routes[other.Name], wanted) {
		n.unroute(ctx, other.Name, r)
	}
	for _, r := range wanted {
		if err := command(ctx, nil, "ip", "route", "replace", r.cidr, "via", r.via); err != nil {
			slog.Error("no route to a node's pods", "node", other.Name, "route", r, "error", err)
		}
	}
	n.routes[other.Name] = wanted
}

func (n *node) gone(ctx context.Context, object any) {
	if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	other, ok := object.(*corev1.Node)
	if !ok || hasAddress(other, n.ip) {
		return
	}
	for _, r := range n.routes[other.Name] {
		n.unroute(ctx, other.Name, r)
	}
	delete(n.routes, other.Name)
}

func (n *node) unroute(ctx context.Context, name string, r route) {
	if err := command(ctx, nil, "ip", "route", "delete", r.cidr, "via", r.via); err != nil {
		slog.Warn("an old route stays", "node", name, "route", r, "error", err)
	}
}

// mtuOf is the MTU of the interface that has the address; pods get the same.
func mtuOf(ip string) int {
	const usual = 1500
	interfaces, err := net.Interfaces()
	if err != nil {
		return usual
	}
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addresses {
			if network, ok := a.(*net.IPNet); ok && network.IP.String() == ip {
				return i.MTU
			}
		}
	}
	return usual
}

// writeIfChanged replaces a file in one step: containerd watches the folder.
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

func command(ctx context.Context, input []byte, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin = bytes.NewReader(input)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", c, err, bytes.TrimSpace(out))
	}
	return nil
}
