package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/paws360/pawskind/internal/cli"
	"github.com/paws360/pawskind/internal/drill"
)

func (r *root) drill() *cobra.Command {
	var o cli.DrillOptions
	var names []string
	for _, s := range drill.Scenarios() {
		names = append(names, s.Name)
	}
	c := &cobra.Command{
		Use: "drill SCENARIO", Args: arguments(cobra.ExactArgs(1)),
		Short: "Break the stack while clients write, and judge whether anything was lost",
		Long: `Clients write to PostgreSQL, Redis and etcd by every way that apps use, while a
fault is done, held and undone. Then what was acknowledged is compared with what
every member has. Exit status 0 when nothing was lost that may not be, 5 otherwise.`,
		Example:           "  pawskind drill list\n  pawskind drill leader-kill --runs 5",
		ValidArgsFunction: cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			o.Scenario = args[0]
			if o.Folder == "" {
				o.Folder = filepath.Join(app.Config.Local(), "drills")
			}
			return app.Drill(c.Context(), o)
		}),
	}
	c.Flags().IntVar(&o.Runs, "runs", 1, "how often the scenario is run")
	c.Flags().IntVar(&o.Writers, "writers", 2, "clients that write over each route")
	c.Flags().StringVar(&o.Folder, "reports", "", "folder of the reports; .local/drills when empty")
	c.AddCommand(&cobra.Command{
		Use: "list", Args: arguments(cobra.NoArgs), Short: "List the scenarios",
		RunE: r.with(func(_ *cobra.Command, app *cli.App, _ []string) error { return app.DrillList() }),
	})
	return c
}
