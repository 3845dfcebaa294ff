package attackrun

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/paws360/pawskind/internal/attack"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/project"
)

// On is the running environment of a project.
func On(ctx context.Context, config *project.Config, used *engine.Engine) (Target, error) {
	rest, err := cluster.New(used, config.Name, log.NoopLogger{}).RESTConfig()
	if err != nil {
		return Target{}, fmt.Errorf("finding the cluster %s: %w", config.Name, err)
	}
	kube, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return Target{}, fmt.Errorf("connecting to the cluster %s: %w", config.Name, err)
	}
	operator, err := kube.AppsV1().Deployments(install.OperatorNamespace).Get(ctx, install.OperatorName, metav1.GetOptions{})
	if err != nil {
		return Target{}, fmt.Errorf("finding the operator: %w", err)
	}
	api, err := install.NewClient(rest)
	if err != nil {
		return Target{}, err
	}
	env, err := api.Environment(ctx, config.Namespace, project.EnvironmentName)
	if err != nil {
		return Target{}, err
	}
	return Target{
		RedisTLS: env.Spec.Redis.TLS,
		Kube:     kube, Namespace: config.Namespace, Operator: install.OperatorNamespace,
		Image: operator.Spec.Template.Spec.Containers[0].Image, Member: "patroni-2", Host: published(config),
	}, nil
}

func published(config *project.Config) map[int32]string {
	ports := map[int32]string{}
	for inside, outside := range map[int32]int{
		3000: config.Ports.Frontend, 8080: config.Ports.Backend, 5432: config.Ports.Postgres, 6379: config.Ports.Redis,
	} {
		ports[inside] = net.JoinHostPort("127.0.0.1", strconv.Itoa(outside))
	}
	return ports
}

// Failures says, a line each, which attempts ended otherwise than they must.
func Failures(results []attack.Cell) string {
	var lines []string
	for _, c := range results {
		if c.Failed() {
			lines = append(lines, fmt.Sprintf("from %s to %s %d with %s: %s, not %s (%s)",
				c.Caller, c.Service, c.Port, c.Credential, c.Got, c.Want, c.Detail))
		}
	}
	return strings.Join(lines, "\n")
}
