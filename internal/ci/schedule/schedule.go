package schedule

import (
	"context"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/mask"
)

// Options are how a plan is run.
type Options struct {
	Runner Runner
	// Cache serves what has passed with the same inputs; nil for none.
	Cache Cache
	// Services starts what jobs ask for under services; nil makes such jobs fail.
	Services Services
	// Folder is where the run's artifacts, logs and result go.
	Folder *artifacts.Run
	// Env is added to every job's environment.
	Env map[string]string
	// Secrets are given to the jobs and masked wherever they show up.
	Secrets map[string]string
	// CacheDir is where actions/cache keeps its entries.
	CacheDir string
	// Parallel is how many legs run at a time; 0 means one a core.
	Parallel  int
	Selection Selection
	// Commit is the commit that is run, Dirty tells of changes on top of it.
	Commit string
	Dirty  bool
}

// Cache finds earlier results.
type Cache interface {
	// Leg is what the cache knows of a leg whose needs have come to these results
	// (all that it depends on, by key). The folder is the run's.
	Leg(ctx context.Context, plan *ci.Plan, job ci.Job, needs map[string]ci.JobResult, folder *artifacts.Run) (CachedLeg, error)
}

// CachedLeg is a leg's place in the cache. Taking puts the artifacts and the log
// into the run's folder; the log's name in it is given.
type CachedLeg interface {
	// Take gives the result that the same inputs came to.
	Take(log string) (ci.JobResult, bool)
	// TakeLatest gives the newest success, whatever its inputs were.
	TakeLatest(log string) (ci.JobResult, bool)
	// Keep stores a success of these inputs, unless they changed while it ran.
	Keep(result ci.JobResult) error
}

// Services starts services of jobs.
type Services interface {
	// Start gives the addresses, by the services' names, once all are healthy.
	// Stop takes away what was made for them; it is called in any case.
	Start(ctx context.Context, job ci.Job, log io.Writer) (addresses map[string]ServiceAddress, stop func(), err error)
}

// Run runs the plan, or what is selected of it, and tells what happens. When the
// context ends, what runs is stopped and all else told as cancelled. The error
// says that nothing could be run or that the result could not be kept.
func Run(ctx context.Context, o Options, plan *ci.Plan, tell ci.Tell) (ci.Result, error) {
	how, err := modes(plan, o.Selection)
	if err != nil {
		return ci.Result{}, err
	}
	selected := *plan
	selected.Jobs = slices.DeleteFunc(slices.Clone(plan.Jobs), func(j ci.Job) bool {
		_, chosen := how[j.Key]
		return !chosen
	})
	limit := o.Parallel
	if limit <= 0 {
		limit = runtime.NumCPU()
	}
	r := &run{
		Options: o, plan: &selected, how: how, board: newBoard(selected.Jobs, limit),
		seen: map[string]ci.JobResult{}, stops: map[string]context.CancelCauseFunc{},
		ends: make(chan outcome), teller: teller{tell: tell}, masks: mask.New(),
		result: ci.Result{
			ID: o.Folder.ID, File: plan.File, Workflow: plan.Name, Event: plan.Event, Commit: o.Commit, Dirty: o.Dirty,
			Started: time.Now(), NotReproduced: slices.Clone(plan.NotReproduced), Folder: o.Folder.Folder,
		},
	}
	r.short = map[string]bool{}
	for name, value := range o.Secrets {
		r.short[name] = value != "" && !r.masks.Add(value)
	}
	r.logs = logNames(selected.Jobs, o.Folder)
	r.pass(ci.Event{Kind: ci.RunStarted, Plan: &selected})
	r.loop(ctx)
	r.finish()
	err = o.Folder.Save(r.result)
	r.pass(ci.Event{Kind: ci.RunEnded, Conclusion: r.result.Conclusion, Result: &r.result})
	return r.result, err
}

// run is one run while it goes on. Only the loop's goroutine touches the board,
// the results and the stops.
type run struct {
	Options
	teller
	plan  *ci.Plan
	how   map[string]mode
	board *board
	masks *mask.Set
	// short are the secrets that are too short to be masked.
	short map[string]bool
	logs  map[string]string
	// seen are the results as dependants see them, by key.
	seen    map[string]ci.JobResult
	stops   map[string]context.CancelCauseFunc
	ends    chan outcome
	notices notices
	result  ci.Result
}

// outcome is how a leg ended: what is shown, and what its dependants see.
type outcome struct{ shown, seen ci.JobResult }

// as is an outcome that is the same for all.
func as(result ci.JobResult) outcome { return outcome{result, result} }

// loop goes on until every leg has ended.
func (r *run) loop(ctx context.Context) {
	interrupted := ctx.Done()
	for {
		if interrupted != nil && ctx.Err() != nil {
			interrupted = nil
			r.interrupt()
		}
		r.judge()
		for _, job := range r.board.start() {
			r.start(ctx, job)
		}
		if !r.board.running() {
			r.dropAll(ci.Failure, "its needs wait for each other")
			return
		}
		select {
		case o := <-r.ends:
			r.end(o)
		case <-interrupted:
		}
	}
}

func (r *run) interrupt() {
	const reason = "the run was interrupted"
	r.dropAll(ci.Cancelled, reason)
	for _, stop := range r.stops {
		stop(&Stopped{ci.Cancelled, reason})
	}
}

// judge decides on all legs whose needs have ended; one that is not wanted ends
// at once, and with it others can be decided on.
func (r *run) judge() {
	for due := r.board.due(); len(due) > 0; due = r.board.due() {
		for _, job := range due {
			if r.board.byKey[job.Key].state != waiting { // another one's failure ended it
				continue
			}
			if r.how[job.Key] == assume {
				r.board.move(job.Key, queued)
				continue
			}
			wanted, why, err := r.Runner.Wanted(r.plan, job, r.needs(job))
			switch {
			case err != nil:
				r.drop(job, ci.Failure, err.Error())
			case !wanted:
				r.drop(job, ci.Skipped, why)
			default:
				r.board.move(job.Key, queued)
			}
		}
	}
}

// needs are the results of all that the job depends on.
func (r *run) needs(job ci.Job) map[string]ci.JobResult {
	needs := map[string]ci.JobResult{}
	for key := range Ancestors(r.plan, map[string]bool{job.Key: true}) {
		if result, known := r.seen[key]; known {
			needs[key] = result
		}
	}
	return needs
}

// start has a leg run. Its context ends by the loop's word alone, which says why.
func (r *run) start(ctx context.Context, job ci.Job) {
	own, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	r.stops[job.Key] = stop
	a := &attempt{run: r, job: job, how: r.how[job.Key], needs: r.needs(job), log: r.logs[job.Key], started: time.Now()}
	go func() { r.ends <- a.outcome(own) }()
}

// end takes a leg's outcome in.
func (r *run) end(o outcome) {
	key := o.shown.Key
	if stop := r.stops[key]; stop != nil {
		stop(nil)
		delete(r.stops, key)
	}
	r.board.move(key, ended)
	r.seen[key] = forgiven(o.seen)
	r.result.Jobs = append(r.result.Jobs, o.shown)
	r.pass(ci.Event{Kind: ci.JobEnded, Job: key, Conclusion: o.shown.Conclusion, Cached: o.shown.Cached, Text: o.shown.Reason})
	job := r.board.byKey[key].job
	if o.shown.Conclusion != ci.Failure || !job.FailFast || job.ContinueOnError {
		return
	}
	running, unstarted := r.board.siblings(job)
	reason := key + " failed, and the job fails fast"
	for _, sibling := range running {
		r.stops[sibling.Key](&Stopped{ci.Cancelled, reason})
	}
	for _, sibling := range unstarted {
		r.drop(sibling, ci.Cancelled, reason)
	}
}

// forgiven is a result as dependants see it: a job that may fail has passed for
// them, as on the remote.
func forgiven(result ci.JobResult) ci.JobResult {
	if result.ContinueOnError && result.Conclusion == ci.Failure {
		result.Conclusion = ci.Success
	}
	return result
}

// drop ends a leg that does not run.
func (r *run) drop(job ci.Job, conclusion ci.Conclusion, reason string) {
	now := time.Now()
	result := ci.JobResult{Conclusion: conclusion, Reason: r.masks.Text(reason), Started: now, Ended: now}
	r.end(as(place(result, job)))
}

func (r *run) dropAll(conclusion ci.Conclusion, reason string) {
	for _, job := range r.board.unstarted() {
		if r.board.byKey[job.Key].state != ended { // failing fast may have ended it
			r.drop(job, conclusion, reason)
		}
	}
}

// place puts a result where it belongs in the plan.
func place(result ci.JobResult, job ci.Job) ci.JobResult {
	result.Key, result.ID, result.Name, result.Needs = job.Key, job.ID, job.Name, job.Needs
	result.ContinueOnError = job.ContinueOnError
	return result
}

// finish puts the jobs in the plan's order and says what the run came to.
func (r *run) finish() {
	order := map[string]int{}
	for i, job := range r.plan.Jobs {
		order[job.Key] = i
	}
	slices.SortFunc(r.result.Jobs, func(a, b ci.JobResult) int { return order[a.Key] - order[b.Key] })
	r.result.NotReproduced = append(r.result.NotReproduced, r.notices.list()...)
	r.result.Ended = time.Now()
	r.result.Conclusion = conclude(r.result.Jobs)
}

// conclude is what a run with such jobs came to.
func conclude(jobs []ci.JobResult) ci.Conclusion {
	conclusion := ci.Skipped
	for _, j := range jobs {
		switch {
		case j.Conclusion == ci.Failure && !j.ContinueOnError:
			return ci.Failure
		case j.Conclusion == ci.Cancelled:
			conclusion = ci.Cancelled
		case j.Conclusion != ci.Skipped && conclusion == ci.Skipped:
			conclusion = ci.Success
		}
	}
	return conclusion
}
