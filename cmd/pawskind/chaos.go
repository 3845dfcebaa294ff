package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/chaos"
	"github.com/paws360/pawskind/internal/cli"
	"github.com/paws360/pawskind/internal/patroni"
)

func (r *root) chaos() *cobra.Command {
	c := &cobra.Command{
		Use:   "chaos",
		Short: "Break the stack on purpose, see what is broken, and restore it",
		Long: `Faults are declared in the environment (spec.chaos) and carried out by the
operator and the agents. They last until restored, or for --duration.`,
		Args: arguments(cobra.NoArgs),
	}
	c.AddCommand(
		&cobra.Command{
			Use: "list", Args: arguments(cobra.NoArgs), Short: "List the faults and targets that there are",
			RunE: r.with(func(_ *cobra.Command, app *cli.App, _ []string) error { return app.ChaosList() }),
		},
		&cobra.Command{
			Use: "status", Args: arguments(cobra.NoArgs), Short: "Show the declared faults and what became of them",
			RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error { return app.ChaosStatus(c.Context()) }),
		},
		&cobra.Command{
			Use: "restore [NAME...]", Short: "Undo faults by name, or all",
			RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error { return app.Restore(c.Context(), args) }),
		},
		&cobra.Command{
			Use: "restart-node [NODE]", Args: arguments(cobra.MaximumNArgs(1)), Short: "Stop a node as a power cut does, and start it; all without a name",
			RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
				return app.RestartNode(c.Context(), strings.Join(args, ""))
			}),
		},
	)
	for _, kind := range chaos.Kinds() {
		c.AddCommand(r.fault(kind))
	}
	return c
}

func (r *root) fault(kind v1alpha1.FaultKind) *cobra.Command {
	o := cli.FaultOptions{Kind: kind}
	word := chaos.Command(kind)
	c := &cobra.Command{
		Use: word + " TARGET", Args: arguments(cobra.ExactArgs(1)),
		Short:             "Fault: " + chaos.Effect(kind),
		Example:           "  pawskind chaos " + word + " postgres/leader\n  pawskind chaos " + word + " etcd/2 --yes",
		ValidArgsFunction: cobra.FixedCompletions(chaos.Targets(), cobra.ShellCompDirectiveNoFileComp),
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			o.Target = args[0]
			return app.Fault(c.Context(), o)
		}),
	}
	f := c.Flags()
	f.StringVar(&o.Name, "fault-name", "", "name of the fault; made from kind and target when empty")
	switch kind {
	case v1alpha1.FaultKill:
		return c
	case v1alpha1.FaultCrash:
		f.BoolVar(&o.AllProcesses, "all-processes", false, "kill every process of the container, not the server alone")
		return c
	case v1alpha1.FaultPartition:
		f.StringSliceVar(&o.From, "from", nil, "targets to cut off from, such as etcd or postgres/2; everything when empty")
		f.StringVar((*string)(&o.Direction), "direction", string(v1alpha1.DirectionBoth), "Both, In or Out")
	case v1alpha1.FaultThrottle:
		f.Int32Var(&o.CPU, "cpu", 5, "percent of one core to leave")
	case v1alpha1.FaultDelay:
		f.DurationVar(&o.Delay, "delay", 100*time.Millisecond, "delay of each packet")
	}
	f.DurationVar(&o.Duration, "duration", 0, "end the fault by itself after this long")
	return c
}

func (r *root) switchover() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use: "switchover", Args: arguments(cobra.NoArgs),
		Short: "Hand PostgreSQL's leadership to another member; nothing is lost",
		RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error {
			return app.Operate(c.Context(), patroni.Switchover, to, "")
		}),
	}
	c.Flags().StringVar(&to, "to", "", "member that shall lead; Patroni's own choice when empty")
	return c
}

func (r *root) failover() *cobra.Command {
	var to, force string
	c := &cobra.Command{
		Use: "failover", Args: arguments(cobra.NoArgs),
		Short: "Make a member PostgreSQL's leader where there is none",
		RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error {
			return app.Operate(c.Context(), patroni.Failover, to, force)
		}),
	}
	c.Flags().StringVar(&to, "to", "", "member that shall lead")
	c.Flags().StringVar(&force, "force", "", "the phrase "+patroni.ForcePhrase+" does it although writes may be lost")
	return c
}

func (r *root) reinit() *cobra.Command {
	return &cobra.Command{
		Use: "reinit MEMBER", Args: arguments(cobra.ExactArgs(1)),
		Short:   "Have a PostgreSQL replica drop its data and copy the leader's",
		Example: "  pawskind reinit patroni-2",
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			return app.Operate(c.Context(), patroni.Reinit, args[0], "")
		}),
	}
}
