// Command faults measures what faults cost: each scenario by turns on pawskind's
// stack and, beside it in the same cluster, on the same stack from plain
// manifests without an operator. The clients and the judge are the same. It
// prints a table and writes every figure as JSON.
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

	"sigs.k8s.io/kind/pkg/log"

	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/test/bench/machine"
)

const name = "pawskind-bench"

// measured are the scenarios with a target. Those of plain are measured on both.
var measured = []string{
	"leader-kill", "leader-delete", "switchover", "leader-crash", "leader-crash-whole", "leader-freeze",
	"redis-kill", "redis-delete", "redis-freeze",
}

type bench struct {
	ctx            context.Context
	checkout, home string
	engine         *engine.Engine
	cluster        string
	plain          *plain
	results        results
}

func main() {
	runs := flag.Int("runs", 20, "repetitions of each scenario")
	starts := flag.Int("starts", 0, "starts of each stack to measure first, without apps")
	scenarios := flag.String("scenarios", strings.Join(measured, ","), "what is measured")
	only := flag.String("only", "", "pawskind or plain alone; both by turns when empty")
	home := flag.String("home", "", "project of a running stack to measure; a new one when empty")
	fast := flag.Bool("fast", false, "with Patroni's quicker timings instead of production's")
	out := flag.String("out", "bench-faults.json", "file of the figures")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *starts, *runs, strings.Split(*scenarios, ","), *only, *home, *out, *fast); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, starts, runs int, scenarios []string, only, home, out string, fast bool) (err error) {
	b := &bench{ctx: ctx, home: home, results: results{Time: time.Now().UTC(), Machine: machine.Here()}}
	if b.checkout, err = os.Getwd(); err != nil {
		return err
	}
	if b.engine, err = engine.Detect(ctx, os.Getenv("PAWSKIND_PROVIDER")); err != nil {
		return err
	}
	end, err := b.stack()
	defer end()
	if err != nil {
		return err
	}
	if only != "pawskind" {
		if b.plain, err = b.plainStack(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.plain.remove(namespace)) }()
	}
	if starts > 0 {
		if b.plain == nil {
			return errors.New("starts are measured on both stacks: leave out -only")
		}
		if err := b.starts(starts); err != nil {
			return err
		}
	}
	if b.plain != nil && runs > 0 {
		if err := b.plain.start(ctx); err != nil {
			return err
		}
	}
	b.results.Timings = "ttl 30 s, loop_wait 10 s, retry_timeout 10 s"
	if fast {
		b.results.Timings = "ttl 20 s, loop_wait 5 s, retry_timeout 5 s, primary_start_timeout 0"
		if err := b.quicken(); err != nil {
			return err
		}
	}
	for i := range runs {
		for _, scenario := range scenarios {
			s, known := drill.FindScenario(scenario)
			if !known {
				return fmt.Errorf("there is no scenario %q", scenario)
			}
			fmt.Fprintf(os.Stderr, "%s run %d of %d: %s\n", time.Now().Format(time.TimeOnly), i+1, runs, scenario)
			if only != "plain" {
				b.results.add("pawskind", s, b.product(scenario))
			}
			if b.plain != nil {
				b.results.add("plain manifests", s, b.plain.drill(ctx, s, i+1))
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := b.results.write(out); err != nil { // a long measurement is worth keeping half
				return err
			}
		}
	}
	fmt.Print(b.results.table())
	return nil
}

// stack sees to it that pawskind's stack runs, and gives what ends it.
func (b *bench) stack() (end func(), err error) {
	if b.home != "" {
		b.cluster, err = b.nameOf()
		return func() {}, err
	}
	b.cluster = name
	if b.home, err = os.MkdirTemp("", name+"-"); err != nil {
		return func() {}, err
	}
	end = func() {
		_, _ = b.pawskind("reset", "--confirm", "yes-delete-all-data")
		_ = os.RemoveAll(b.home)
	}
	config := fmt.Sprintf("name: %s\nsource: %s\nports: {frontend: 23000, backend: 28080, postgres: 25432, redis: 26379}\n", name, b.checkout)
	if err := os.WriteFile(filepath.Join(b.home, "pawskind.yaml"), []byte(config), 0o644); err != nil {
		return end, err
	}
	_, err = b.pawskind("up", "--yes")
	return end, err
}

// quicken gives both stacks Patroni's quicker timings.
func (b *bench) quicken() error {
	client, err := b.client()
	if err != nil {
		return err
	}
	env, err := client.Environment(b.ctx, "paws360", "paws360")
	if err != nil {
		return err
	}
	if err := client.PatchEnvironment(b.ctx, env.Namespace, env.Name,
		`{"spec":{"postgres":{"patroni":{"ttl":20,"loopWait":5,"retryTimeout":5,"primaryStartTimeout":0}}}}`); err != nil {
		return err
	}
	if b.plain == nil {
		return nil
	}
	_, err = b.plain.in(b.ctx, naming.Member(naming.Postgres, 1), "curl", "-sf", "-X", "PATCH",
		"-d", `{"ttl":20,"loop_wait":5,"retry_timeout":5,"primary_start_timeout":0}`, "http://localhost:8008/config")
	return err
}

// nameOf is the name of the cluster of the project in home.
func (b *bench) nameOf() (string, error) {
	var status struct {
		Cluster struct {
			Name string `json:"name"`
		} `json:"cluster"`
	}
	out, err := b.pawskind("status", "-o", "json")
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return "", fmt.Errorf("reading the status: %w", err)
	}
	return status.Cluster.Name, nil
}

// client reaches the cluster.
func (b *bench) client() (*install.Client, error) {
	config, err := cluster.New(b.engine, b.cluster, log.NoopLogger{}).RESTConfig()
	if err != nil {
		return nil, err
	}
	return install.NewClient(config)
}

// product drills pawskind's stack once, by the command that a user has.
func (b *bench) product(scenario string) outcome {
	out, err := b.pawskind("drill", scenario, "--yes", "-o", "json", "--reports", filepath.Join(b.home, "reports"))
	var result drill.Result
	if json.Unmarshal(out, &result) == nil && len(result.Runs) == 1 {
		return outcome{judged: result.Runs[0]}
	}
	return outcome{err: errors.Join(errors.New("the drill gave no result"), err)}
}

func (b *bench) pawskind(args ...string) ([]byte, error) {
	command := exec.CommandContext(b.ctx, filepath.Join(b.checkout, "bin/pawskind"), args...)
	command.Dir = b.home
	out, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("pawskind %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}
