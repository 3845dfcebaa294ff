package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/tree"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

const (
	ownWorkflow    = ".github/workflows/ci.yml"
	sampleWorkflow = ".github/workflows/sample.yml"
)

// sampleJobs are what is run by hand, by pawskind and by act: run steps alone,
// because act fetches every other action but checkout.
var sampleJobs = []struct{ id, needs, command string }{
	{"vet", "", "go vet ./internal/ci/..."},
	{"build", "vet", "go build -trimpath -o bin/ ./cmd/pawskind"},
	{"frontend", "", "cd test/apps/frontend && npm ci --no-audit --no-fund --prefer-offline && npm run typecheck"},
	{"last", "[build, frontend]", "echo done"},
}

func sample() string {
	var b strings.Builder
	b.WriteString("name: sample\non: push\njobs:\n")
	for _, j := range sampleJobs {
		fmt.Fprintf(&b, "  %s:\n    runs-on: ubuntu-latest\n", j.id)
		if j.needs != "" {
			fmt.Fprintf(&b, "    needs: %s\n", j.needs)
		}
		fmt.Fprintf(&b, "    steps:\n      - uses: actions/checkout@v4\n      - run: %s\n", j.command)
	}
	return b.String()
}

// pipeline measures `pawskind ci`: the project's own pipeline with the running
// stack as its services, and a sample beside the same commands by hand and act.
func (b *bench) pipeline(runs int) error {
	if err := b.pawskind("reset", "--confirm", "yes-delete-all-data"); err != nil {
		return err
	}
	project, err := b.project()
	if err != nil {
		return err
	}
	b.home = project
	if err := b.pawskind("up", "--yes"); err != nil {
		return err
	}
	for _, measure := range []func(int) error{b.ownPipeline, b.unchanged, b.mended, b.sample} {
		if err := measure(runs); err != nil {
			return err
		}
	}
	return nil
}

// project is the checkout as it is now, as a project whose environment is the
// bench's own.
func (b *bench) project() (string, error) {
	folder := filepath.Join(b.home, "own", filepath.Base(b.checkout))
	snapshot, err := tree.Take(b.ctx, b.checkout, filepath.Join(b.home, "snapshot"))
	if err != nil {
		return "", err
	}
	if err := snapshot.Checkout(b.ctx, folder, func(string) bool { return true }); err != nil {
		return "", err
	}
	config, err := os.ReadFile(filepath.Join(b.home, "pawskind.yaml"))
	if err != nil {
		return "", err
	}
	return folder, errors.Join(os.WriteFile(filepath.Join(folder, "pawskind.yaml"), config, 0o644),
		os.WriteFile(filepath.Join(folder, sampleWorkflow), []byte(sample()), 0o644))
}

// ownPipeline runs everything, after a first time that warms the tools' caches.
func (b *bench) ownPipeline(runs int) error {
	if err := b.pawskind("ci", "--no-cache"); err != nil {
		return err
	}
	plan, err := workflow.Read(b.home, ownWorkflow, "push", nil)
	if err != nil {
		return err
	}
	for range runs {
		_, took, err := b.timed("ci", "--no-cache")
		if err != nil {
			return err
		}
		result, err := b.newest("ci")
		if err != nil {
			return err
		}
		b.results.add("ci: own pipeline, every job", "s", took.Seconds())
		var jobs, commands, most time.Duration
		for _, j := range result.Jobs {
			whole, own := j.Ended.Sub(j.Started), inCommands(plan, j)
			jobs, commands, most = jobs+whole, commands+own, max(most, whole-own)
			b.results.add("ci: job "+j.Key, "s", whole.Seconds())
		}
		b.results.add("ci: all but the commands, the job with most", "s", most.Seconds())
		b.results.add("ci: all but the commands, share of the jobs", "%", 100*(jobs-commands).Seconds()/jobs.Seconds())
	}
	return nil
}

// inCommands is how long the job's run steps took.
func inCommands(plan *ci.Plan, j ci.JobResult) (sum time.Duration) {
	i := slices.IndexFunc(plan.Jobs, func(p ci.Job) bool { return p.Key == j.Key })
	steps := plan.Jobs[i].Work.(*workflow.Leg).Job.Steps
	for n, s := range j.Steps {
		if n < len(steps) && steps[n].Run != "" {
			sum += s.Ended.Sub(s.Started)
		}
	}
	return sum
}

// unchanged runs again with nothing changed.
func (b *bench) unchanged(runs int) error {
	if err := b.pawskind("ci"); err != nil {
		return err
	}
	for range runs {
		_, took, err := b.timed("ci")
		if err != nil {
			return err
		}
		if ran, err := b.ran(); err != nil || len(ran) > 0 {
			return fmt.Errorf("with nothing changed, %v ran: %w", ran, err)
		}
		b.results.add("ci: own pipeline, nothing changed", "s", took.Seconds())
	}
	return nil
}

// mended breaks one job, mends it, and sees what runs.
func (b *bench) mended(runs int) error {
	file := filepath.Join(b.home, "test/apps/frontend/test/zz-bench.test.ts")
	defer func() { _ = os.Remove(file) }()
	for i := range runs {
		test := func(body string) error {
			return os.WriteFile(file, fmt.Appendf(nil, "import { test } from 'node:test';\ntest('bench %d', () => {%s});\n", i, body), 0o644)
		}
		if err := test(" throw new Error('broken'); "); err != nil {
			return err
		}
		if err := b.pawskind("ci"); err == nil {
			return errors.New("the broken test passes")
		}
		if err := test(""); err != nil {
			return err
		}
		_, took, err := b.timed("ci")
		if err != nil {
			return err
		}
		ran, err := b.ran()
		if want := []string{"unit (frontend)", "integration", "build", "deploy", "smoke"}; err != nil || !slices.Equal(ran, want) {
			return fmt.Errorf("after one job was mended %v ran and not %v: %w", ran, want, err)
		}
		b.results.add("ci: own pipeline, after unit (frontend) was mended", "s", took.Seconds())
	}
	return nil
}

// sample runs the sample one job at a time, each way in turn.
func (b *bench) sample(runs int) error {
	act := filepath.Join(b.home, "act")
	build := exec.CommandContext(b.ctx, "go", "build", "-o", act, "github.com/nektos/act")
	build.Dir, build.Stderr = filepath.Join(b.checkout, "test/bench/act"), os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building act: %w", err)
	}
	ways := []struct {
		name string
		run  func() (time.Duration, error)
	}{
		{"by hand", b.byHand},
		{"pawskind", func() (time.Duration, error) {
			_, took, err := b.timed("ci", "sample", "--no-cache", "--parallel", "1")
			return took, err
		}},
		{"act", func() (time.Duration, error) {
			return b.shell(b.home, act, "push", "-W", sampleWorkflow, "-P", "ubuntu-latest=-self-hosted", "--concurrent-jobs", "1")
		}},
	}
	for i := range runs + 1 {
		took := map[string]time.Duration{}
		for _, way := range ways {
			var err error
			if took[way.name], err = way.run(); err != nil {
				return fmt.Errorf("the sample, %s: %w", way.name, err)
			}
			if i > 0 { // the first time warms caches
				b.results.add("sample: "+way.name, "s", took[way.name].Seconds())
			}
		}
		if hand := took["by hand"]; i > 0 {
			for _, name := range []string{"pawskind", "act"} {
				b.results.add("sample: overhead of "+name+" a job", "s", (took[name]-hand).Seconds()/float64(len(sampleJobs)))
				b.results.add("sample: overhead of "+name, "%", 100*(took[name]-hand).Seconds()/hand.Seconds())
			}
		}
	}
	return nil
}

// byHand runs the sample's commands one after the other, each in a fresh copy
// whose making does not count.
func (b *bench) byHand() (sum time.Duration, err error) {
	snapshot, err := tree.Take(b.ctx, b.home, filepath.Join(b.home, ".local/hand"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, snapshot.Remove()) }()
	for _, j := range sampleJobs {
		folder := filepath.Join(filepath.Dir(b.home), "hand-"+j.id)
		if err := snapshot.Checkout(b.ctx, folder, func(string) bool { return true }); err != nil {
			return 0, err
		}
		took, err := b.shell(folder, "bash", "-e", "-c", j.command)
		if err := errors.Join(err, tree.RemoveAll(folder)); err != nil {
			return 0, err
		}
		sum += took
	}
	return sum, nil
}

func (b *bench) shell(folder, program string, args ...string) (time.Duration, error) {
	command := exec.CommandContext(b.ctx, program, args...)
	command.Dir = folder
	start := time.Now()
	out, err := command.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return time.Since(start), nil
}

// newest is the newest run of a workflow.
func (b *bench) newest(name string) (result ci.Result, err error) {
	files, err := filepath.Glob(filepath.Join(b.home, ".local/pipeline-artifacts", name, "*/run.json"))
	if err != nil {
		return result, err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return result, err
		}
		var one ci.Result
		if err := json.Unmarshal(content, &one); err != nil {
			return result, err
		}
		if one.Started.After(result.Started) {
			result = one
		}
	}
	if result.ID == "" {
		return result, errors.New("there is no run of " + name)
	}
	return result, nil
}

// ran are the jobs of the newest run that were not served from the cache.
func (b *bench) ran() (keys []string, err error) {
	result, err := b.newest("ci")
	for _, j := range result.Jobs {
		if j.Cached == "" {
			keys = append(keys, j.Key)
		}
	}
	return keys, err
}
