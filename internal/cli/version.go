package cli

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/project"
)

// VersionResult are the versions of all that takes part.
type VersionResult struct {
	Client     string `json:"client"`
	Go         string `json:"go"`
	Platform   string `json:"platform"`
	Kind       string `json:"kind"`
	Engine     string `json:"engine,omitempty"`
	Kubernetes string `json:"kubernetes,omitempty"`
	Operator   string `json:"operator,omitempty"`
}

// ShowVersion shows the versions; those of what does not run are left out.
func (a *App) ShowVersion(ctx context.Context) error {
	r := VersionResult{Client: a.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Kind: moduleVersion("sigs.k8s.io/kind")}
	if a.Config != nil {
		a.runningVersions(ctx, &r)
	}
	return a.Show(r, func(out io.Writer) {
		table := [][]string{{"pawskind", r.Client + " (" + r.Go + ", " + r.Platform + ")"}, {"kind", r.Kind}}
		for _, row := range [][]string{{"engine", r.Engine}, {"Kubernetes", r.Kubernetes}, {"operator", r.Operator}} {
			if row[1] == "" {
				row[1] = "not running"
			}
			table = append(table, row)
		}
		rows(out, "", table)
	})
}

func (a *App) runningVersions(ctx context.Context, r *VersionResult) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	e, err := engine.Detect(ctx, a.Config.Provider)
	if err != nil {
		return
	}
	r.Engine = e.Kind + " " + e.Version
	c := cluster.New(e, a.Config.Name, a.kindLogger(nil))
	nodes, err := c.Nodes(ctx)
	if err != nil || cluster.StateOf(nodes) != cluster.Running {
		return
	}
	config, err := c.RESTConfig()
	if err != nil {
		return
	}
	client, err := install.NewClient(config)
	if err != nil {
		return
	}
	if version, err := client.Kube.Discovery().ServerVersion(); err == nil {
		r.Kubernetes = version.GitVersion
	}
	r.Operator, _ = client.OperatorVersion(ctx)
}

func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range info.Deps {
		if module.Path == path {
			return module.Version
		}
	}
	return ""
}

// ConfigResult is the configuration in force.
type ConfigResult struct {
	File   string          `json:"file"`
	Root   string          `json:"root"`
	Values []project.Value `json:"values"`
}

// ConfigView shows each key, its value, and where it is from.
func (a *App) ConfigView() error {
	r := ConfigResult{a.Config.File, a.Config.Root, a.Config.Values()}
	return a.Show(r, func(out io.Writer) {
		table := [][]string{{"Key", "Value", "From"}}
		for _, v := range r.Values {
			table = append(table, []string{v.Key, v.Value, v.Origin})
		}
		rows(out, "", table)
	})
}
