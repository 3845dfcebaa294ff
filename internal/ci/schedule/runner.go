// Package schedule decides which legs of a plan run when, and has them run. The
// decision is a pure core (state and facts → what starts next); around it are
// the goroutines, the logs and the cache.
package schedule

import (
	"context"
	"io"

	"github.com/paws360/pawskind/internal/ci"
)

// Runner runs legs. Its methods are called from several goroutines at a time.
type Runner interface {
	// Wanted evaluates the job's `if`; a job without one wants success(). The
	// results are those of all legs that it depends on, by key, directly
	// (job.Needs) or through others: the remote's success() asks for all of them.
	// The sentence says why it is not wanted, and
	// the error that the expression cannot be evaluated, which fails the job.
	Wanted(plan *ci.Plan, job ci.Job, needs map[string]ci.JobResult) (wanted bool, why string, err error)
	// Run runs one leg to its end and tells its events. JobStarted and JobEnded
	// are the scheduler's to tell, as are the result's times, its log and its
	// place in the plan; the runner gives conclusion, reason, steps, outputs,
	// artifacts and annotations. When the context ends, every process of the leg
	// is gone before Run returns; context.Cause says why: a *Stopped.
	Run(ctx context.Context, plan *ci.Plan, job ci.Job, in Inputs, tell ci.Tell) ci.JobResult
}

// Inputs are what a leg is given.
type Inputs struct {
	// Needs are the results of the legs that it depends on, by key, directly
	// (job.Needs) or through others.
	Needs map[string]ci.JobResult
	// Env is added to the job's environment, below what the workflow sets.
	Env map[string]string
	// Secrets are those of the `secrets` context.
	Secrets map[string]string
	// Log is the job's log. What is written to it is masked on its way, as are
	// the texts of the events that are told.
	Log io.Writer
	// Mask adds a value that must not be shown from now on (`::add-mask::`).
	Mask func(value string)
	// Notice tells what showed only now not to be reproduced here.
	Notice func(ci.Notice)
	// ArtifactsDir holds this run's artifacts, one folder per artifact's name.
	ArtifactsDir string
	// CacheDir is where actions/cache keeps its entries, shared by all runs.
	CacheDir string
	// Services are the addresses of the job's services, by their names.
	Services map[string]ServiceAddress
}

// ServiceAddress is where a service of a job is reached.
type ServiceAddress struct {
	Host string
	// Ports are the host's ports, by the service's own ("5432" → 5432).
	Ports map[string]int
	// Env is what the job's environment needs in order to use it, such as
	// PGUSER. A variable that the workflow sets itself is left alone.
	Env map[string]string
	// Instead are addresses that the workflow names and that something else has
	// already, and those that stand for them ("localhost:5432" → "127.0.0.1:40123").
	// They go for the values of the job's variables: see Redirect.
	Instead map[string]string
}

// Stopped is the cause with which a leg's context ends.
type Stopped struct {
	// Conclusion is what the leg ends as: cancelled, or failure after a timeout.
	Conclusion ci.Conclusion
	// Reason says why, in a sentence.
	Reason string
}

// Error is the reason.
func (s *Stopped) Error() string { return s.Reason }
