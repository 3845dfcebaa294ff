package schedule

import (
	"slices"

	"github.com/paws360/pawskind/internal/ci"
)

// state is how far a leg is.
type state int

const (
	waiting state = iota // for its needs
	queued               // wanted; for its turn
	running
	ended
)

// board is where all legs stand. It decides and does nothing: no time, no
// goroutines, no results but that a leg has ended.
type board struct {
	legs  []*leg
	byKey map[string]*leg
	// limit is how many legs run at a time.
	limit int
}

type leg struct {
	job   ci.Job
	state state
}

func newBoard(jobs []ci.Job, limit int) *board {
	b := &board{byKey: map[string]*leg{}, limit: max(limit, 1)}
	for _, job := range jobs {
		l := &leg{job: job}
		b.legs = append(b.legs, l)
		b.byKey[job.Key] = l
	}
	return b
}

// due are the legs whose needs have all ended: whether they are wanted can be
// told now. A need that is not on the board has nothing to wait for.
func (b *board) due() []ci.Job {
	return b.jobs(func(l *leg) bool {
		return l.state == waiting && !slices.ContainsFunc(l.job.Needs, func(key string) bool {
			need := b.byKey[key]
			return need != nil && need.state != ended
		})
	})
}

// start marks and returns the legs that start now, in the plan's order.
func (b *board) start() []ci.Job {
	return b.jobs(func(l *leg) bool {
		if l.state != queued || !b.fits(l.job) {
			return false
		}
		l.state = running
		return true
	})
}

// fits tells whether the job may start beside what runs.
func (b *board) fits(job ci.Job) bool {
	all, ofJob := 0, 0
	for _, l := range b.legs {
		if l.state != running {
			continue
		}
		all++
		if job.Concurrency != "" && l.job.Concurrency == job.Concurrency {
			return false
		}
		if group(l.job) == group(job) {
			ofJob++
		}
	}
	return all < b.limit && (job.MaxParallel <= 0 || ofJob < job.MaxParallel)
}

// siblings are the other legs of the job: what runs of them is to be stopped,
// what does not is to be dropped, when the job fails fast.
func (b *board) siblings(job ci.Job) (stop, drop []ci.Job) {
	other := func(l *leg) bool { return l.job.Key != job.Key && group(l.job) == group(job) }
	stop = b.jobs(func(l *leg) bool { return other(l) && l.state == running })
	drop = b.jobs(func(l *leg) bool { return other(l) && l.state < running })
	return stop, drop
}

// unstarted are the legs that have not begun.
func (b *board) unstarted() []ci.Job { return b.jobs(func(l *leg) bool { return l.state < running }) }

// running tells whether anything runs.
func (b *board) running() bool {
	return slices.ContainsFunc(b.legs, func(l *leg) bool { return l.state == running })
}

func (b *board) move(key string, to state) { b.byKey[key].state = to }

func (b *board) jobs(chosen func(*leg) bool) []ci.Job {
	var jobs []ci.Job
	for _, l := range b.legs {
		if chosen(l) {
			jobs = append(jobs, l.job)
		}
	}
	return jobs
}

// group is what the legs of one job share.
func group(job ci.Job) string {
	if job.Group != "" {
		return job.Group
	}
	return job.ID
}
