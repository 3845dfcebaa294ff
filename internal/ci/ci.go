// Package ci runs the repository's GitHub workflows on this machine, as the
// remote would: the words that its rooms share. A workflow file becomes a Plan
// (package workflow); a scheduler takes the plan's jobs as their needs are done
// (package schedule), serves unchanged ones from the cache (package cache),
// runs the others (package runner) and tells what happens as Events.
package ci

import (
	"fmt"
	"time"
)

// Conclusion is how a job or a step ended, in the remote's words.
type Conclusion string

// What a job or a step can end as. Empty means that it has not ended.
const (
	Success   Conclusion = "success"
	Failure   Conclusion = "failure"
	Cancelled Conclusion = "cancelled"
	Skipped   Conclusion = "skipped"
)

// Failed tells whether what ended so fails the run.
func (c Conclusion) Failed() bool { return c == Failure || c == Cancelled }

// Plan is what a run of one workflow would do.
type Plan struct {
	// File is the workflow's path, relative to the repository's root.
	File string `json:"file"`
	Name string `json:"name"`
	// Event is what starts it: push, pull_request, workflow_dispatch ...
	Event string `json:"event"`
	// Jobs are the legs in the file's order; a matrix gives several of one job.
	Jobs []Job `json:"jobs"`
	// Concurrency is the group of which one workflow runs at a time; with
	// CancelInProgress, a new run ends the one that is under way.
	Concurrency      string `json:"concurrency,omitempty"`
	CancelInProgress bool   `json:"cancelInProgress,omitempty"`
	// NotReproduced tells what the remote does and this machine does not.
	NotReproduced []Notice `json:"notReproduced,omitempty"`
}

// Job is one leg of a job.
type Job struct {
	// Key is unique in the plan: "test", "test (1.26, linux)", "release / build".
	Key string `json:"key"`
	// ID is the job's id in its file, and Name what the remote shows.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Group is what the legs of one job share and no other job has; empty means
	// the ID. Jobs of a called workflow need it: "release / build".
	Group string `json:"group,omitempty"`
	// Line is where the job begins in the file.
	Line   int            `json:"line,omitempty"`
	Matrix map[string]any `json:"matrix,omitempty"`
	// Needs are the keys of all legs that must have ended before this one starts.
	Needs  []string `json:"needs,omitempty"`
	RunsOn []string `json:"runsOn,omitempty"`
	// Container is the image that the job runs in; empty on the host.
	Container string    `json:"container,omitempty"`
	Services  []Service `json:"services,omitempty"`
	// Timeout ends the job as a failure; 0 means the remote's 360 minutes.
	Timeout         time.Duration `json:"timeout,omitempty"`
	ContinueOnError bool          `json:"continueOnError,omitempty"`
	// Concurrency is the group in which only one leg runs at a time.
	Concurrency string `json:"concurrency,omitempty"`
	// MaxParallel bounds the legs of this job that run at a time; 0 is no bound.
	MaxParallel int `json:"maxParallel,omitempty"`
	// FailFast cancels the job's other legs when this one fails.
	FailFast bool `json:"failFast,omitempty"`
	// Steps are the names as the remote shows them, in order.
	Steps []string `json:"steps"`
	// Paths are the files that the job declares to read, as globs; none means
	// the whole tree.
	Paths []string `json:"paths,omitempty"`
	// Secrets are the names of the secrets that the job mentions.
	Secrets []string `json:"secrets,omitempty"`
	// Tools are what the workflow sets up, by name: go, java, node, python.
	Tools map[string]string `json:"tools,omitempty"`
	// NoCache says why the job is never served from the cache, when its effect is
	// elsewhere than in its files: "it deploys to staging".
	NoCache string `json:"noCache,omitempty"`
	// Definition is the canonical text of everything in the workflow that can
	// change what the job does, for the cache's key.
	Definition string `json:"-"`
	// Work is what package workflow read of the leg and package runner does; a
	// run goes by it even when the file has been edited since.
	Work any `json:"-"`
}

// Service is an entry of a job's services.
type Service struct {
	Name  string            `json:"name"`
	Image string            `json:"image"`
	Env   map[string]string `json:"env,omitempty"`
	// Ports are "host:container" or "container", as the workflow has them.
	Ports   []string `json:"ports,omitempty"`
	Options string   `json:"options,omitempty"`
}

// Notice points at a line of a workflow that is not reproduced here.
type Notice struct {
	File string `json:"file"`
	Line int    `json:"line"`
	// What is the workflow's word, such as "permissions"; Why says what the
	// remote does with it and what happens here.
	What string `json:"what"`
	Why  string `json:"why"`
}

// Result is what a run came to. It is kept with the run's artifacts as run.json.
type Result struct {
	ID         string      `json:"id"`
	File       string      `json:"file"`
	Workflow   string      `json:"workflow"`
	Event      string      `json:"event"`
	Commit     string      `json:"commit,omitempty"`
	Dirty      bool        `json:"dirty"`
	Started    time.Time   `json:"started"`
	Ended      time.Time   `json:"ended"`
	Conclusion Conclusion  `json:"conclusion"`
	Jobs       []JobResult `json:"jobs"`
	// NotReproduced is the plan's, and what showed only in the run.
	NotReproduced []Notice `json:"notReproduced,omitempty"`
	// Folder holds logs and artifacts.
	Folder string `json:"folder"`
}

// JobResult is what one leg came to.
type JobResult struct {
	Key        string     `json:"key"`
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Needs      []string   `json:"needs,omitempty"`
	Conclusion Conclusion `json:"conclusion"`
	// Reason says in a sentence why it was skipped, cancelled or failed as a whole.
	Reason string `json:"reason,omitempty"`
	// Cached is the run that this result was taken from; empty when it ran.
	Cached          string            `json:"cached,omitempty"`
	ContinueOnError bool              `json:"continueOnError,omitempty"`
	Started         time.Time         `json:"started"`
	Ended           time.Time         `json:"ended"`
	Steps           []StepResult      `json:"steps,omitempty"`
	Outputs         map[string]string `json:"outputs,omitempty"`
	// Artifacts are the names of what it uploaded.
	Artifacts   []string     `json:"artifacts,omitempty"`
	Annotations []Annotation `json:"annotations,omitempty"`
	// NoCache says why a success is not kept in the cache, when only running the
	// leg showed it.
	NoCache string `json:"-"`
	// Log is the job's log file, relative to the run's folder.
	Log string `json:"log,omitempty"`
}

// StepResult is what one step came to. Outcome is before continue-on-error is
// taken into account, Conclusion after.
type StepResult struct {
	Name       string     `json:"name"`
	Outcome    Conclusion `json:"outcome"`
	Conclusion Conclusion `json:"conclusion"`
	Started    time.Time  `json:"started"`
	Ended      time.Time  `json:"ended"`
}

// Annotation is a remark of a step about a file.
type Annotation struct {
	// Level is error, warning or notice.
	Level   string `json:"level"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Title   string `json:"title,omitempty"`
	Message string `json:"message"`
	Step    string `json:"step,omitempty"`
}

// Place is file:line:column as far as they are known, in the shape that editors
// can jump to.
func (a Annotation) Place() string {
	place := a.File
	for _, number := range []int{a.Line, a.Column} {
		if place == "" || number <= 0 {
			break
		}
		place += fmt.Sprintf(":%d", number)
	}
	return place
}

// EventKind says what an Event tells.
type EventKind string

// What happens in a run, in the order in which one job sees it.
const (
	RunStarted  EventKind = "run-started"
	JobStarted  EventKind = "job-started"
	StepStarted EventKind = "step-started"
	Line        EventKind = "line"
	Annotated   EventKind = "annotation"
	StepEnded   EventKind = "step-ended"
	JobEnded    EventKind = "job-ended"
	RunEnded    EventKind = "run-ended"
)

// Event is one thing that happened in a run. Text is masked already.
type Event struct {
	Time time.Time `json:"time"`
	Kind EventKind `json:"kind"`
	Job  string    `json:"job,omitempty"`
	Step string    `json:"step,omitempty"`
	Text string    `json:"text,omitempty"`
	// Conclusion comes with the ends.
	Conclusion Conclusion  `json:"conclusion,omitempty"`
	Cached     string      `json:"cached,omitempty"`
	Annotation *Annotation `json:"annotation,omitempty"`
	// Plan comes with RunStarted, Result with RunEnded.
	Plan   *Plan   `json:"plan,omitempty"`
	Result *Result `json:"result,omitempty"`
}

// Tell receives events; the scheduler calls it from one goroutine at a time.
type Tell func(Event)
