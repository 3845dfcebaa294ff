// Command bare times kind alone: bare NAME IMAGE KUBECONFIG creates a cluster as
// pawskind configures it, prints the seconds, and deletes it.
package main

import (
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/kind/pkg/cluster"

	"github.com/paws360/pawskind/internal/nodeimage"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(name, image, kubeconfig string) error {
	provider := cluster.NewProvider()
	_ = provider.Delete(name, kubeconfig)
	kubeadm, containerd := nodeimage.KindPatches()
	start := time.Now()
	err := provider.Create(name,
		cluster.CreateWithNodeImage(image),
		cluster.CreateWithKubeconfigPath(kubeconfig),
		cluster.CreateWithWaitForReady(time.Minute),
		cluster.CreateWithV1Alpha4Config(&v1alpha4.Cluster{KubeadmConfigPatches: kubeadm, ContainerdConfigPatches: containerd}),
	)
	took := time.Since(start)
	if err != nil {
		return err
	}
	fmt.Printf("%.2f\n", took.Seconds())
	return provider.Delete(name, kubeconfig)
}
