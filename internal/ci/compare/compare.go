package compare

import (
	"fmt"
	"slices"
	"time"

	"github.com/paws360/pawskind/internal/ci"
)

// Comparison is two runs side by side.
type Comparison struct {
	// Run is the run on this machine.
	Run  string `json:"run"`
	Jobs []Row  `json:"jobs"`
	// Differences are told in sentences: what ended differently first.
	Differences []Difference `json:"differences"`
	// Same is set when every job and every step ended alike on both sides.
	Same         bool    `json:"same"`
	LocalSeconds float64 `json:"localSeconds"`
	// RemoteSeconds is from the first job's start to the last one's end.
	RemoteSeconds float64 `json:"remoteSeconds"`
}

// Row is one job on both sides; a side that does not have it is nil.
type Row struct {
	Name   string  `json:"name"`
	Local  *Side   `json:"local,omitempty"`
	Remote *Side   `json:"remote,omitempty"`
	Steps  []Steps `json:"steps,omitempty"`
}

// Side is how a job or step went on one side.
type Side struct {
	Conclusion ci.Conclusion `json:"conclusion"`
	Seconds    float64       `json:"seconds"`
	// Cached is set when this run took an earlier one's result.
	Cached bool `json:"cached,omitempty"`
	// Order counts the jobs by their start, from 1; 0 when it did not start.
	Order int `json:"order,omitempty"`

	started, ended time.Time
}

// Steps is one step on both sides.
type Steps struct {
	Name   string `json:"name"`
	Local  *Side  `json:"local,omitempty"`
	Remote *Side  `json:"remote,omitempty"`
}

// Kinds of differences.
const (
	Conclusions = "conclusion"
	Missing     = "missing"
	Order       = "order"
)

// Difference is one thing that was not alike.
type Difference struct {
	Kind string `json:"kind"`
	Job  string `json:"job"`
	Step string `json:"step,omitempty"`
	Text string `json:"text"`
}

// Runs compares a run here with one there.
func Runs(local ci.Result, remote Remote) Comparison {
	c := Comparison{Run: local.ID, Differences: []Difference{}, LocalSeconds: seconds(local.Started, local.Ended)}
	var begun, ended time.Time
	for _, j := range remote.Jobs {
		if !j.Started.IsZero() && j.Conclusion != ci.Skipped && (begun.IsZero() || j.Started.Before(begun)) {
			begun = j.Started
		}
		if j.Ended.After(ended) {
			ended = j.Ended
		}
	}
	c.RemoteSeconds = seconds(begun, ended)
	c.pair(local, remote)
	c.number()
	c.judge()
	return c
}

// pair puts the jobs of one name together, in the order of this machine's plan.
func (c *Comparison) pair(local ci.Result, remote Remote) {
	taken := map[int]bool{}
	for _, j := range local.Jobs {
		row := Row{Name: nameOf(j), Local: side(j.Conclusion, j.Started, j.Ended)}
		row.Local.Cached = j.Cached != ""
		at := slices.IndexFunc(remote.Jobs, func(r Job) bool { return r.Name == j.Name || r.Name == j.Key })
		var there []Step
		if at >= 0 && !taken[at] {
			taken[at] = true
			r := remote.Jobs[at]
			row.Remote, there = side(r.Conclusion, r.Started, r.Ended), r.Steps
			row.Steps = pairSteps(j.Steps, there)
		}
		c.Jobs = append(c.Jobs, row)
	}
	for i, r := range remote.Jobs {
		if !taken[i] {
			c.Jobs = append(c.Jobs, Row{Name: r.Name, Remote: side(r.Conclusion, r.Started, r.Ended)})
		}
	}
}

func nameOf(j ci.JobResult) string {
	if j.Name != "" {
		return j.Name
	}
	return j.Key
}

// pairSteps leaves out what is only the machinery's, on either side.
func pairSteps(here []ci.StepResult, there []Step) []Steps {
	var rows []Steps
	taken := map[int]bool{}
	for _, s := range here {
		if own(s.Name) {
			continue
		}
		row := Steps{Name: s.Name, Local: side(s.Conclusion, s.Started, s.Ended)}
		for i, r := range there {
			if r.Name == s.Name && !taken[i] {
				taken[i] = true
				row.Remote = side(r.Conclusion, r.Started, r.Ended)
				break
			}
		}
		rows = append(rows, row)
	}
	for i, r := range there {
		if !taken[i] && !own(r.Name) {
			rows = append(rows, Steps{Name: r.Name, Remote: side(r.Conclusion, r.Started, r.Ended)})
		}
	}
	return rows
}

func side(c ci.Conclusion, started, ended time.Time) *Side {
	return &Side{Conclusion: c, Seconds: seconds(started, ended), started: started, ended: ended}
}

func seconds(from, to time.Time) float64 {
	if from.IsZero() || to.Before(from) {
		return 0
	}
	return to.Sub(from).Round(time.Millisecond).Seconds()
}

// number counts each side's jobs by when they started.
func (c *Comparison) number() {
	for _, of := range []func(Row) *Side{func(r Row) *Side { return r.Local }, func(r Row) *Side { return r.Remote }} {
		var ran []*Side
		for _, row := range c.Jobs {
			if s := of(row); s != nil && s.ran() {
				ran = append(ran, s)
			}
		}
		slices.SortStableFunc(ran, func(a, b *Side) int { return a.started.Compare(b.started) })
		for i, s := range ran {
			s.Order = i + 1
		}
	}
}

// ran tells whether the side's times are of this run.
func (s *Side) ran() bool {
	return !s.started.IsZero() && !s.Cached && s.Conclusion != ci.Skipped
}

func (c *Comparison) judge() {
	c.Same = true
	for _, row := range c.Jobs {
		c.sides(row.Name, "", row.Local, row.Remote)
		if row.Local == nil || row.Remote == nil || row.Local.Conclusion == ci.Skipped || row.Remote.Conclusion == ci.Skipped {
			continue
		}
		for _, s := range row.Steps {
			c.sides(row.Name, s.Name, s.Local, s.Remote)
		}
	}
	c.order()
	rank := map[string]int{Conclusions: 0, Missing: 1, Order: 2}
	slices.SortStableFunc(c.Differences, func(a, b Difference) int { return rank[a.Kind] - rank[b.Kind] })
}

// sides notes when one of the two is missing, or ended otherwise.
func (c *Comparison) sides(job, step string, local, remote *Side) {
	what := "the job " + job
	if step != "" {
		what = fmt.Sprintf("the step %q of %s", step, job)
	}
	switch {
	case local == nil:
		c.differ(Missing, job, step, "%s is only on the remote (%s)", what, ended(remote))
	case remote == nil:
		c.differ(Missing, job, step, "%s is only here (%s)", what, ended(local))
	case local.Conclusion != remote.Conclusion:
		c.differ(Conclusions, job, step, "%s ended as %s here and as %s on the remote", what, ended(local), ended(remote))
	}
}

func ended(s *Side) string {
	if s.Conclusion == "" {
		return "not ended"
	}
	return string(s.Conclusion)
}

func (c *Comparison) differ(kind, job, step, format string, args ...any) {
	c.Differences = append(c.Differences, Difference{kind, job, step, fmt.Sprintf(format, args...)})
	if kind != Order {
		c.Same = false
	}
}

// order notes jobs that ran one after the other on one side, and the other way
// round on the other. Jobs that overlap have no order.
func (c *Comparison) order() {
	for i, a := range c.Jobs {
		for _, b := range c.Jobs[i+1:] {
			if !bothRan(a) || !bothRan(b) {
				continue
			}
			first, second := a, b
			if before(b.Local, a.Local) {
				first, second = b, a
			}
			if before(first.Local, second.Local) && before(second.Remote, first.Remote) {
				c.differ(Order, first.Name, "", "here %s ran before %s, on the remote after it", first.Name, second.Name)
			}
		}
	}
}

func bothRan(r Row) bool { return r.Local != nil && r.Remote != nil && r.Local.ran() && r.Remote.ran() }

func before(a, b *Side) bool { return !a.ended.After(b.started) && a.started.Before(b.started) }
