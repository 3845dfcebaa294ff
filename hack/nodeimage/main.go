// Command nodeimage provides the kind node image, or the API server and etcd of
// the same build for tests.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/nodeimage"
)

func main() {
	provider := flag.String("provider", "auto", "container engine: docker, podman or auto")
	build := flag.Bool("build", false, "build even if an image is present or could be pulled")
	assets := flag.Bool("assets", false, "only build what API tests need, and print its folder")
	with := flag.String("with", "", "images of the engine that the node image shall carry, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *provider, *with, *build, *assets); err != nil {
		fmt.Fprintln(os.Stderr, "node image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, provider, with string, build, assets bool) error {
	start := time.Now()
	o := nodeimage.Options{Root: ".", Build: build, Progress: func(step string) {
		fmt.Fprintf(os.Stderr, "[%4.0fs] %s\n", time.Since(start).Seconds(), step)
	}}
	if assets {
		folder, err := nodeimage.Assets(ctx, o)
		fmt.Println(folder)
		return err
	}
	var err error
	if o.Engine, err = engine.Detect(ctx, provider); err != nil {
		return err
	}
	ref, err := nodeimage.Ensure(ctx, o)
	if err == nil && with != "" {
		ref, err = nodeimage.WithImages(ctx, o, ref, strings.Split(with, ","))
	}
	fmt.Println(ref)
	return err
}
