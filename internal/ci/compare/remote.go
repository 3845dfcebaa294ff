// Package compare sets a run on this machine beside one on the remote, and says
// what differed.
package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
)

// Remote is a run as the platform's API tells it.
type Remote struct {
	Jobs []Job
}

// Job is one of its jobs.
type Job struct {
	Name       string
	Conclusion ci.Conclusion
	Started    time.Time
	Ended      time.Time
	Steps      []Step
}

// Step is one of a job's steps.
type Step struct {
	Name       string
	Conclusion ci.Conclusion
	Started    time.Time
	Ended      time.Time
}

// answer is what `GET /repos/{owner}/{repo}/actions/runs/{id}/jobs` answers, and,
// by the second names, what `gh run view ID --json jobs` prints.
type answer struct {
	Jobs []entry `json:"jobs"`
}

type entry struct {
	Name           string     `json:"name"`
	Status         string     `json:"status"`
	Conclusion     string     `json:"conclusion"`
	RunAttempt     int        `json:"run_attempt"`
	StartedAt      *time.Time `json:"started_at"`
	CompletedAt    *time.Time `json:"completed_at"`
	GHStartedAt    *time.Time `json:"startedAt"`
	GHCompletedAt  *time.Time `json:"completedAt"`
	Steps          []entry    `json:"steps"`
	started, ended time.Time
}

// Read reads a downloaded run. Pages that follow each other in one file, as
// `gh api --paginate` writes them, are joined; of several attempts the last counts.
func Read(r io.Reader) (Remote, error) {
	decoder := json.NewDecoder(r)
	var entries []entry
	for {
		var page answer
		err := decoder.Decode(&page)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Remote{}, fmt.Errorf("reading the remote's jobs: %w", err)
		}
		entries = append(entries, page.Jobs...)
	}
	if len(entries) == 0 {
		return Remote{}, errors.New(`there are no jobs in it; it should be {"jobs": [...]} as GET /repos/OWNER/REPO/actions/runs/ID/jobs answers`)
	}
	var remote Remote
	for _, e := range lastAttempts(entries) {
		job, err := e.job()
		if err != nil {
			return Remote{}, err
		}
		remote.Jobs = append(remote.Jobs, job)
	}
	slices.SortStableFunc(remote.Jobs, func(a, b Job) int { return a.Started.Compare(b.Started) })
	return remote, nil
}

func lastAttempts(entries []entry) []entry {
	last := map[string]int{}
	for _, e := range entries {
		last[e.Name] = max(last[e.Name], e.RunAttempt)
	}
	return slices.DeleteFunc(entries, func(e entry) bool { return e.RunAttempt < last[e.Name] })
}

func (e entry) job() (Job, error) {
	if e.Name == "" {
		return Job{}, errors.New("a job in it has no name")
	}
	e.times()
	job := Job{Name: e.Name, Conclusion: conclusion(e.Conclusion), Started: e.started, Ended: e.ended}
	for _, s := range e.Steps {
		s.times()
		job.Steps = append(job.Steps, Step{s.Name, conclusion(s.Conclusion), s.started, s.ended})
	}
	return job, nil
}

func (e *entry) times() {
	for at, options := range map[*time.Time][]*time.Time{&e.started: {e.StartedAt, e.GHStartedAt}, &e.ended: {e.CompletedAt, e.GHCompletedAt}} {
		for _, option := range options {
			if option != nil {
				*at = *option
			}
		}
	}
}

// conclusion puts the remote's finer words into the ones that a run here has.
func conclusion(word string) ci.Conclusion {
	switch strings.ToLower(word) {
	case "success", "neutral":
		return ci.Success
	case "failure", "timed_out", "startup_failure", "action_required":
		return ci.Failure
	case "cancelled", "stale":
		return ci.Cancelled
	case "skipped":
		return ci.Skipped
	}
	return "" // it has not ended
}

// own tells whether a step is the machinery's: its runner's, not the workflow's.
func own(step string) bool {
	for _, name := range []string{"Set up job", "Complete job", "Initialize containers", "Stop containers"} {
		if step == name {
			return true
		}
	}
	return strings.HasPrefix(step, "Post ") || strings.HasPrefix(step, "Pre ")
}
