package main

import (
	"github.com/spf13/cobra"

	"github.com/paws360/pawskind/internal/cli"
)

func (r *root) secrets() *cobra.Command {
	c := &cobra.Command{
		Use:   "secrets",
		Short: "Generate, check, rotate and show the project's secrets",
		Long: `The project's secrets are in .local/secrets.env, which only its owner can read
and git never sees. up generates them; nothing needs to be done by hand.`,
		Args: arguments(cobra.NoArgs),
	}
	c.AddCommand(
		&cobra.Command{
			Use: "gen", Aliases: []string{"generate"}, Args: arguments(cobra.NoArgs),
			Short: "Generate the secrets that are missing; the others stay",
			RunE:  r.with(func(_ *cobra.Command, app *cli.App, _ []string) error { return app.SecretsGen() }),
		},
		&cobra.Command{
			Use: "validate", Args: arguments(cobra.NoArgs),
			Short: "Tell of every secret that is missing or weak",
			RunE:  r.with(func(_ *cobra.Command, app *cli.App, _ []string) error { return app.SecretsValidate() }),
		},
		&cobra.Command{
			Use: "rotate [NAME...]", Args: arguments(cobra.ArbitraryArgs),
			Short: "Give secrets new values while the stack runs, all of them when none is named",
			Long: `Gives the named secrets new values while the stack runs, or all of them. Old and
new passwords are good side by side until nobody uses the old ones any more. No data
is touched and no database restarted; the apps start anew, one pod after the other.
What is interrupted the operator goes on with, and so does the next rotate or up.`,
			Example:           "  pawskind secrets rotate\n  pawskind secrets rotate POSTGRES_APP_PASSWORD REDIS_PASSWORD",
			ValidArgsFunction: r.completeSecrets(false),
			RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
				return app.SecretsRotate(c.Context(), args)
			}),
		},
		&cobra.Command{
			Use: "show NAME", Args: arguments(cobra.ExactArgs(1)),
			Short:             "Print one secret; on a screen, only after a question",
			Example:           `  PGPASSWORD=$(pawskind secrets show POSTGRES_APP_PASSWORD) psql -h localhost -U paws360`,
			ValidArgsFunction: r.completeSecrets(true),
			RunE:              r.with(func(_ *cobra.Command, app *cli.App, args []string) error { return app.SecretsShow(args[0]) }),
		},
	)
	return c
}

func (r *root) completeSecrets(own bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		app, err := r.app()
		if err != nil || own && len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return app.SecretNames(own), cobra.ShellCompDirectiveNoFileComp
	}
}
