package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paws360/pawskind/internal/ci/runner"
	"github.com/paws360/pawskind/internal/cli"
)

func (r *root) ci() *cobra.Command {
	var o cli.CIOptions
	var inputs []string
	c := &cobra.Command{
		Use: "ci [WORKFLOW]", Args: arguments(cobra.MaximumNArgs(1)),
		Short: "Run the repository's workflows here, as the remote would",
		Long: `Runs a workflow of .github/workflows on this machine, on the files as they are
now, committed or not. Jobs that passed with the same inputs are taken from the
cache; what failed, and what depends on it, runs. WORKFLOW is a file or its name
and can be left out when there is only one, or one called ci.

What the remote does and this machine does not is listed, never left out in
silence. Exit status 0 when the run passes, 1 when not, 130 on Ctrl-C.`,
		Example: `  pawskind ci                       # what changed since it last passed
  pawskind ci --list                # jobs, and what they wait for
  pawskind ci --job unit            # one job and what it needs
  pawskind ci --from-job lint       # that job and all after it, anew
  pawskind ci release --event workflow_dispatch --input version=1.2.3`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			app, err := r.app()
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return app.CIWorkflows(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			if len(args) > 0 {
				o.Workflow = args[0]
			}
			o.Inputs = map[string]string{}
			for _, input := range inputs {
				name, value, found := strings.Cut(input, "=")
				if !found {
					return usage(fmt.Errorf("--input is %q and must be NAME=VALUE", input))
				}
				o.Inputs[name] = value
			}
			return app.CI(c.Context(), o)
		}),
	}
	f := c.Flags()
	f.StringArrayVar(&o.Jobs, "job", nil, "run this job and what it needs; may be repeated")
	f.BoolVar(&o.Alone, "alone", false, "with --job: take what it needs from an earlier run")
	f.StringArrayVar(&o.From, "from-job", nil, "run this job and all that depends on it anew, the rest as it last passed")
	f.BoolVar(&o.NoCache, "no-cache", false, "run every job")
	f.BoolVar(&o.List, "list", false, "list the jobs and what they wait for")
	f.BoolVar(&o.DryRun, "dry-run", false, "show jobs and steps as they would run")
	f.BoolVar(&o.Watch, "watch", false, "run again what a saved file affects")
	f.BoolVar(&o.Strict, "strict", false, "fail when something is not reproduced here")
	f.StringVar(&o.Runner, "runner", "host", "where jobs run: host or container")
	f.StringVar(&o.Image, "image", runner.DefaultImage, "with --runner container: the image of jobs that name none")
	f.StringVar(&o.Services, "services", "environment", "where services come from: environment or container")
	f.StringVar(&o.Event, "event", "", "what starts the workflow; push, or the first event that it names, when empty")
	f.StringArrayVar(&inputs, "input", nil, "input of workflow_dispatch, NAME=VALUE")
	f.IntVar(&o.Parallel, "parallel", 0, "how many jobs run at a time; one a core when 0")
	_ = c.RegisterFlagCompletionFunc("runner", cobra.FixedCompletions([]string{"host", "container"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("services", cobra.FixedCompletions([]string{"environment", "container"}, cobra.ShellCompDirectiveNoFileComp))
	for _, flag := range []string{"job", "from-job"} {
		_ = c.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			app, err := r.app()
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return app.CIJobs(strings.Join(args, "")), cobra.ShellCompDirectiveNoFileComp
		})
	}
	c.AddCommand(r.ciArtifacts(), r.ciCompare(), r.ciInstallHook())
	return c
}

func (r *root) ciArtifacts() *cobra.Command {
	c := &cobra.Command{Use: "artifacts", Short: "List, fetch and remove what runs left behind", Args: arguments(cobra.NoArgs)}
	list := &cobra.Command{
		Use: "list", Args: arguments(cobra.NoArgs), Short: "List the kept runs and their artifacts",
		RunE: r.with(func(_ *cobra.Command, app *cli.App, _ []string) error { return app.CIArtifactsList() }),
	}
	var run, folder string
	get := &cobra.Command{
		Use: "get [ARTIFACT...]", Args: arguments(cobra.ArbitraryArgs), Short: "Copy artifacts of a run to a folder",
		RunE: r.with(func(_ *cobra.Command, app *cli.App, args []string) error {
			return app.CIArtifactsGet(run, args, folder)
		}),
	}
	get.Flags().StringVar(&run, "run", "", "number of the run; the newest when empty")
	get.Flags().StringVar(&folder, "to", "", "folder to copy to; artifacts-RUN when empty")
	_ = get.RegisterFlagCompletionFunc("run", r.completeRuns)
	clean := &cobra.Command{
		Use: "clean [RUN...]", Args: arguments(cobra.ArbitraryArgs), Short: "Remove runs, all that have ended when none is named",
		ValidArgsFunction: r.completeRuns,
		RunE:              r.with(func(_ *cobra.Command, app *cli.App, args []string) error { return app.CIArtifactsClean(args) }),
	}
	c.AddCommand(list, get, clean)
	return c
}

func (r *root) completeRuns(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	app, err := r.app()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return app.CIRunIDs(), cobra.ShellCompDirectiveNoFileComp
}

func (r *root) ciCompare() *cobra.Command {
	var remote, run string
	c := &cobra.Command{
		Use: "compare --remote FILE", Args: arguments(cobra.NoArgs),
		Short: "Set a run beside one on the remote, and say what differed",
		Long: `FILE holds the jobs of a remote run as the platform's API gives them:
  gh api repos/OWNER/REPO/actions/runs/ID/jobs --paginate > remote.json
Exit status 1 when jobs or steps ended differently.`,
		Example: "  pawskind ci compare --remote remote.json",
		RunE: r.with(func(_ *cobra.Command, app *cli.App, _ []string) error {
			if remote == "" {
				return usage(errors.New("--remote FILE is missing"))
			}
			return app.CICompare(remote, run)
		}),
	}
	c.Flags().StringVar(&remote, "remote", "", "file of the remote run")
	c.Flags().StringVar(&run, "run", "", "number of the run here; the newest when empty")
	_ = c.RegisterFlagCompletionFunc("run", r.completeRuns)
	return c
}

func (r *root) ciInstallHook() *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use: "install-hook", Args: arguments(cobra.NoArgs),
		Short: "Have git run the workflows before each push",
		RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error {
			return app.CIInstallHook(c.Context(), remove)
		}),
	}
	c.Flags().BoolVar(&remove, "remove", false, "remove the hook")
	return c
}
