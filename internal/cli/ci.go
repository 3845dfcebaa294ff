package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/pipeline"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/ci/services"
	"github.com/paws360/pawskind/internal/ci/view"
	"github.com/paws360/pawskind/internal/ci/workflow"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/secrets"
)

// CIOptions say what is run, and how.
type CIOptions struct {
	Workflow, Event string
	Inputs          map[string]string
	Jobs, From      []string
	// Alone takes what the jobs need from an earlier run.
	Alone, NoCache, Strict bool
	List, DryRun, Watch    bool
	// Runner is host or container, Services environment or container.
	Runner, Services string
	// Image is what jobs run in that name no container, with Runner container.
	Image    string
	Parallel int
}

// CI runs one of the repository's workflows here.
func (a *App) CI(ctx context.Context, o CIOptions) error {
	if err := o.check(a.Format); err != nil {
		return err
	}
	p, err := a.pipeline(ctx)
	if err != nil {
		return err
	}
	file, err := p.Workflow(o.Workflow)
	if err != nil {
		return err
	}
	if o.List || o.DryRun {
		return a.showPlan(p, file, o)
	}
	if o.Watch {
		return a.watch(ctx, p, file, o)
	}
	return a.runPlan(ctx, p, file, o)
}

func (o CIOptions) check(format string) error {
	for _, flag := range []struct {
		name, value string
		known       []string
	}{{"runner", o.Runner, []string{"host", "container"}}, {"services", o.Services, []string{"environment", "container"}}} {
		if !slices.Contains(flag.known, flag.value) {
			return problem.New(problem.Usage, "--%s is %q and must be %s", flag.name, flag.value, strings.Join(flag.known, " or "))
		}
	}
	switch {
	case o.Alone && len(o.Jobs) == 0:
		return problem.New(problem.Usage, "--alone goes with --job")
	case o.Parallel < 0:
		return problem.New(problem.Usage, "--parallel must not be negative")
	case format == YAML && !o.List && !o.DryRun:
		return problem.New(problem.Usage, "a run has no YAML output").Do("Use -o json: one event a line")
	}
	return nil
}

// pipeline is the repository that the project is in.
func (a *App) pipeline(ctx context.Context) (*pipeline.Pipeline, error) {
	repo, err := a.repository(ctx)
	if err != nil {
		return nil, err
	}
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	if err := a.Config.Prepare(); err != nil { // git ignores it, or each run would be a change
		return nil, err
	}
	return &pipeline.Pipeline{Repo: repo, Store: store, State: filepath.Join(a.Config.Local(), "ci"), Version: a.Version, Outputs: a.outputs()}, nil
}

// outputs are the files that a shell has this program write to.
func (a *App) outputs() (files []os.FileInfo) {
	for _, w := range []io.Writer{a.Out, a.Err} {
		if file, is := w.(*os.File); is {
			if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
				files = append(files, info)
			}
		}
	}
	return files
}

func (a *App) showPlan(p *pipeline.Pipeline, file string, o CIOptions) error {
	plan, err := workflow.Read(p.Repo, file, o.Event, o.Inputs)
	if err != nil {
		return err
	}
	chosen, err := schedule.Selected(plan, o.selection())
	if err != nil {
		return err
	}
	if err := a.Show(chosen, func(out io.Writer) { view.Plan(out, a.ciStyle(), *chosen, o.DryRun) }); err != nil {
		return err
	}
	if o.Strict {
		return pipeline.Strict(plan.NotReproduced)
	}
	return nil
}

func (o CIOptions) selection() schedule.Selection {
	return schedule.Selection{Jobs: o.Jobs, Alone: o.Alone, From: o.From}
}

func (a *App) runPlan(ctx context.Context, p *pipeline.Pipeline, file string, o CIOptions) error {
	plan, err := workflow.Read(p.Repo, file, o.Event, o.Inputs)
	if err != nil {
		return err
	}
	values, err := secrets.Read(a.Config.SecretsFile())
	if err != nil {
		return err
	}
	options := pipeline.Options{
		Event: o.Event, Inputs: o.Inputs, Selection: o.selection(), NoCache: o.NoCache, Strict: o.Strict,
		Runner: o.Runner, ServicesFrom: o.Services, Parallel: o.Parallel, Secrets: values, Services: services.Of(a.Config, o.Services),
		Servers: services.Configured(a.Config), Engine: a.Config.Provider, Image: o.Image,
	}
	if a.Format == JSON {
		result, err := p.Run(ctx, options, plan, view.JSON(a.Out))
		return ciVerdict(ctx, result, err)
	}
	v := view.New(a.Err, a.ciStyle())
	stop := v.Live()
	result, err := p.Run(ctx, options, plan, v.Tell)
	stop()
	if result.ID != "" {
		v.Summary(a.Out, result)
		_, _ = fmt.Fprintf(a.Out, "\nRun %s: %s\n", result.ID, relative(filepath.Join(result.Folder, artifacts.ReportFile)))
	}
	return ciVerdict(ctx, result, err)
}

// ciVerdict is the exit status: a run that passed, or one that had nothing to do.
func ciVerdict(ctx context.Context, r ci.Result, err error) error {
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return problem.New(problem.Interrupted, "interrupted: nothing of the run goes on")
	case !r.Conclusion.Failed():
		return nil
	}
	var failed []string
	for _, j := range r.Jobs {
		if j.Conclusion.Failed() && !j.ContinueOnError {
			failed = append(failed, j.Key)
		}
	}
	return problem.New(problem.RunFailed, "run %s of %s: %s (%s)", r.ID, r.File, r.Conclusion, strings.Join(failed, ", "))
}

// watchEvery is how often the files are looked at.
const watchEvery = 700 * time.Millisecond

// watch runs the workflow, and again after each change until it is interrupted;
// a change while it runs counts, too. The cache keeps what a change does not
// affect from running.
func (a *App) watch(ctx context.Context, p *pipeline.Pipeline, file string, o CIOptions) error {
	for {
		before, err := p.Fingerprint(ctx)
		if err != nil {
			return err
		}
		if err := a.runPlan(ctx, p, file, o); ctx.Err() != nil {
			return err
		} else if err != nil {
			a.Fail(err)
		}
		a.Note("%s waiting for a change; Ctrl-C ends it", a.symbol("…", "..."))
		if err := p.Changed(ctx, before, watchEvery); err != nil {
			if ctx.Err() != nil {
				return problem.New(problem.Interrupted, "interrupted")
			}
			return err
		}
	}
}

func (a *App) ciStyle() view.Style {
	s := view.Style{Terminal: a.Redraws, Symbols: a.Symbols, Colour: a.Colour, Quiet: a.Quiet, Verbose: a.Verbose, Width: a.Width}
	if file, is := a.Err.(*os.File); is {
		if _, height, err := term.GetSize(int(file.Fd())); err == nil {
			s.Height = height
		}
	}
	return s
}

// CIWorkflows are the repository's workflows, for completion.
func (a *App) CIWorkflows() []string {
	p, err := a.pipeline(context.Background())
	if err != nil {
		return nil
	}
	files, err := workflow.Find(p.Repo)
	if err != nil {
		return nil
	}
	var names []string
	for _, file := range files {
		names = append(names, artifacts.Workflow(file))
	}
	return names
}

// CIJobs are the jobs of a workflow, for completion.
func (a *App) CIJobs(meant string) []string {
	p, err := a.pipeline(context.Background())
	if err != nil {
		return nil
	}
	file, err := p.Workflow(meant)
	if err != nil {
		return nil
	}
	plan, err := workflow.Read(p.Repo, file, "", nil)
	if err != nil {
		return nil
	}
	var names []string
	for _, j := range plan.Jobs {
		if !slices.Contains(names, j.ID) {
			names = append(names, j.ID)
		}
		if j.Key != j.ID {
			names = append(names, j.Key)
		}
	}
	return names
}
