package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/problem"
)

// Cluster is one kind cluster by its name, whether it exists or not.
type Cluster struct {
	Name   string
	engine *engine.Engine
	kind   *kind.Provider
}

// New finds the cluster of that name. kind's messages go to the logger.
func New(e *engine.Engine, name string, logger log.Logger) *Cluster {
	option := kind.ProviderWithDocker()
	if e.Kind == "podman" {
		option = kind.ProviderWithPodman()
	}
	return &Cluster{Name: name, engine: e, kind: kind.NewProvider(option, kind.ProviderWithLogger(logger))}
}

// Node is one container of the cluster.
type Node struct {
	Name string `json:"name"`
	// State is the engine's word: running, exited, paused, created.
	State string `json:"state"`
}

// States of a cluster.
const (
	Absent  = "absent"
	Running = "running"
	Paused  = "paused"
	Stopped = "stopped"
	// Mixed: some nodes run and some do not.
	Mixed = "mixed"
)

// Nodes are the cluster's containers, the control plane first.
func (c *Cluster) Nodes(ctx context.Context) ([]Node, error) {
	out, err := c.engine.Output(ctx, "ps", "--all", "--no-trunc",
		"--filter", "label=io.x-k8s.kind.cluster="+c.Name, "--format", "{{.Names}}\t{{.State}}")
	if err != nil {
		return nil, fmt.Errorf("listing the nodes of cluster %s: %w", c.Name, err)
	}
	return parseNodes(string(out)), nil
}

func parseNodes(table string) []Node {
	var nodes []Node
	for line := range strings.Lines(table) {
		name, state, found := strings.Cut(strings.TrimSpace(line), "\t")
		if found {
			nodes = append(nodes, Node{Name: name, State: plainState(state)})
		}
	}
	slices.SortFunc(nodes, func(a, b Node) int {
		if a, b := strings.HasSuffix(a.Name, "-control-plane"), strings.HasSuffix(b.Name, "-control-plane"); a != b {
			if a {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return nodes
}

// plainState is the state in one word. Podman 4 gives a sentence, such as
// "Up 2 minutes ago" and "Exited (0) 3 seconds ago".
func plainState(state string) string {
	state = strings.ToLower(state)
	switch {
	case strings.Contains(state, Paused):
		return Paused
	case strings.HasPrefix(state, "up "):
		return Running
	}
	word, _, _ := strings.Cut(state, " ")
	return word
}

// Volumes is the host's folder that the nodes have their volumes in, as the engine
// tells it; empty without nodes.
func (c *Cluster) Volumes(ctx context.Context, nodes []Node) (string, error) {
	if len(nodes) == 0 {
		return "", nil
	}
	out, err := c.engine.Output(ctx, "inspect", "--format",
		`{{range .Mounts}}{{if eq .Destination "`+DataPath+`"}}{{.Source}}{{end}}{{end}}`, nodes[0].Name)
	if err != nil {
		return "", fmt.Errorf("looking for the volumes of cluster %s: %w", c.Name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// StateOf sums up the nodes.
func StateOf(nodes []Node) string {
	if len(nodes) == 0 {
		return Absent
	}
	states := map[string]bool{}
	for _, n := range nodes {
		switch n.State {
		case Running, Paused:
			states[n.State] = true
		default:
			states[Stopped] = true
		}
	}
	if len(states) > 1 {
		return Mixed
	}
	for state := range states {
		return state
	}
	return Absent
}

// HoldsPorts tells whether the nodes keep the published ports themselves: all
// but stopped ones do, also those that an interrupted run has only just created.
func HoldsPorts(nodes []Node) bool {
	return slices.ContainsFunc(nodes, func(n Node) bool { return n.State != "exited" })
}

// Create makes the cluster and returns once its nodes have joined; nodes may not
// be ready yet. When the context ends first, what is there stays for the next
// run to find.
func (c *Cluster) Create(ctx context.Context, config Config) error {
	done := make(chan error, 1)
	go func() {
		done <- c.kind.Create(c.Name,
			kind.CreateWithV1Alpha4Config(config.Kind()),
			kind.CreateWithRetain(true),
			kind.CreateWithDisplayUsage(false),
			kind.CreateWithDisplaySalutation(false))
	}()
	select {
	case err := <-done:
		if err != nil {
			return problem.New(problem.ClusterNotCreated, "cluster %s cannot be created", c.Name).Because(err)
		}
		return nil
	case <-ctx.Done():
		c.settle(context.WithoutCancel(ctx), done, len(config.Kind().Nodes))
		return ctx.Err()
	}
}

// settle waits a little until the engine has made the nodes that it was told to
// make, so that the next run finds them and not half of them.
func (c *Cluster) settle(ctx context.Context, done <-chan error, want int) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		nodes, err := c.Nodes(ctx)
		if err != nil || len(nodes) == want && StateOf(nodes) == Running {
			return
		}
		select {
		case <-done: //nolint:errcheck // with an error or not, nothing more is made
			return
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Start starts stopped and resumes paused nodes, the control plane first.
func (c *Cluster) Start(ctx context.Context, nodes []Node) error {
	for _, n := range nodes {
		verb := "start"
		switch n.State {
		case Running:
			continue
		case Paused:
			verb = "unpause"
		}
		if err := c.engine.Run(ctx, verb, n.Name); err != nil {
			return problem.New(problem.ClusterNotStarted, "node %s does not %s", n.Name, verb).Because(err)
		}
	}
	return nil
}

// Pause lets the nodes stand still. Start lets them go on.
func (c *Cluster) Pause(ctx context.Context, nodes []Node) error {
	for _, n := range nodes {
		if n.State != Running {
			continue
		}
		if err := c.engine.Run(ctx, "pause", n.Name); err != nil {
			return fmt.Errorf("pausing node %s: %w", n.Name, err)
		}
	}
	return nil
}

// Kill ends a node without a warning, as a power cut does.
func (c *Cluster) Kill(ctx context.Context, node string) error {
	c.thaw(ctx, node)
	if err := c.engine.Run(ctx, "kill", node); err != nil {
		return fmt.Errorf("ending node %s: %w", node, err)
	}
	return nil
}

// Bootstrapped tells whether kubeadm came so far on the control plane that the
// kubelet can start an API server. Where it did not, none will ever answer.
func (c *Cluster) Bootstrapped(ctx context.Context) bool {
	return c.engine.Run(ctx, "exec", ControlPlane(c.Name), "test",
		"-s", "/etc/kubernetes/manifests/kube-apiserver.yaml", "-a", "-s", "/var/lib/kubelet/config.yaml") == nil
}

// Stop stops all nodes and keeps them.
func (c *Cluster) Stop(ctx context.Context, nodes []Node) error {
	var group errgroup.Group
	for _, n := range nodes {
		if n.State == "exited" || n.State == "created" {
			continue
		}
		group.Go(func() error {
			if n.State == Paused {
				if err := c.engine.Run(ctx, "unpause", n.Name); err != nil {
					return err
				}
			}
			c.thaw(ctx, n.Name)
			c.quiesce(ctx, n.Name)
			// What is left of the node has nothing to lose.
			return c.engine.Run(ctx, "stop", "--time", "1", n.Name)
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("stopping cluster %s: %w", c.Name, err)
	}
	return nil
}

//go:embed quiesce.sh
var quiesceScript string

// quiesce lets the databases shut down properly. A node on which it fails is
// stopped all the same.
func (c *Cluster) quiesce(ctx context.Context, node string) {
	_ = c.engine.Run(ctx, "exec", node, "bash", "-c", quiesceScript)
}

//go:embed thaw.sh
var thawScript string

// thaw lets go what faults froze on a node that is about to end. One on which it
// fails ends all the same, where it can.
func (c *Cluster) thaw(ctx context.Context, node string) {
	_ = c.engine.Run(ctx, "exec", node, "bash", "-c", thawScript)
}

// Delete removes the cluster's containers, their volumes and its context.
func (c *Cluster) Delete(ctx context.Context) error {
	nodes, _ := c.Nodes(ctx) // who cannot be listed cannot be deleted either, which kind tells
	for _, n := range nodes {
		if n.State == Running {
			c.thaw(ctx, n.Name)
		}
	}
	if err := c.kind.Delete(c.Name, ""); err != nil {
		return problem.New(problem.ClusterNotDeleted, "cluster %s cannot be deleted", c.Name).Because(err)
	}
	return nil
}

//go:embed guard.sh
var guardScript string

// Guard has the nodes refuse connections to Services that are not set up yet.
func (c *Cluster) Guard(ctx context.Context) error {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := c.engine.Run(ctx, "exec", n.Name, "sh", "-c", guardScript); err != nil {
			return fmt.Errorf("setting up node %s: %w", n.Name, err)
		}
	}
	return nil
}

// PublishedAPI is the kubeconfig of a cluster that may still be in the making.
func (c *Cluster) PublishedAPI() (string, error) {
	content, err := c.kind.KubeConfig(c.Name, false)
	if err != nil {
		return "", err
	}
	if content == "" {
		return "", errors.New("the node has no kubeconfig yet")
	}
	return content, nil
}

// Export writes the cluster's context into the user's kubeconfig.
func (c *Cluster) Export() error { return c.kind.ExportKubeConfig(c.Name, "", false) }

// LastOutput is the last line that the command which made kind fail printed.
func LastOutput(err error) string {
	failed := exec.RunErrorForError(err)
	if failed == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(failed.Output)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
