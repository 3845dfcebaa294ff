package cli

import (
	"context"
	"fmt"
	"net"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/drillclient"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/secrets"
)

// machineOf does to the cluster's nodes what the container engine can.
type machineOf struct{ *App }

// Pause lets the nodes stand still.
func (m machineOf) Pause(ctx context.Context) error {
	c, nodes, err := m.cluster(ctx)
	if err != nil {
		return err
	}
	return c.Pause(ctx, nodes)
}

// Resume lets the nodes go on.
func (m machineOf) Resume(ctx context.Context) error {
	c, nodes, err := m.cluster(ctx)
	if err != nil {
		return err
	}
	return c.Start(ctx, nodes)
}

// Restart stops the nodes without a warning, as a power cut does, and starts them.
func (m machineOf) Restart(ctx context.Context) error { return m.restart(ctx, "") }

func (m machineOf) restart(ctx context.Context, only string) error {
	c, nodes, err := m.cluster(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, n := range nodes {
		if only != "" && n.Name != only {
			continue
		}
		found = true
		if n.State != cluster.Running {
			return problem.New(problem.ClusterNotStarted, "node %s does not run", n.Name)
		}
		if err := c.Kill(ctx, n.Name); err != nil {
			return err
		}
	}
	if !found {
		return problem.New(problem.NoService, "the cluster has no node %s", only)
	}
	if nodes, err = c.Nodes(ctx); err != nil {
		return err
	}
	return c.Start(ctx, nodes)
}

// Exec runs a command in a pod, with the node's kubectl.
func (m machineOf) Exec(ctx context.Context, namespace, pod string, command ...string) error {
	e, err := m.engine(ctx)
	if err != nil {
		return err
	}
	words := []string{"exec", cluster.ControlPlane(m.Config.Name), "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "-n", namespace, "exec", pod, "--"}
	if err := e.Run(ctx, append(words, command...)...); err != nil {
		return fmt.Errorf("running %s in %s: %w", command[0], pod, err)
	}
	return nil
}

// RestartNode stops a node as a power cut does and starts it; all for no name.
func (a *App) RestartNode(ctx context.Context, name string) error {
	what := "every node"
	if name != "" {
		what = "node " + name
	}
	if !a.Confirm(fmt.Sprintf("This will stop %s without a warning, and start it. Continue?", what)) {
		return problem.New(problem.Interrupted, "nothing was done")
	}
	// A node that is down must not stay so because somebody lost patience.
	if err := (machineOf{a}).restart(context.WithoutCancel(ctx), name); err != nil {
		return err
	}
	a.Note("%s Restarted %s. See pawskind health --wait.", a.symbol("✓", "OK"), what)
	return nil
}

// outside is how clients on this machine reach what the environment publishes.
func (a *App) outside(env *v1alpha1.PawsEnvironment) drillclient.Outside {
	values, _ := secrets.Read(a.Config.SecretsFile()) // without passwords the clients say what they miss
	o := drillclient.Outside{Secrets: drillclient.Secrets{Database: values[naming.KeyDatabasePassword], Redis: values[naming.KeyRedisPassword]}}
	for _, p := range install.PublishedServices(env, a.Config) {
		switch p.Name {
		case "PostgreSQL":
			o.Postgres = p.Address
		case "Redis":
			o.Redis = p.Address
			if env.Spec.Redis.TLS {
				host, _, _ := net.SplitHostPort(p.Address)
				o.RedisTLS = pki.TrustFile(host, a.Config.CAFile())
			}
		case "backend":
			o.Backend = "http://" + p.Address
		}
	}
	return o
}
