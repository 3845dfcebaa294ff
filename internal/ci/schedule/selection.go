package schedule

import (
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/problem"
)

// Selection is the part of a plan that is to be run. Jobs are named by a leg's
// key, or by a job's id or name, which mean all its legs.
type Selection struct {
	// Jobs are the jobs to run; none means all.
	Jobs []string
	// Alone leaves out what they need: it is taken from an earlier run where
	// there was one, and as passed where there was none.
	Alone bool
	// From are jobs that run anew with all that depends on them. The others are
	// taken as they last passed, whatever has changed since; what never passed runs.
	From []string
}

// mode is how a leg comes by its result.
type mode int

const (
	normal mode = iota // from the cache, or it runs
	fresh              // it runs
	reuse              // from the cache, as it last passed, or it runs
	assume             // from the cache, as it last passed, or it is taken as passed
)

// modes says how each selected leg comes by its result; a leg without one is
// not part of the run.
func modes(plan *ci.Plan, s Selection) (map[string]mode, error) {
	jobs, err := find(plan, s.Jobs)
	if err != nil {
		return nil, err
	}
	from, err := find(plan, s.From)
	if err != nil {
		return nil, err
	}
	how := map[string]mode{}
	needed, needs := normal, Ancestors(plan, jobs)
	switch {
	case len(s.Jobs) == 0:
		for _, j := range plan.Jobs {
			jobs[j.Key] = true
		}
	case s.Alone:
		needed = assume
	}
	for key := range needs {
		how[key] = needed
	}
	for key := range jobs {
		how[key] = normal
	}
	if len(from) == 0 {
		return how, nil
	}
	anew := Dependants(plan, from)
	for key := range how {
		switch {
		case from[key] || anew[key]:
			how[key] = fresh
		case how[key] == normal:
			how[key] = reuse
		}
	}
	return how, nil
}

// find is the set of legs that the names mean.
func find(plan *ci.Plan, names []string) (map[string]bool, error) {
	keys := map[string]bool{}
	for _, name := range names {
		found := matching(plan, func(j ci.Job) bool { return j.Key == name })
		if len(found) == 0 {
			found = matching(plan, func(j ci.Job) bool { return slices.Contains([]string{j.ID, j.Name, group(j)}, name) })
		}
		if len(found) == 0 {
			return nil, problem.New(problem.JobUnknown, "%s has no job %q", plan.File, name).Do("It has: %s", strings.Join(ids(plan), ", "))
		}
		for _, key := range found {
			keys[key] = true
		}
	}
	return keys, nil
}

func matching(plan *ci.Plan, meant func(ci.Job) bool) []string {
	var keys []string
	for _, j := range plan.Jobs {
		if meant(j) {
			keys = append(keys, j.Key)
		}
	}
	return keys
}

func ids(plan *ci.Plan) []string {
	var list []string
	for _, j := range plan.Jobs {
		if !slices.Contains(list, group(j)) {
			list = append(list, group(j))
		}
	}
	return list
}

// Ancestors are the keys of all legs that those depend on, directly or not.
func Ancestors(plan *ci.Plan, keys map[string]bool) map[string]bool {
	next := map[string][]string{}
	for _, j := range plan.Jobs {
		next[j.Key] = j.Needs
	}
	return reach(next, keys)
}

// Dependants are the keys of all legs that depend on those, directly or not.
func Dependants(plan *ci.Plan, keys map[string]bool) map[string]bool {
	next := map[string][]string{}
	for _, j := range plan.Jobs {
		for _, need := range j.Needs {
			next[need] = append(next[need], j.Key)
		}
	}
	return reach(next, keys)
}

func reach(next map[string][]string, from map[string]bool) map[string]bool {
	found := map[string]bool{}
	var visit func(key string)
	visit = func(key string) {
		for _, n := range next[key] {
			if !found[n] {
				found[n] = true
				visit(n)
			}
		}
	}
	for key := range from {
		visit(key)
	}
	return found
}
