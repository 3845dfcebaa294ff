package main

import (
	"github.com/spf13/cobra"

	"github.com/paws360/pawskind/internal/cli"
)

func (r *root) certs() *cobra.Command {
	c := &cobra.Command{
		Use: "certs", Args: arguments(cobra.NoArgs),
		Short: "List the certificates, when they expire and who signed them",
		Long: `Lists the certificates of the environment, when they expire, when the operator
makes them anew and who signed them. Exit status 5 when one is not what it should
be.`,
		RunE: r.with(func(c *cobra.Command, app *cli.App, _ []string) error { return app.Certs(c.Context()) }),
	}
	renew := &cobra.Command{
		Use: "renew [NAME...]", Args: arguments(cobra.ArbitraryArgs),
		Short:   "Make certificates anew, all but the CA's when none is named; nothing restarts",
		Example: "  pawskind certs renew\n  pawskind certs renew etcd-tls postgres-tls",
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			app, err := r.app()
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return app.Certificates(c.Context()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: r.with(func(c *cobra.Command, app *cli.App, args []string) error {
			return app.RenewCertificates(c.Context(), args)
		}),
	}
	var wait bool
	rotate := &cobra.Command{
		Use: "rotate-ca", Args: arguments(cobra.NoArgs),
		Short: "Let another CA follow the one in force; clients are never refused",
		RunE:  r.with(func(c *cobra.Command, app *cli.App, _ []string) error { return app.RotateCA(c.Context(), wait) }),
	}
	rotate.Flags().BoolVar(&wait, "wait", true, "wait until the old CA is not trusted any more")
	ca := &cobra.Command{
		Use: "ca", Args: arguments(cobra.NoArgs),
		Short:   "Print the CA's certificate, and write it to .local/ca.crt",
		Example: "  pawskind certs ca\n  psql 'host=localhost user=paws360 dbname=paws360 sslmode=verify-full sslrootcert=.local/ca.crt'",
		RunE:    r.with(func(c *cobra.Command, app *cli.App, _ []string) error { return app.CA(c.Context()) }),
	}
	c.AddCommand(renew, rotate, ca)
	return c
}
