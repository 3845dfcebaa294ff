// Command agent does and undoes faults inside the pods of one node. It is the
// only privileged part of pawskind, and runs on local clusters alone.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/agent"
	"github.com/paws360/pawskind/internal/faultwatch"
)

func main() {
	if agent.Hog(os.Args) { // the agent's own helper process
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func run() error {
	state := flag.String("state-dir", "/var/lib/pawskind-agent", "folder on the node for what a restarted agent must know")
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))

	node := os.Getenv("NODE_NAME")
	if node == "" {
		return fmt.Errorf("NODE_NAME is not set: the agent does not know its node")
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(ctrl.GetConfigOrDie(), manager.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
	})
	if err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	watcher := &faultwatch.Watcher{
		Client: mgr.GetClient(), Node: node, Now: time.Now,
		Holder: &agent.Node{Proc: "/proc", Cgroup: "/sys/fs/cgroup", StateDir: *state},
	}
	if err := watcher.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the watch: %w", err)
	}
	return mgr.Start(ctrl.SetupSignalHandler())
}
