package schedule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/mask"
	"github.com/paws360/pawskind/internal/problem"
)

// longest is the remote's bound on a job that sets none.
const longest = 360 * time.Minute

// attempt is one leg on its way to a result, in a goroutine of its own.
type attempt struct {
	*run
	job     ci.Job
	how     mode
	needs   map[string]ci.JobResult
	log     string
	started time.Time
}

// outcome is the leg's, from the cache or from running it.
func (a *attempt) outcome(ctx context.Context) outcome {
	cached := a.cached(ctx)
	if result, found := a.take(cached); found {
		return as(result)
	}
	if a.how == assume {
		shown := place(ci.JobResult{Conclusion: ci.Skipped, Reason: "it was not selected and is taken as passed", Started: a.started, Ended: time.Now()}, a.job)
		seen := shown
		seen.Conclusion = ci.Success
		return outcome{shown, seen}
	}
	a.pass(ci.Event{Kind: ci.JobStarted, Job: a.job.Key})
	result := a.execute(ctx)
	if result.Conclusion == ci.Success && result.NoCache == "" && cached != nil && ctx.Err() == nil {
		if err := cached.Keep(result); err != nil {
			result.Annotations = append(result.Annotations, ci.Annotation{Level: "warning", Message: "its result is not in the cache: " + err.Error()})
		}
	}
	return as(result)
}

// cached is the leg's place in the cache; nil when it has none. A cache that
// fails costs time and nothing else.
func (a *attempt) cached(ctx context.Context) CachedLeg {
	if a.Cache == nil || a.job.NoCache != "" && a.how != assume {
		return nil
	}
	leg, err := a.Cache.Leg(ctx, a.plan, a.job, a.needs, a.Folder)
	if err != nil {
		a.pass(ci.Event{Kind: ci.Line, Job: a.job.Key, Text: "The cache cannot be used: " + a.masks.Text(err.Error())})
		return nil
	}
	return leg
}

func (a *attempt) take(cached CachedLeg) (ci.JobResult, bool) {
	if cached == nil || a.how == fresh {
		return ci.JobResult{}, false
	}
	result, found := cached.Take(a.log)
	if !found && (a.how == reuse || a.how == assume) {
		if result, found = cached.TakeLatest(a.log); found {
			result.Reason = "as it passed in run " + result.Cached + ", whatever has changed since"
		}
	}
	result.Log = a.log
	return place(result, a.job), found
}

// execute runs the leg, with its log and its services.
func (a *attempt) execute(ctx context.Context) (result ci.JobResult) {
	timeout := a.job.Timeout
	if timeout <= 0 {
		timeout = longest
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &Stopped{ci.Failure, fmt.Sprintf("it took longer than %s", timeout)})
	defer cancel()
	file, err := os.Create(filepath.Join(a.Folder.Folder, a.log))
	if err != nil {
		return a.settle(ctx, failure(problem.New(problem.FileFailed, "cannot write the log of %s", a.job.Key).Because(err)))
	}
	log := a.masks.Writer(file)
	told := newJobTeller(a.job.Key, a.masks, a.pass)
	defer func() {
		told.finish()
		if err := errors.Join(log.Flush(), file.Close()); err != nil && result.Conclusion == ci.Success {
			result.Conclusion, result.Reason = ci.Failure, "its log could not be written: "+err.Error()
		}
	}()
	result = a.settle(ctx, a.work(ctx, log, told.tell))
	result.Annotations = append(a.warnings(), result.Annotations...)
	return result
}

// work starts the services and hands the leg to the runner.
func (a *attempt) work(ctx context.Context, log *mask.Writer, tell ci.Tell) (result ci.JobResult) {
	defer func() {
		if broken := recover(); broken != nil {
			_, _ = fmt.Fprintf(log, "%v\n%s", broken, debug.Stack())
			result = failure(fmt.Errorf("the runner broke down: %v", broken))
		}
	}()
	in := Inputs{
		Needs: a.needs, Env: maps.Clone(a.Env), Secrets: maps.Clone(a.Secrets), Log: log,
		Mask:   func(value string) { a.masks.Add(value) },
		Notice: a.notices.add, ArtifactsDir: a.Folder.Artifacts(), CacheDir: a.CacheDir,
	}
	if len(a.job.Services) > 0 {
		if a.Services == nil {
			return failure(problem.New(problem.ServiceUnavailable, "%s uses services, and there are none here", a.job.Key))
		}
		addresses, stop, err := a.Services.Start(ctx, a.job, log)
		if stop != nil {
			defer stop()
		}
		if err != nil {
			return failure(err)
		}
		in.Services = addresses
	}
	return a.Runner.Run(ctx, a.plan, a.job, in, tell)
}

func failure(err error) ci.JobResult {
	return ci.JobResult{Conclusion: ci.Failure, Reason: err.Error()}
}

// settle completes what the runner gave, and keeps secrets out of it.
func (a *attempt) settle(ctx context.Context, result ci.JobResult) ci.JobResult {
	var stopped *Stopped
	switch {
	case ctx.Err() != nil && errors.As(context.Cause(ctx), &stopped) && result.Conclusion != ci.Success:
		result.Conclusion, result.Reason = stopped.Conclusion, stopped.Reason
	case result.Conclusion == "":
		result.Conclusion, result.Reason = ci.Failure, "it ended without a conclusion"
	}
	result = place(result, a.job)
	result.Started, result.Ended, result.Log, result.Cached = a.started, time.Now(), a.log, ""
	result.Reason = a.masks.Text(result.Reason)
	for i, annotation := range result.Annotations {
		result.Annotations[i] = maskAnnotation(a.masks, annotation)
	}
	// The remote, too, passes no secret on as an output.
	for _, name := range slices.Sorted(maps.Keys(result.Outputs)) {
		if a.masks.Hides(result.Outputs[name]) {
			delete(result.Outputs, name)
			result.Annotations = append(result.Annotations, ci.Annotation{Level: "warning", Message: fmt.Sprintf("the output %s is left out: it may contain a secret", name)})
		}
	}
	return result
}

// warnings tell of the job's secrets that are too short to be masked.
func (a *attempt) warnings() []ci.Annotation {
	var list []ci.Annotation
	for _, name := range a.job.Secrets {
		if a.short[name] {
			list = append(list, ci.Annotation{Level: "warning",
				Message: fmt.Sprintf("the secret %s is shorter than %d characters and is not masked", name, mask.Shortest)})
		}
	}
	return list
}

// finish passes on what was held back.
func (t *jobTeller) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
}

// logNames gives every leg a log of its own.
func logNames(jobs []ci.Job, folder *artifacts.Run) map[string]string {
	names, used := map[string]string{}, map[string]bool{}
	for _, job := range jobs {
		name := folder.Log(job.Key)
		for n := 2; used[strings.ToLower(name)]; n++ { // some file systems know no case
			name = folder.Log(fmt.Sprintf("%s-%d", job.Key, n))
		}
		names[job.Key], used[strings.ToLower(name)] = name, true
	}
	return names
}

// notices are collected from all legs, each once.
type notices struct {
	mu  sync.Mutex
	all []ci.Notice
}

func (n *notices) add(notice ci.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.all, notice) {
		n.all = append(n.all, notice)
	}
}

func (n *notices) list() []ci.Notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all
}
