// Command manager is the operator: it reconciles PawsEnvironments.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/controllers"
	"github.com/paws360/pawskind/internal/attack"
	"github.com/paws360/pawskind/internal/drillclient"
	"github.com/paws360/pawskind/internal/observer"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/queryapi"
)

// version is set by the build.
var version = "dev"

func main() {
	work := run
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "clients":
			work = serveClients
		case "attack":
			work = tryAttacks
		}
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

// serveClients is the program's other life, in an environment's namespace and
// without any rights: the clients of a drill.
func serveClients() error {
	server := &drillclient.Server{Secrets: drillclient.Files(pods.SecretsDir)}
	return (&http.Server{
		Addr: fmt.Sprintf(":%d", drillclient.Port), Handler: server.Handler(), ReadHeaderTimeout: 5 * time.Second,
	}).ListenAndServe()
}

// tryAttacks is another life of the program: it makes the attempts that it is
// told to make, from wherever its pod is.
func tryAttacks() error {
	return attack.Run(context.Background(), os.Getenv(attack.CellsVariable), os.Stdout)
}

func run() error {
	metrics := flag.String("metrics-bind-address", ":8443", "address of the Prometheus metrics; 0 serves none")
	secure := flag.Bool("metrics-secure", true, "serve metrics over TLS to authenticated, authorized callers only")
	probes := flag.String("health-probe-bind-address", ":8081", "address of the manager's own health")
	api := flag.String("api-bind-address", fmt.Sprintf(":%d", queryapi.Port), "address of the query API")
	elect := flag.Bool("leader-elect", true, "let one of several managers act at a time")
	namespace := flag.String("leader-election-namespace", "", "namespace of the leader election; the manager's own when empty")
	local := flag.Bool("local", false, "mark the cluster as local: declared faults are carried out and not refused")
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))

	options := metricsserver.Options{BindAddress: *metrics, SecureServing: *secure}
	if *secure {
		options.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	mgr, err := ctrl.NewManager(ctrl.GetConfigOrDie(), manager.Options{
		Scheme: scheme(), Metrics: options, HealthProbeBindAddress: *probes,
		LeaderElection: *elect, LeaderElectionID: "manager.paws360.io", LeaderElectionNamespace: *namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	return start(mgr, *api, ownNamespace(*namespace), *local)
}

// ownNamespace is the manager's, which is where it keeps its token.
func ownNamespace(asked string) string {
	if asked == "" {
		asked = os.Getenv("POD_NAMESPACE")
	}
	return asked
}

func start(mgr manager.Manager, api, namespace string, local bool) error {
	look := observer.New(mgr.GetClient(), mgr.GetAPIReader())
	reconciler := &controllers.Reconciler{
		Client: mgr.GetClient(), Direct: mgr.GetAPIReader(),
		Recorder: mgr.GetEventRecorder("pawskind"),
		Images:   images(), Observer: look, Watcher: observer.NewWatcher(look), Local: local,
	}
	if err := reconciler.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("setting up the controller: %w", err)
	}
	token := func(ctx context.Context) (string, error) {
		return queryapi.EnsureToken(ctx, mgr.GetAPIReader(), mgr.GetClient(), namespace)
	}
	if err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error { // the CLI reads it
		_, err := token(ctx)
		return err
	})); err != nil {
		return fmt.Errorf("setting up the token: %w", err)
	}
	if err := mgr.Add(&queryapi.Server{Address: api, Reader: mgr.GetClient(), Observer: look, Version: version, Token: token}); err != nil {
		return fmt.Errorf("setting up the query API: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	ctrl.Log.Info("starting", "version", version)
	return mgr.Start(ctrl.SetupSignalHandler())
}

// images are handed in as RELATED_IMAGE_*, the convention of operators.
func images() controllers.Images {
	return controllers.Images{
		Etcd:  os.Getenv("RELATED_IMAGE_ETCD"),
		Redis: os.Getenv("RELATED_IMAGE_REDIS"),
		Postgres: map[string]string{
			"15": os.Getenv("RELATED_IMAGE_POSTGRES_15"),
			"17": os.Getenv("RELATED_IMAGE_POSTGRES_17"),
		},
	}
}

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(v1alpha1.AddToScheme(s))
	return s
}
