// Package api tests the resource and the reconciler against a real API server
// and etcd. No kubelet runs, so pods stay pending.
package api

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/controllers"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/observer"
)

var (
	kube       client.Client
	restConfig *rest.Config
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctrl.SetLogger(logr.Discard())
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{"../../config/crd/bases"},
		ErrorIfCRDPathMissing: true,
	}
	config, err := environment.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the API server (run through 'make test', which provides it):", err)
		return 1
	}
	defer func() { _ = environment.Stop() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := startReconciler(ctx, config); err != nil {
		fmt.Fprintln(os.Stderr, "starting the reconciler:", err)
		return 1
	}
	return m.Run()
}

func startReconciler(ctx context.Context, config *rest.Config) error {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{Scheme: scheme, Metrics: server.Options{BindAddress: "0"}})
	if err != nil {
		return err
	}
	look := observer.New(manager.GetClient(), manager.GetAPIReader())
	reconciler := &controllers.Reconciler{
		Client: manager.GetClient(), Direct: manager.GetAPIReader(), Recorder: manager.GetEventRecorder("pawskind"),
		Images:   controllers.Images{Etcd: "etcd", Redis: "redis", Postgres: map[string]string{"15": "pg15", "17": "pg17"}},
		Observer: look, Watcher: observer.NewWatcher(look),
	}
	if err := reconciler.SetupWithManager(manager); err != nil {
		return err
	}
	go func() {
		if err := manager.Start(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "the manager ended:", err)
		}
	}()
	restConfig = config
	kube, err = client.New(config, client.Options{Scheme: scheme})
	return err
}

// namespace makes a namespace of the test's own, with the environment's Secret.
func namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	require.NoError(t, kube.Create(t.Context(), ns))
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Name, Name: "paws360-secrets"}, StringData: map[string]string{}}
	for _, key := range naming.RequiredKeys() {
		secret.StringData[key] = "value-of-" + key
	}
	require.NoError(t, kube.Create(t.Context(), secret))
	return ns.Name
}

// environment is an environment with an empty spec, not yet created.
func environment(namespace string) *v1alpha1.PawsEnvironment {
	return &v1alpha1.PawsEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "local"}}
}

// eventually waits until the check passes.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	require.Eventually(t, check, 30*time.Second, 100*time.Millisecond, what)
}
