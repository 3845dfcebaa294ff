package runner

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nektos/act/pkg/model"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/expression"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

// leg is one leg while it runs.
type leg struct {
	runner *Runner
	plan   *ci.Plan
	job    ci.Job
	work   *workflow.Leg
	in     schedule.Inputs
	tell   ci.Tell
	// env is what the job's expressions see; each step's see more.
	env *expression.Env
	// base is the environment that steps begin with, vars what the workflow sets
	// and GITHUB_ENV adds, search what GITHUB_PATH puts before the PATH.
	base, vars map[string]string
	search     []string
	// folder holds everything that the leg writes.
	folder    string
	tracking  string
	container *container
	// state is success until a step fails or the leg is cancelled.
	state   ci.Conclusion
	result  ci.JobResult
	posts   []post
	readers sync.WaitGroup
	logging sync.Mutex
	top     *scope
	scripts int
	// toolkit is what actions that are programs are given; nil before the first.
	toolkit map[string]string
	keeping sync.Mutex
}

// post is what a step leaves to be done when the job's steps are through.
type post struct {
	name      string
	condition string
	do        func(ctx context.Context, o *output) error
}

// afterCancel is how long steps that run always() may take once the leg is
// stopped.
const afterCancel = 10 * time.Second

// Run runs one leg.
func (r *Runner) Run(ctx context.Context, plan *ci.Plan, job ci.Job, in schedule.Inputs, tell ci.Tell) (result ci.JobResult) {
	l := &leg{runner: r, plan: plan, job: job, work: job.Work.(*workflow.Leg), in: in, tell: tell, state: ci.Success}
	if err := l.prepare(ctx); err != nil {
		l.end()
		return ci.JobResult{Conclusion: conclusionOf(ctx, ci.Failure), Reason: err.Error(), Annotations: l.result.Annotations}
	}
	l.steps(ctx)
	if err := l.outputs(); err != nil && l.state == ci.Success {
		l.state, l.result.Reason = ci.Failure, err.Error()
	}
	l.end()
	l.result.Conclusion = l.state
	return l.result
}

func conclusionOf(ctx context.Context, otherwise ci.Conclusion) ci.Conclusion {
	if ctx.Err() != nil {
		return ci.Cancelled
	}
	return otherwise
}

// end leaves nothing of the leg: no process, no container, and no files when the
// runner is closed.
func (l *leg) end() {
	if l.container != nil {
		l.container.remove(l.folder)
	}
	endAll(l.tracking)
	l.readers.Wait()
	if l.folder != "" {
		l.runner.discard(l.folder)
	}
}

// prepare makes the leg's folders and its environment.
func (l *leg) prepare(ctx context.Context) (err error) {
	l.tracking = "pawskind_" + rand.Text()
	if l.folder, err = l.runner.place.job(artifacts.Name(l.job.Key)); err != nil {
		return fmt.Errorf("making a folder for %s: %w", l.job.Key, err)
	}
	for _, folder := range []string{l.workspace(), l.temp(), l.path("home"), l.path("tools"), l.path("files")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("making a folder for %s: %w", l.job.Key, err)
		}
	}
	secrets := maps.Clone(l.in.Secrets)
	if secrets == nil {
		secrets = map[string]string{}
	}
	if l.env, err = l.runner.jobEnv(l.plan, l.work, l.in.Needs, secrets); err != nil {
		return err
	}
	l.env.Ports = map[string]map[string]int{}
	for name, address := range l.in.Services {
		l.env.Ports[name] = address.Ports
	}
	l.env.Github.Workspace, l.env.Github.EventPath = l.workspace(), l.path("event.json")
	l.env.Runner["temp"], l.env.Runner["tool_cache"], l.env.Runner["workspace"] = l.temp(), l.path("tools"), l.folder
	event, err := json.MarshalIndent(l.env.Github.Event, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the event: %w", err)
	}
	if err := os.WriteFile(l.path("event.json"), event, 0o644); err != nil {
		return fmt.Errorf("writing the event: %w", err)
	}
	if err := l.environment(); err != nil {
		return err
	}
	return l.contain(ctx)
}

// environment is, each over the one before: the machine's, pawskind's, the
// services', the workflow's, the job's.
func (l *leg) environment() error {
	l.base = clean(os.LookupEnv, l.path("home"))
	maps.Copy(l.base, l.in.Env)
	for _, name := range slices.Sorted(maps.Keys(l.in.Services)) {
		maps.Copy(l.base, l.in.Services[name].Env)
	}
	maps.Copy(l.base, l.github())
	l.vars = map[string]string{}
	for _, texts := range []map[string]string{l.work.Workflow.Env, l.work.Job.Environment()} {
		env := *l.env
		env.Env = maps.Clone(l.vars)
		values, err := env.Texts(texts)
		if err != nil {
			return err
		}
		maps.Copy(l.vars, values)
	}
	l.env.HashFiles = l.hashFiles
	return nil
}

func (l *leg) path(name string) string { return filepath.Join(l.folder, name) }
func (l *leg) workspace() string       { return l.path("work") }
func (l *leg) temp() string            { return l.path("temp") }

// outputs are the job's, evaluated when its steps are through.
func (l *leg) outputs() error {
	env := l.scopeEnv(l.top)
	l.result.Outputs = map[string]string{}
	for name, text := range l.work.Job.Outputs {
		value, err := env.Text(text)
		if err != nil {
			return fmt.Errorf("the output %s: %w", name, err)
		}
		if value != "" {
			l.result.Outputs[name] = value
		}
	}
	return nil
}

// steps runs all steps, and then what they left to be done.
func (l *leg) steps(ctx context.Context) {
	l.top = &scope{steps: map[string]*model.StepResult{}, inputs: l.env.Inputs}
	defaults := l.defaults()
	late := lateContext(ctx)
	for i, step := range l.work.Job.Steps {
		own := *step
		withDefaults(&own, defaults)
		if own.ID == "" {
			own.ID = "__" + strconv.Itoa(i)
		}
		at := ctx
		if ctx.Err() != nil {
			l.state = ci.Cancelled
			at = late()
		}
		l.step(at, l.top, &own)
	}
	for _, p := range slices.Backward(l.posts) {
		at := ctx
		if ctx.Err() != nil {
			l.state = ci.Cancelled
			at = late()
		}
		l.post(at, p)
	}
	if ctx.Err() != nil {
		l.state = ci.Cancelled
	}
}

// lateContext gives the context of what still runs after a cancel: one span of
// time for all of it.
func lateContext(ctx context.Context) func() context.Context {
	return sync.OnceValue(func() context.Context {
		late, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), afterCancel, context.Cause(ctx))
		context.AfterFunc(late, cancel)
		return late
	})
}

func (l *leg) post(ctx context.Context, p post) {
	env := l.scopeEnv(l.top)
	wanted, err := env.Condition(p.condition)
	if err == nil && !wanted {
		return
	}
	started := time.Now()
	l.tell(ci.Event{Time: started, Kind: ci.StepStarted, Job: l.job.Key, Step: p.name})
	o := l.output(p.name, l.top)
	if err == nil {
		err = p.do(ctx, o)
	}
	ended := ci.Success
	if err != nil {
		ended = ci.Failure
		o.fail(err)
		l.fail(ctx)
	}
	o.close()
	l.told(ci.StepResult{Name: p.name, Outcome: ended, Conclusion: ended, Started: started})
}

func (l *leg) fail(ctx context.Context) {
	if l.state == ci.Success {
		l.state = conclusionOf(ctx, ci.Failure)
	}
}

// told keeps and tells how a step ended.
func (l *leg) told(result ci.StepResult) {
	result.Ended = time.Now()
	l.result.Steps = append(l.result.Steps, result)
	l.tell(ci.Event{Time: result.Ended, Kind: ci.StepEnded, Job: l.job.Key, Step: result.Name, Conclusion: result.Conclusion})
}

// defaults are those of the job over those of the workflow.
func (l *leg) defaults() model.RunDefaults {
	d := l.work.Workflow.Defaults.Run
	own := l.work.Job.Defaults.Run
	if own.Shell != "" {
		d.Shell = own.Shell
	}
	if own.WorkingDirectory != "" {
		d.WorkingDirectory = own.WorkingDirectory
	}
	return d
}

func withDefaults(step *model.Step, d model.RunDefaults) {
	if step.Run == "" {
		return
	}
	if step.Shell == "" {
		step.Shell = d.Shell
	}
	if step.WorkingDirectory == "" {
		step.WorkingDirectory = d.WorkingDirectory
	}
}

// keepArtifact notes what the leg uploaded.
func (l *leg) keepArtifact(name string) {
	l.keeping.Lock()
	defer l.keeping.Unlock()
	if !slices.Contains(l.result.Artifacts, name) {
		l.result.Artifacts = append(l.result.Artifacts, name)
	}
}

// log writes a line into the job's log.
func (l *leg) log(text string) {
	l.logging.Lock()
	defer l.logging.Unlock()
	_, _ = io.WriteString(l.in.Log, text+"\n") // the scheduler tells when its file fails
}
