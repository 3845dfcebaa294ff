package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/paws360/pawskind/internal/cli"
)

func (r *root) up() *cobra.Command {
	var o cli.UpOptions
	var timeout time.Duration
	c := &cobra.Command{
		Use: "up", Aliases: []string{"start"}, Args: arguments(cobra.NoArgs),
		Short: "Start the stack, and make what is missing first",
		Long: `Starts the stack from wherever it is: no cluster, a stopped one, one that was
interrupted in the making, or one that runs. Run it as often as you like.

Before anything is made, the machine is looked at and all problems are told at
once. When the start fails, what this run made is removed; data is always kept.`,
		RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error {
			if c.Flags().Changed("timeout") {
				app.Config.Timeout = timeout
			}
			return app.Up(c.Context(), o)
		}),
	}
	c.Flags().StringVar(&r.flags.nodes, "nodes", "", "number of the cluster's nodes")
	c.Flags().StringVar(&r.flags.profile, "profile", "", "full (highly available) or fast (single members)")
	c.Flags().StringVar(&r.flags.environment, "environment", "", "file of the PawsEnvironment, instead of the project's")
	c.Flags().BoolVar(&o.Wait, "wait", true, "wait until everything is healthy")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for a healthy environment")
	c.Flags().BoolVar(&o.Retain, "retain", false, "keep the cluster when the start fails")
	return c
}

func (r *root) stop() *cobra.Command {
	return &cobra.Command{
		Use: "stop", Args: arguments(cobra.NoArgs),
		Short: "Stop the stack; everything is kept",
		RunE:  r.with(func(c *cobra.Command, app *cli.App, _ []string) error { return app.Stop(c.Context()) }),
	}
}

func (r *root) down() *cobra.Command {
	var volumes bool
	var confirm string
	c := &cobra.Command{
		Use: "down", Args: arguments(cobra.NoArgs),
		Short: "Delete the cluster; data is kept",
		RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error {
			return app.Down(c.Context(), volumes, confirm)
		}),
	}
	c.Flags().BoolVar(&volumes, "volumes", false, "delete all data too")
	c.Flags().StringVar(&confirm, "confirm", "", "with --volumes: "+cli.Phrase)
	return c
}

func (r *root) reset() *cobra.Command {
	var confirm string
	c := &cobra.Command{
		Use: "reset", Args: arguments(cobra.NoArgs),
		Short: "Delete the cluster, all data and the generated secrets",
		RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error {
			return app.Reset(c.Context(), confirm)
		}),
	}
	c.Flags().StringVar(&confirm, "confirm", "", cli.Phrase)
	return c
}

func (r *root) status() *cobra.Command {
	return &cobra.Command{
		Use: "status", Args: arguments(cobra.NoArgs),
		Short: "Show cluster, conditions, members and addresses",
		RunE:  r.with(func(c *cobra.Command, app *cli.App, _ []string) error { return app.Status(c.Context()) }),
	}
}

func (r *root) health() *cobra.Command {
	var o cli.HealthOptions
	var timeout time.Duration
	c := &cobra.Command{
		Use: "health", Args: arguments(cobra.NoArgs),
		Short: "Ask every member how it is; exit status 5 when one is not well",
		RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error {
			if c.Flags().Changed("timeout") {
				app.Config.Timeout = timeout
			}
			return app.Health(c.Context(), o)
		}),
	}
	c.Flags().BoolVar(&o.Wait, "wait", false, "wait until everything is healthy")
	c.Flags().BoolVar(&o.Strict, "strict", false, "fail on error lines in recent logs, too")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait")
	return c
}

func (r *root) restart() *cobra.Command {
	return &cobra.Command{
		Use: "restart SERVICE", Args: arguments(cobra.ExactArgs(1)),
		Short: "Restart one service or pod, member by member, and nothing else",
		Example: `  pawskind restart backend
  pawskind restart patroni
  pawskind restart redis-2`,
		ValidArgsFunction: r.completeServices,
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			return app.Restart(c.Context(), args[0])
		}),
	}
}

func (r *root) logs() *cobra.Command {
	var o cli.LogOptions
	c := &cobra.Command{
		Use: "logs [SERVICE...]", Args: arguments(cobra.ArbitraryArgs),
		Short: "Show the logs of all or some services, in the order of time",
		Example: `  pawskind logs patroni --tail 50
  pawskind logs backend redis-1 -f
  pawskind logs operator --since 10m`,
		ValidArgsFunction: r.completeServices,
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			o.Services = args
			return app.Logs(c.Context(), o)
		}),
	}
	c.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on with new lines")
	c.Flags().Int64Var(&o.Tail, "tail", 100, "lines of each pod; -1 for all")
	c.Flags().DurationVar(&o.Since, "since", 0, "only lines younger than this, such as 10m")
	return c
}

func (r *root) completeServices(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	app, err := r.app()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return app.Services(c.Context(), c.Name() == "logs"), cobra.ShellCompDirectiveNoFileComp
}

func (r *root) images() *cobra.Command {
	c := &cobra.Command{Use: "images", Short: "List, build and load the product's images", Args: arguments(cobra.NoArgs)}
	var force bool
	build := &cobra.Command{
		Use: "build [IMAGE...]", Short: "Build the images that are not there",
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			return app.ImagesBuild(c.Context(), args, force)
		}),
	}
	build.Flags().BoolVar(&force, "force", false, "build those that are there too, with nothing of an earlier build")
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "Show which images are there", Args: arguments(cobra.NoArgs),
			RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error { return app.ImagesList(c.Context()) }),
		},
		build,
		&cobra.Command{
			Use: "load", Short: "Load the environment's images into the running cluster", Args: arguments(cobra.NoArgs),
			RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error { return app.ImagesLoad(c.Context()) }),
		},
		r.bills(),
	)
	return c
}

func (r *root) bills() *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use: "sbom [IMAGE...]", Short: "List the packages that images are made of",
		Long: `Lists the Debian packages, Go modules, npm packages and Maven artifacts of images,
as found in the images themselves: of all that are built, or of the named ones.

With --write each image's list becomes a file IMAGE.cdx.json, a CycloneDX document
that scanners for vulnerabilities read.`,
		Example: `  pawskind images sbom
  pawskind images sbom backend
  pawskind images sbom --write sbom`,
		ValidArgsFunction: completeImages,
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			return app.ImagesBill(c.Context(), args, folder)
		}),
	}
	c.Flags().StringVar(&folder, "write", "", "folder for a CycloneDX document of each image")
	return c
}

func completeImages(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return cli.ImageNames(), cobra.ShellCompDirectiveNoFileComp
}

func (r *root) configView() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Show the configuration in force", Args: arguments(cobra.NoArgs)}
	c.AddCommand(&cobra.Command{
		Use: "view", Short: "Show each setting, its value and where it is from", Args: arguments(cobra.NoArgs),
		RunE: r.with(func(_ *cobra.Command, app *cli.App, _ []string) error { return app.ConfigView() }),
	})
	return c
}

func (r *root) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: arguments(cobra.NoArgs),
		Short: "Show the versions of client, cluster and operator",
		RunE: func(c *cobra.Command, _ []string) error {
			app, err := r.app()
			if err != nil {
				app = &cli.App{UI: r.ui, Version: version} // a broken configuration hides no version
			}
			return app.ShowVersion(c.Context())
		},
	}
}
