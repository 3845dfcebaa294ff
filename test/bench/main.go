// Command bench measures what pawskind takes: its phases of a start, the
// everyday commands, what the stack uses at rest, and the pipeline. Beside them,
// in the same run, a bare kind cluster of the same node image, and the pipeline's
// commands by hand and by act. It prints a table and writes every figure as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/paws360/pawskind/test/bench/machine"
)

const name = "pawskind-bench"

// bench is one run's settings and results.
type bench struct {
	ctx      context.Context
	checkout string
	home     string
	engine   string
	results  results
}

func main() {
	runs := flag.Int("runs", 3, "repetitions of each start")
	rest := flag.Duration("rest", 5*time.Minute, "how long the stack is watched at rest; 0 for not at all")
	out := flag.String("out", "bench.json", "file of the figures")
	pairs := flag.Int("security", 0, "measure instead what TLS and authentication cost in throughput, in so many pairs of runs")
	seconds := flag.Int("seconds", 8, "length of each run of pgbench")
	engine := flag.String("engine", "docker", "container engine")
	only := flag.String("only", "", "measure this alone: pipeline")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	measure := func(b *bench) error {
		if err := b.lives(*runs, *rest); err != nil {
			return err
		}
		return b.pipeline(*runs)
	}
	switch {
	case *pairs > 0:
		measure = func(b *bench) error { return b.security(*pairs, *seconds) }
	case *only == "pipeline":
		measure = func(b *bench) error { return b.pipeline(*runs) }
	case *only != "":
		fmt.Fprintf(os.Stderr, "bench: nothing is called %q: -only pipeline\n", *only)
		os.Exit(2)
	}
	if err := run(ctx, measure, *out, *engine); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures in a project of its own, which is gone afterwards.
func run(ctx context.Context, measure func(*bench) error, out, engine string) error {
	checkout, err := os.Getwd()
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", name+"-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(home) }()
	config := fmt.Sprintf("name: %s\nsource: %s\nports: {frontend: 23000, backend: 28080, postgres: 25432, redis: 26379}\n", name, checkout)
	if err := os.WriteFile(filepath.Join(home, "pawskind.yaml"), []byte(config), 0o644); err != nil {
		return err
	}
	b := &bench{ctx: ctx, checkout: checkout, home: home, engine: engine}
	b.results.Machine = machine.Here()
	b.results.Time = time.Now().UTC()
	defer func() { _ = b.pawskind("reset", "--confirm", "yes-delete-all-data") }()
	if err := measure(b); err != nil {
		return err
	}
	fmt.Print(b.results.table())
	content, err := json.MarshalIndent(b.results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(content, '\n'), 0o644)
}

// lives measures a cluster's life again and again, and the last one at rest.
func (b *bench) lives(runs int, rest time.Duration) error {
	for i := range runs {
		fmt.Fprintf(os.Stderr, "run %d of %d\n", i+1, runs)
		if err := b.once(); err != nil {
			return err
		}
	}
	return b.atRest(rest)
}

// once measures one life of a cluster, from nothing to nothing.
func (b *bench) once() error {
	if err := b.pawskind("reset", "--confirm", "yes-delete-all-data"); err != nil {
		return err
	}
	if err := b.bareCluster(); err != nil {
		return err
	}
	for _, step := range []struct {
		figure string
		args   []string
	}{
		{"up: no cluster to everything healthy", []string{"up", "--yes", "-o", "json"}},
		{"up: on a running stack", []string{"up", "--yes"}},
		{"health", []string{"health"}},
		{"stop", []string{"stop", "--yes"}},
		{"up: after stop", []string{"up", "--yes"}},
		{"down", []string{"down", "--yes"}},
		{"up: new cluster over kept data", []string{"up", "--yes"}},
	} {
		output, took, err := b.timed(step.args...)
		if err != nil {
			return err
		}
		b.results.add(step.figure, "s", took.Seconds())
		if strings.HasPrefix(step.figure, "up: no cluster") {
			b.phases(output)
		}
	}
	return nil
}

// phases takes the phases' times from what up prints as JSON.
func (b *bench) phases(output []byte) {
	var summary struct {
		Phases []struct {
			Name    string  `json:"name"`
			Seconds float64 `json:"seconds"`
		} `json:"phases"`
	}
	if json.Unmarshal(output, &summary) != nil {
		return
	}
	for _, p := range summary.Phases {
		b.results.add("phase: "+p.Name, "s", p.Seconds)
	}
}

// bareCluster times kind alone, with the node image that pawskind uses.
func (b *bench) bareCluster() error {
	image, err := exec.CommandContext(b.ctx, "go", "run", "./hack/nodeimage", "-provider", b.engine).Output()
	if err != nil {
		return fmt.Errorf("finding the node image: %w", err)
	}
	bare := name + "-bare"
	kubeconfig := filepath.Join(b.home, "bare.kubeconfig")
	command := exec.CommandContext(b.ctx, "go", "run", "./test/bench/bare", bare, strings.TrimSpace(string(image)), kubeconfig)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("creating a bare cluster: %w", err)
	}
	var seconds float64
	if _, err := fmt.Sscan(string(out), &seconds); err != nil {
		return fmt.Errorf("reading the bare cluster's time: %w", err)
	}
	b.results.add("kind create cluster, bare", "s", seconds)
	return nil
}

func (b *bench) timed(args ...string) ([]byte, time.Duration, error) {
	command := exec.CommandContext(b.ctx, filepath.Join(b.checkout, "bin/pawskind"), args...)
	command.Dir = b.home
	start := time.Now()
	out, err := command.Output()
	took := time.Since(start)
	if err != nil {
		detail := ""
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			detail = string(exit.Stderr)
		}
		return nil, took, fmt.Errorf("pawskind %s: %w\n%s", strings.Join(args, " "), err, detail)
	}
	fmt.Fprintf(os.Stderr, "  pawskind %s: %.1fs\n", strings.Join(args, " "), took.Seconds())
	return out, took, nil
}

func (b *bench) pawskind(args ...string) error {
	_, _, err := b.timed(args...)
	return err
}
