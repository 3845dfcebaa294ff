package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/test/bench/machine"
)

// outcome is one run, or why there is none.
type outcome struct {
	judged drill.JudgedRun
	err    error
}

// results has every figure in the order in which it was seen.
type results struct {
	Time    time.Time       `json:"time"`
	Machine machine.Machine `json:"machine"`
	// Timings are Patroni's.
	Timings string `json:"timings"`
	// Starts are seconds from nothing but the cluster to all well, by stack.
	Starts map[string][]float64 `json:"startSeconds,omitempty"`
	Sets   []*set               `json:"sets"`
}

// set is what one stack gave in one scenario.
type set struct {
	Scenario string `json:"scenario"`
	Title    string `json:"title"`
	Stack    string `json:"stack"`
	// Verdicts and Failures are by run: a failure is a run that gave no verdict.
	Verdicts []drill.Verdict `json:"verdicts"`
	Failures []string        `json:"failures,omitempty"`
	Reasons  []string        `json:"reasons,omitempty"`
	Routes   []*route        `json:"routes"`
	// Redundancy is when all members replicated again, seconds after the fault.
	Redundancy []float64 `json:"redundancySeconds"`
}

// route is what clients saw over one way to the system that was broken.
type route struct {
	Name         string    `json:"name"`
	Gaps         []float64 `json:"writeGapSeconds"`
	Routing      []float64 `json:"routingSeconds"`
	Acknowledged []int     `json:"acknowledged"`
	Lost         []int     `json:"lost"`
}

func (r *results) add(stack string, s drill.Scenario, o outcome) {
	i := slices.IndexFunc(r.Sets, func(x *set) bool { return x.Scenario == s.Name && x.Stack == stack })
	if i < 0 {
		r.Sets = append(r.Sets, &set{Scenario: s.Name, Title: s.Title, Stack: stack})
		i = len(r.Sets) - 1
	}
	r.Sets[i].add(o)
}

func (s *set) add(o outcome) {
	if o.err != nil {
		s.Failures = append(s.Failures, o.err.Error())
		fmt.Fprintf(os.Stderr, "  %s: %v\n", s.Stack, o.err)
		return
	}
	j := o.judged.Judgement
	s.Verdicts = append(s.Verdicts, j.Verdict)
	s.Reasons = append(s.Reasons, j.Reasons...)
	if j.Redundancy >= 0 {
		s.Redundancy = append(s.Redundancy, j.Redundancy)
	}
	line := fmt.Sprintf("  %s: %s", s.Stack, j.Verdict)
	for _, t := range j.Tallies {
		if t.System != o.judged.System || t.Attempts == 0 {
			continue
		}
		i := slices.IndexFunc(s.Routes, func(x *route) bool { return x.Name == t.Route })
		if i < 0 {
			s.Routes = append(s.Routes, &route{Name: t.Route})
			i = len(s.Routes) - 1
		}
		x := s.Routes[i]
		x.Gaps = append(x.Gaps, t.WriteGap)
		if t.Routing >= 0 {
			x.Routing = append(x.Routing, t.Routing)
		}
		x.Acknowledged, x.Lost = append(x.Acknowledged, t.Acknowledged), append(x.Lost, t.Lost)
		line += fmt.Sprintf("; %s %.1f s, %d of %d lost", t.Route, t.WriteGap, t.Lost, t.Acknowledged)
	}
	fmt.Fprintln(os.Stderr, line)
}

func (r *results) write(file string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644)
}

// table renders the figures as Markdown.
func (r *results) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %s\n\n", r.Time.Format(time.DateOnly), r.Machine, r.Timings)
	if len(r.Starts) > 0 {
		b.WriteString("| start of | runs | min | median | max |\n|---|---|---|---|---|\n")
		for _, stack := range slices.Sorted(maps.Keys(r.Starts)) {
			seen := r.Starts[stack]
			fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n", stack, len(seen), percentile(seen, 0), percentile(seen, 50), percentile(seen, 100))
		}
		b.WriteString("\n")
	}
	if len(r.Sets) == 0 {
		return b.String()
	}
	b.WriteString("| scenario | stack | route | runs | gap p50 | p95 | max | routing p95 | redundant p95 | lost | verdicts |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range slices.SortedStableFunc(slices.Values(r.Sets), func(a, b *set) int { return strings.Compare(a.Scenario, b.Scenario) }) {
		for _, x := range s.Routes {
			fmt.Fprintf(&b, "| %s | %s | %s | %d | %s | %s | %s | %s | %s | %d of %d | %s |\n", s.Title, s.Stack, x.Name, len(x.Gaps),
				percentile(x.Gaps, 50), percentile(x.Gaps, 95), percentile(x.Gaps, 100), percentile(x.Routing, 95), percentile(s.Redundancy, 95),
				sum(x.Lost), sum(x.Acknowledged), s.verdicts())
		}
	}
	return b.String()
}

// verdicts counts them, the failures with them.
func (s *set) verdicts() string {
	count := map[string]int{}
	for _, v := range s.Verdicts {
		count[string(v)]++
	}
	if len(s.Failures) > 0 {
		count["without a result"] = len(s.Failures)
	}
	var words []string
	for word, n := range count {
		words = append(words, fmt.Sprintf("%d %s", n, word))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// percentile is by nearest rank: a figure that was measured.
func percentile(values []float64, percent float64) string {
	if len(values) == 0 {
		return "–"
	}
	sorted := slices.Sorted(slices.Values(values))
	return fmt.Sprintf("%.1f", sorted[max(int(math.Ceil(percent*float64(len(sorted))/100))-1, 0)])
}

func sum(values []int) int {
	n := 0
	for _, v := range values {
		n += v
	}
	return n
}
