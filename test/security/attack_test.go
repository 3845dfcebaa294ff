// Package security attacks the running stack of this checkout. Start it with
// `make local-start`, and run this by `make test-security`.
package security

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/paws360/pawskind/internal/attack"
	"github.com/paws360/pawskind/internal/attackrun"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/project"
)

// target is the environment of the project in the folder PAWSKIND_PROJECT, or
// in the checkout.
func target(ctx context.Context, t *testing.T) attackrun.Target {
	t.Helper()
	folder := os.Getenv("PAWSKIND_PROJECT")
	if folder == "" {
		folder = "../.."
	}
	folder, err := filepath.Abs(folder)
	require.NoError(t, err)
	config, err := project.Load(folder, variables(), nil)
	require.NoError(t, err)
	used, err := engine.Detect(ctx, os.Getenv("PAWSKIND_PROVIDER"))
	require.NoError(t, err)
	rest, err := cluster.New(used, config.Name, log.NoopLogger{}).RESTConfig()
	require.NoError(t, err)
	kube, err := kubernetes.NewForConfig(rest)
	require.NoError(t, err)
	operator, err := kube.AppsV1().Deployments(install.OperatorNamespace).Get(ctx, install.OperatorName, metav1.GetOptions{})
	require.NoError(t, err, "the stack must be up: make local-start")
	return attackrun.Target{
		Kube: kube, Namespace: config.Namespace, Operator: install.OperatorNamespace,
		Image: operator.Spec.Template.Spec.Containers[0].Image, Member: "patroni-2", Host: published(config),
	}
}

// variables are those of the program that change a project, such as PAWSKIND_NAME.
func variables() map[string]string {
	all := map[string]string{}
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "PAWSKIND_") {
			all[name] = value
		}
	}
	return all
}

func published(config *project.Config) map[int32]string {
	ports := map[int32]string{}
	for inside, outside := range map[int32]int{
		3000: config.Ports.Frontend, 8080: config.Ports.Backend, 5432: config.Ports.Postgres, 6379: config.Ports.Redis,
	} {
		ports[inside] = fmt.Sprintf("127.0.0.1:%d", outside)
	}
	return ports
}

// TC-031 and TC-032: each cell of the matrix is tried for real.
func TestTC031And032NobodyGetsInWithoutTheRightTo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	results, err := attackrun.Run(ctx, target(ctx, t), attack.Cells())
	require.NoError(t, err)
	require.Len(t, results, len(attack.Cells()))
	var failures []string
	for _, c := range results {
		if c.Failed() {
			failures = append(failures, fmt.Sprintf("from %s to %s %d with %s: %s, not %s (%s)",
				c.Caller, c.Service, c.Port, c.Credential, c.Got, c.Want, c.Detail))
		}
	}
	require.Empty(t, failures, "%d of %d:\n%s", len(failures), len(results), strings.Join(failures, "\n"))
}
