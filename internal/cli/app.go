package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/preflight"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

// App is one run of pawskind in a project.
type App struct {
	*UI
	Config  *project.Config
	Version string
}

// engine gives the container engine, or says what is wrong with it.
func (a *App) engine(ctx context.Context) (*engine.Engine, error) {
	e, err := engine.Detect(ctx, a.Config.Provider)
	if err == nil {
		return e, nil
	}
	facts := preflight.Facts{Profile: a.Config.Profile}
	facts.EngineState, facts.EngineMessage = preflight.StateOf(err)
	return nil, preflight.Errors(preflight.Judge(facts))
}

// cluster gives the project's cluster and its nodes.
func (a *App) cluster(ctx context.Context) (*cluster.Cluster, []cluster.Node, error) {
	e, err := a.engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := cluster.New(e, a.Config.Name, a.kindLogger(nil))
	nodes, err := c.Nodes(ctx)
	return c, nodes, err
}

// mine fails where another project made the cluster: what this one did to it, it
// would do with other secrets and other data. A cluster whose data is gone from
// this machine is nobody's.
func (a *App) mine(ctx context.Context, c *cluster.Cluster, nodes []cluster.Node) error {
	folder, err := c.Volumes(ctx, nodes)
	if err != nil {
		return err
	}
	if folder == "" || strings.HasSuffix(folder, a.Config.ClusterData()) { // an engine in a VM puts its own path before it
		return nil
	}
	if _, err := os.Stat(folder); err != nil {
		return nil //nolint:nilerr // it is gone
	}
	return a.otherProject(folder)
}

// ownCluster is the cluster by its name, which no other project made.
func (a *App) ownCluster(ctx context.Context) (*cluster.Cluster, []cluster.Node, error) {
	c, nodes, err := a.cluster(ctx)
	if err == nil {
		err = a.mine(ctx, c, nodes)
	}
	return c, nodes, err
}

func (a *App) otherProject(folder string) error {
	return problem.New(problem.OtherProject, "the cluster %s belongs to another project: its data is in %s", a.Config.Name, folder)
}

// kindLogger hands kind's steps on, and with --verbose all that it says.
func (a *App) kindLogger(step func(string)) cluster.Logger {
	l := cluster.Logger{Step: step}
	if a.Verbose {
		l.Detail = func(message string) { a.Note("%s", message) }
	}
	return l
}

// apiPatience is how long the API of a cluster that runs is waited for.
const apiPatience = 5 * time.Second

// client reaches the cluster, which must run.
func (a *App) client(ctx context.Context) (*install.Client, error) {
	return a.clientWithin(ctx, apiPatience)
}

func (a *App) clientWithin(ctx context.Context, patience time.Duration) (*install.Client, error) {
	c, nodes, err := a.cluster(ctx)
	if err != nil {
		return nil, err
	}
	switch cluster.StateOf(nodes) {
	case cluster.Absent:
		return nil, problem.New(problem.ClusterMissing, "the cluster %s does not exist", a.Config.Name)
	case cluster.Stopped, cluster.Paused:
		return nil, problem.New(problem.ClusterStopped, "the cluster %s is stopped", a.Config.Name)
	}
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := cluster.WaitForAPI(ready, config); err != nil {
		return nil, err
	}
	return install.NewClient(config)
}

// environmentName is the name of the project's environment.
func (a *App) environmentName() (string, error) {
	env, err := install.Environment(a.Config)
	if err != nil {
		return "", err
	}
	return env.Name, nil
}

// Services are the names that restart and logs know, for completion.
func (a *App) Services(ctx context.Context, operator bool) []string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var names []string
	if operator {
		names = append(names, OperatorService, AgentService)
	}
	client, err := a.client(ctx)
	if err != nil {
		return names
	}
	return append(names, client.Services(ctx, a.Config.Namespace)...)
}

// waiting says what is waited for, with --verbose also why.
func (a *App) waiting(s install.Step) string {
	if a.Verbose && s.Detail != "" {
		return s.Waiting + ": " + s.Detail
	}
	return s.Waiting
}
