// Command pawskind runs a highly available PAWS360 stack on this machine.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"

	"github.com/paws360/pawskind/internal/cli"
	"github.com/paws360/pawskind/internal/problem"
)

// version is set by the build.
var version = "dev"

func main() {
	klog.LogToStderr(false) // client-go's own words are no use to a user
	klog.SetOutput(discard{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	os.Exit(problem.Exit(err))
}

// run does what the arguments say, and tells what went wrong.
func run(ctx context.Context, args []string) error {
	r := &root{ui: cli.NewUI(false)}
	command := r.command()
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil && problem.Exit(err) != problem.ExitInterrupted {
		err = problem.New(problem.Interrupted, "interrupted")
	}
	if err != nil {
		r.ui.Fail(err)
	}
	return err
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
