package pipeline

import (
	"context"
	"os"
	"path/filepath"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/cache"
	"github.com/paws360/pawskind/internal/ci/runner"
	"github.com/paws360/pawskind/internal/ci/schedule"
)

// options are the scheduler's; end lets go of what was opened for them.
func (p *Pipeline) options(ctx context.Context, o Options, plan *ci.Plan, folder *artifacts.Run) (schedule.Options, func(), error) {
	so := schedule.Options{
		Services: o.Services, Folder: folder, Secrets: o.Secrets, CacheDir: filepath.Join(p.State, "actions-cache"),
		Parallel: o.Parallel, Selection: o.Selection,
	}
	so.Commit, so.Dirty = state(ctx, p.Repo)
	ends := []func(){}
	end := func() {
		for _, f := range ends {
			f()
		}
	}
	if !o.NoCache {
		c, err := cache.Open(ctx, p.Repo, filepath.Join(p.State, "cache"), cache.Facts{
			Version: p.Version, Runner: o.Runner, Services: o.ServicesFrom, Event: event(o, plan), Secrets: o.Secrets, Search: os.Getenv("PATH"),
		})
		if err != nil {
			return so, end, err
		}
		so.Cache = c
		ends = append(ends, func() {
			_ = c.Close() // what it learned is learned again next time
			_ = c.Prune(cache.KeepFor, cache.KeepBytes)
		})
	}
	r, err := runner.New(ctx, runner.Options{Repo: p.Repo, State: p.State, Runner: o.Runner, Event: plan.Event, Inputs: o.Inputs, RunID: folder.ID})
	if err != nil {
		end()
		return so, end, err
	}
	ends = append(ends, func() { _ = r.Close() })
	so.Runner = r
	return so, end, nil
}

// event is what a job can learn of what started it.
func event(o Options, plan *ci.Plan) map[string]string {
	facts := map[string]string{"event": plan.Event}
	for name, value := range o.Inputs {
		facts["input "+name] = value
	}
	return facts
}
