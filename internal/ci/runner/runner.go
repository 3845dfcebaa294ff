// Package runner runs one leg of a workflow on this machine: on the host, or in
// a container.
//
// The workflow's model and its expressions are act's (pkg/model, pkg/exprparser).
// So is the cache server that actions ask (pkg/artifactcache, by package toolkit).
// Its pkg/runner is not used: on the host it gives every command a terminal and
// the caller's whole environment, ends only a command's first process on a
// cancel, asks Node to hash files, knows no ports of services, and needs Docker's
// client libraries in order to be compiled at all. Steps are therefore run here,
// the way the remote's runner does: without a terminal, with a clean environment,
// and with every process found and ended when the leg ends.
package runner

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/ci/toolkit"
	"github.com/paws360/pawskind/internal/ci/tree"
	"github.com/paws360/pawskind/internal/ci/workflow"
	"github.com/paws360/pawskind/internal/problem"
)

// Options are how legs are run.
type Options struct {
	// Repo is the repository's root.
	Repo string
	// State is where fetched actions are kept.
	State string
	// Work is where legs work; the system's folder for temporary files when empty.
	Work string
	// Runner is host or container; Image is what legs run in that name no
	// container when it is container.
	Runner, Image string
	// Engine is docker, podman, or empty for the one that works.
	Engine string
	Event  string
	Inputs map[string]string
	RunID  string
}

// DefaultImage is what a leg runs in with Runner container when it names none.
const DefaultImage = "ubuntu:24.04"

// Runner runs legs; it is a schedule.Runner.
type Runner struct {
	options Options
	place   place
	actions *actions
	// deleting are what legs left, on its way out.
	deleting sync.WaitGroup

	mu       sync.Mutex
	snapshot *tree.Snapshot
	toolkit  *toolkit.Server
}

var _ schedule.Runner = (*Runner)(nil)

// New makes a runner for one run. Nothing is copied before the first checkout: a
// run that is served from the cache costs nothing here.
func New(_ context.Context, o Options) (*Runner, error) {
	where, err := newPlace(o.Work, o.Repo)
	if err != nil {
		return nil, problem.New(problem.FileFailed, "cannot make a folder for the run").Because(err)
	}
	return &Runner{options: o, place: where, actions: &actions{folder: filepath.Join(o.State, "actions")}}, nil
}

// Close removes the run's checkouts.
func (r *Runner) Close() error {
	if r.toolkit != nil {
		_ = r.toolkit.Close() // nobody uses it any more
	}
	r.deleting.Wait()
	if err := r.place.leave(); err != nil {
		return fmt.Errorf("removing the run's checkouts: %w", err)
	}
	return nil
}

// discard takes a leg's folder away at once, and deletes it beside the legs that
// come: node_modules alone takes seconds.
func (r *Runner) discard(folder string) {
	gone, err := r.place.aside(folder)
	if err != nil {
		_ = tree.RemoveAll(folder) // Close tries again
		return
	}
	r.deleting.Go(func() { _ = tree.RemoveAll(gone) }) // Close tries again
}

// files are the repository's as they were at the run's first checkout.
func (r *Runner) files(ctx context.Context) (*tree.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.snapshot != nil {
		return r.snapshot, nil
	}
	folder := filepath.Join(r.place.folder, "snapshot")
	s, err := tree.Take(ctx, r.options.Repo, folder)
	if err != nil {
		_ = tree.RemoveAll(folder) // the next leg tries again
		return nil, err
	}
	r.snapshot = s
	return s, nil
}

// toolkitEnv is how the leg's actions that are programs reach the servers that
// their toolkit wants, which are started when the first one does.
func (l *leg) toolkitEnv() (map[string]string, error) {
	r := l.runner
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.toolkit == nil {
		server, err := toolkit.Start(l.in.ArtifactsDir, l.in.CacheDir, r.options.RunID)
		if err != nil {
			return nil, err
		}
		r.toolkit = server
	}
	if l.toolkit == nil {
		env, token, err := r.toolkit.Job(l.keepArtifact)
		if err != nil {
			return nil, err
		}
		if l.in.Mask != nil {
			l.in.Mask(token)
		}
		l.toolkit = env
	}
	return l.toolkit, nil
}

// Wanted evaluates the `if` of the jobs that called the leg's workflow, and then
// its own.
func (r *Runner) Wanted(plan *ci.Plan, job ci.Job, needs map[string]ci.JobResult) (bool, string, error) {
	for _, l := range chain(job.Work.(*workflow.Leg)) {
		env, err := r.jobEnv(plan, l, needs, nil)
		if err != nil {
			return false, "", err
		}
		env.Job.Status = status(plan, l, needs)
		condition := l.Job.If.Value
		wanted, err := env.Condition(condition)
		if err != nil {
			return false, "", fmt.Errorf("the condition of %s: %w", l.ID, err)
		}
		switch {
		case wanted:
		case condition != "":
			return false, "its condition is not met: " + condition, nil
		default:
			return false, "a job that it needs " + map[string]string{"failure": "failed", "cancelled": "was cancelled"}[env.Job.Status] + skippedNeed(env.Job.Status), nil
		}
	}
	return true, "", nil
}

func skippedNeed(status string) string {
	if status == "skipped" {
		return "was skipped"
	}
	return ""
}

// chain is a leg after all that called it, the outermost first.
func chain(l *workflow.Leg) []*workflow.Leg {
	if l == nil {
		return nil
	}
	return append(chain(l.Caller), l)
}
