// Package pipeline brings the rooms of internal/ci together: it finds a
// repository's workflow, reads its plan, runs it and keeps the report.
package pipeline

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/report"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/ci/workflow"
	"github.com/paws360/pawskind/internal/problem"
)

// Pipeline is a repository and where its runs are kept.
type Pipeline struct {
	// Repo is the repository's root, absolute.
	Repo string
	// Store keeps the runs.
	Store *artifacts.Store
	// State is the folder of caches, Version is pawskind's.
	State, Version string
	// Outputs are files that this program writes while it runs: that they change
	// is no change of the repository.
	Outputs []os.FileInfo
}

// Options are how a workflow is run.
type Options struct {
	Event     string
	Inputs    map[string]string
	Selection schedule.Selection
	// NoCache runs every job, Strict refuses what is not reproduced.
	NoCache, Strict bool
	// Runner is where jobs run: host or container. ServicesFrom is where services
	// come from: environment or container.
	Runner, ServicesFrom string
	// Servers tell how the environment's databases are configured; Engine is
	// docker, podman, or auto for the one that works.
	// Image is what jobs run in that name no container, with Runner container.
	Servers, Engine, Image string
	Parallel               int
	Secrets                map[string]string
	// Services starts what jobs ask for under services; nil makes such jobs fail.
	Services schedule.Services
}

// Workflow finds the workflow that a user means: by its path, its file's name or
// what it calls itself; without one the only workflow, or the one called ci.
func (p *Pipeline) Workflow(meant string) (string, error) {
	files, err := workflow.Find(p.Repo)
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", problem.New(problem.NoWorkflow, "%s has no workflows", p.Repo)
	}
	if found := choose(files, meant, p.nameOf); found != "" {
		return found, nil
	}
	what := fmt.Sprintf("there is no workflow %q", meant)
	if meant == "" {
		what = "there are several workflows, and none is called ci"
	}
	return "", problem.New(problem.NoWorkflow, "%s", what).Do("Name one: %s", strings.Join(files, ", "))
}

func choose(files []string, meant string, nameOf func(string) string) string {
	if meant == "" {
		if len(files) == 1 {
			return files[0]
		}
		meant = "ci"
	}
	meant = filepath.ToSlash(meant)
	for _, by := range []func(string) string{
		func(file string) string { return file },
		path.Base,
		artifacts.Workflow,
		nameOf,
	} {
		if i := slices.IndexFunc(files, func(file string) bool { return by(file) == meant }); i >= 0 {
			return files[i]
		}
	}
	return ""
}

// nameOf is what a workflow calls itself, read without reading all of it: a file
// that is broken must not keep the others from being found.
func (p *Pipeline) nameOf(file string) string {
	content, err := os.Open(filepath.Join(p.Repo, file))
	if err != nil {
		return ""
	}
	defer func() { _ = content.Close() }()
	scanner := bufio.NewScanner(content)
	for scanner.Scan() {
		if name, found := strings.CutPrefix(scanner.Text(), "name:"); found {
			return strings.Trim(strings.TrimSpace(name), `"'`)
		}
	}
	return ""
}

// Run runs a plan and keeps the result, the logs and the report. The error says
// that nothing could be run; how the jobs went is in the result.
func (p *Pipeline) Run(ctx context.Context, o Options, plan *ci.Plan, tell ci.Tell) (ci.Result, error) {
	if o.Strict {
		if err := Strict(plan.NotReproduced); err != nil {
			return ci.Result{}, err
		}
	}
	done, err := p.turn(ctx, plan, func(text string) { tell(ci.Event{Time: time.Now(), Kind: ci.Line, Text: text}) })
	if err != nil {
		return ci.Result{}, err
	}
	defer done()
	if _, err := p.Store.Prune(); err != nil {
		return ci.Result{}, err
	}
	folder, err := p.Store.Begin(plan.File)
	if err != nil {
		return ci.Result{}, err
	}
	options, end, err := p.options(ctx, o, plan, folder)
	if err != nil {
		return ci.Result{}, err
	}
	defer end()
	result, err := schedule.Run(ctx, options, plan, tell)
	if err != nil {
		return result, err
	}
	if err := writeReport(result, plan, folder); err != nil {
		return result, err
	}
	if o.Strict {
		return result, Strict(result.NotReproduced) // some show only in the run
	}
	return result, nil
}

// Strict is the error that notices are when nothing may be left out; nil for none.
func Strict(notices []ci.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	var several problem.Several
	for _, n := range notices {
		several = append(several, problem.New(problem.NotReproduced, "%s:%d: %s is not reproduced here: %s", n.File, n.Line, n.What, n.Why))
	}
	return several
}

func writeReport(result ci.Result, plan *ci.Plan, folder *artifacts.Run) (err error) {
	fail := func(err error) error {
		return problem.New(problem.FileFailed, "cannot write %s", folder.Report()).Because(err)
	}
	file, err := os.Create(folder.Report())
	if err != nil {
		return fail(err)
	}
	if err := errors.Join(report.Write(file, result, plan, func(j ci.JobResult) []string { return tail(folder, j) }), file.Close()); err != nil {
		return fail(err)
	}
	return nil
}

// tailLines and tailBytes bound what the report shows of a job's log.
const (
	tailLines = 60
	tailBytes = 64 << 10
)

func tail(folder *artifacts.Run, j ci.JobResult) []string {
	if j.Log == "" {
		return nil
	}
	file, err := os.Open(filepath.Join(folder.Folder, j.Log))
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	content := make([]byte, min(info.Size(), tailBytes))
	n, err := file.ReadAt(content, info.Size()-int64(len(content)))
	if err != nil && n == 0 {
		return nil
	}
	lines := strings.Split(strings.TrimRight(strings.ToValidUTF8(string(content[:n]), "�"), "\n"), "\n")
	return lines[max(0, len(lines)-tailLines):]
}

// state is the commit that the tree is at, and whether it differs from it.
func state(ctx context.Context, repo string) (commit string, dirty bool) {
	git := func(args ...string) string {
		command := exec.CommandContext(ctx, "git", args...)
		command.Dir = repo
		out, err := command.Output()
		if err != nil {
			return "" // a repository without a commit has none
		}
		return strings.TrimSpace(string(out))
	}
	return git("rev-parse", "--verify", "--quiet", "HEAD"), git("status", "--porcelain") != ""
}
