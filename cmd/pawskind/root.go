package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paws360/pawskind/internal/cli"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

// root holds the flags that every command knows.
type root struct {
	ui    *cli.UI
	flags struct {
		config, output                  string
		yes, quiet, verbose, noSymbols  bool
		settings                        []string
		name, provider, profile, nspace string
		nodes, environment              string
	}
}

func (r *root) command() *cobra.Command {
	c := &cobra.Command{
		Use:   "pawskind",
		Short: "A highly available PAWS360 stack on this machine, in a kind cluster",
		Long: `pawskind runs the PAWS360 stack on this machine as it runs in production: etcd,
PostgreSQL under Patroni, Redis with Sentinel, a backend and a frontend.

Settings come from flags, PAWSKIND_ variables and pawskind.yaml, in this order.
Exit status: 0 success, 1 failure, 2 wrong input, 3 lacking resources,
4 not reachable, 5 not healthy, 130 interrupted.`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return r.settle() },
	}
	f := c.PersistentFlags()
	f.StringVar(&r.flags.config, "config", "", "configuration file, instead of the nearest pawskind.yaml upward")
	f.StringVarP(&r.flags.output, "output", "o", cli.Text, "output: text, json or yaml")
	f.BoolVarP(&r.flags.yes, "yes", "y", false, "answer questions with yes; never the deletion of data")
	f.BoolVarP(&r.flags.quiet, "quiet", "q", false, "no progress and no notes")
	f.BoolVarP(&r.flags.verbose, "verbose", "v", false, "more detail")
	f.BoolVar(&r.flags.noSymbols, "no-symbols", false, "plain text only, without symbols and redrawn lines")
	f.StringVar(&r.flags.name, "name", "", "name of the cluster")
	f.StringVar(&r.flags.provider, "provider", "", "container engine: docker, podman or auto")
	f.StringVar(&r.flags.nspace, "namespace", "", "namespace of the environment")
	f.StringArrayVar(&r.flags.settings, "set", nil, "any setting of pawskind.yaml, such as ports.frontend=3001")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	c.AddCommand(
		r.up(), r.stop(), r.down(), r.reset(), r.status(), r.health(), r.restart(), r.logs(),
		r.chaos(), r.ci(), r.drill(), r.switchover(), r.failover(), r.reinit(), r.certs(), r.images(), r.secrets(), r.configView(), r.version(),
	)
	for _, name := range []string{"output", "provider", "profile"} {
		complete(c, name)
	}
	return c
}

func complete(c *cobra.Command, flag string) {
	values := map[string][]string{
		"output": {cli.Text, cli.JSON, cli.YAML}, "provider": {"auto", "docker", "podman"},
	}[flag]
	if c.PersistentFlags().Lookup(flag) != nil {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// usage is a fault of the command line.
func usage(err error) error {
	return problem.New(problem.Usage, "%s", err)
}

// settle makes the UI what the flags ask for.
func (r *root) settle() error {
	*r.ui = *cli.NewUI(r.flags.noSymbols)
	r.ui.Format, r.ui.Yes, r.ui.Quiet, r.ui.Verbose = r.flags.output, r.flags.yes, r.flags.quiet, r.flags.verbose
	if !slices.Contains([]string{cli.Text, cli.JSON, cli.YAML}, r.flags.output) {
		r.ui.Format = cli.Text
		return usage(fmt.Errorf("-o is %q and must be text, json or yaml", r.flags.output))
	}
	return nil
}

// app is the project that the working folder belongs to.
func (r *root) app() (*cli.App, error) {
	folder, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the working folder: %w", err)
	}
	settings := map[string]string{}
	for key, value := range map[string]string{
		"name": r.flags.name, "provider": r.flags.provider, "profile": r.flags.profile,
		"namespace": r.flags.nspace, "nodes": r.flags.nodes,
	} {
		if value != "" {
			settings[key] = value
		}
	}
	if r.flags.environment != "" {
		file, err := filepath.Abs(r.flags.environment) // a flag's path is the shell's, not the project's
		if err != nil {
			return nil, usage(err)
		}
		settings["environment"] = file
	}
	for _, s := range r.flags.settings {
		key, value, found := strings.Cut(s, "=")
		if !found {
			return nil, usage(errors.New("--set wants KEY=VALUE, such as ports.frontend=3001"))
		}
		settings[key] = value
	}
	env := project.Environ(os.Environ())
	if r.flags.config != "" {
		env["PAWSKIND_CONFIG"] = r.flags.config
	}
	config, err := project.Load(folder, env, settings)
	if err != nil {
		return nil, err
	}
	return &cli.App{UI: r.ui, Config: config, Version: version}, nil
}

// with runs something in the project.
func (r *root) with(do func(*cobra.Command, *cli.App, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		app, err := r.app()
		if err != nil {
			return err
		}
		return do(c, app, args)
	}
}

// arguments is cobra's check of the arguments with our kind of problem.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage(err)
		}
		return nil
	}
}
