package pipeline

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/cache"
	"github.com/paws360/pawskind/internal/ci/runner"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/ci/toolchain"
	"github.com/paws360/pawskind/internal/engine"
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
		c, err := cache.Open(ctx, p.Repo, filepath.Join(p.State, "cache"), p.facts(o, plan))
		if err != nil {
			return so, end, err
		}
		so.Cache = c
		ends = append(ends, func() {
			_ = c.Close() // what it learned is learned again next time
			_ = c.Prune(cache.KeepFor, cache.KeepBytes)
		})
	}
	r, err := runner.New(ctx, runner.Options{Repo: p.Repo, State: p.State, Runner: o.Runner, Engine: o.Engine, Image: o.Image, Event: plan.Event, Inputs: o.Inputs, RunID: folder.ID})
	if err != nil {
		end()
		return so, end, err
	}
	ends = append(ends, func() { _ = r.Close() })
	so.Runner = r
	return so, end, nil
}

// facts are what results depend on besides the repository and its plan.
func (p *Pipeline) facts(o Options, plan *ci.Plan) cache.Facts {
	env := runner.Passed(os.LookupEnv)
	f := cache.Facts{
		Version: p.Version, Runner: o.Runner, DefaultImage: cmp.Or(o.Image, runner.DefaultImage), Services: o.ServicesFrom, Servers: o.Servers,
		Event: event(o, plan), Env: env, Secrets: o.Secrets, Image: imageIDs(o.Engine), Search: env["PATH"], Home: os.Getenv("HOME"),
	}
	// Which programs the PATH leads to is looked at one by one.
	delete(env, "PATH")
	for _, tool := range toolchain.Names() {
		for _, i := range toolchain.Find(tool, os.Environ()) {
			f.Installed = append(f.Installed, tool+" "+i.Version+" "+i.Home)
		}
	}
	return f
}

// imageIDs asks the engine, once for each name.
func imageIDs(provider string) func(context.Context, string) string {
	found := sync.OnceValue(func() *engine.Engine {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		e, err := engine.Detect(ctx, provider)
		if err != nil {
			return nil // no image is here then
		}
		return e
	})
	var mu sync.Mutex
	ids := map[string]string{}
	return func(ctx context.Context, name string) string {
		mu.Lock()
		defer mu.Unlock()
		if id, known := ids[name]; known || found() == nil {
			return id
		}
		out, err := found().Output(ctx, "image", "inspect", "--format", "{{.Id}}", name)
		if err == nil {
			ids[name] = strings.TrimSpace(string(out))
		}
		return ids[name]
	}
}

// event is what a job can learn of what started it.
func event(o Options, plan *ci.Plan) map[string]string {
	facts := map[string]string{"event": plan.Event}
	for name, value := range o.Inputs {
		facts["input "+name] = value
	}
	return facts
}
