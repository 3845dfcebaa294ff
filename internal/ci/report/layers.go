package report

import (
	"cmp"
	"slices"
)

// item is a place in a layer: a job, or the point where a long edge passes by.
type item struct {
	// job is the index of the job, -1 of a passing edge.
	job int
	// from are the indices, in the layer before, of what leads here.
	from []int
}

// layers puts each job right of all that it needs, and gives edges that skip a
// layer a place in it, so that they run beside the jobs. needs are indices.
func layers(needs [][]int) [][]item {
	needs = reduced(acyclic(needs))
	depth := depths(needs)
	all := make([][]item, 0, len(needs))
	for job, d := range depth {
		for len(all) <= d {
			all = append(all, nil)
		}
		all[d] = append(all[d], item{job: job})
	}
	for job, list := range needs {
		for _, need := range list {
			last := placeOf(all[depth[need]], need)
			for d := depth[need] + 1; d < depth[job]; d++ {
				all[d] = append(all[d], item{job: -1, from: []int{last}})
				last = len(all[d]) - 1
			}
			at := placeOf(all[depth[job]], job)
			all[depth[job]][at].from = append(all[depth[job]][at].from, last)
		}
	}
	for d := 1; d < len(all); d++ {
		settle(all, d)
	}
	return all
}

func placeOf(layer []item, job int) int {
	return slices.IndexFunc(layer, func(i item) bool { return i.job == job })
}

// settle puts a layer's items beside what leads to them, and renames the places
// in the layer after.
func settle(all [][]item, d int) {
	order := make([]int, len(all[d]))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(middle(all[d][a]), middle(all[d][b])) })
	sorted, now := make([]item, len(order)), make([]int, len(order))
	for i, old := range order {
		sorted[i], now[old] = all[d][old], i
	}
	all[d] = sorted
	if d+1 < len(all) {
		for _, next := range all[d+1] {
			for i := range next.from {
				next.from[i] = now[next.from[i]]
			}
		}
	}
}

func middle(i item) float64 {
	sum := 0
	for _, from := range i.from {
		sum += from
	}
	return float64(sum) / float64(max(1, len(i.from)))
}

// acyclic leaves out what closes a circle: a run never has one, a file may.
func acyclic(needs [][]int) [][]int {
	const open, done = 1, 2
	state, kept := make([]int, len(needs)), make([][]int, len(needs))
	var visit func(job int)
	visit = func(job int) {
		state[job] = open
		for _, need := range needs[job] {
			if state[need] == 0 {
				visit(need)
			}
			if state[need] == done {
				kept[job] = append(kept[job], need)
			}
		}
		state[job] = done
	}
	for job := range needs {
		if state[job] == 0 {
			visit(job)
		}
	}
	return kept
}

// depths are how many jobs stand before each on the longest way to it.
func depths(needs [][]int) []int {
	depth := slices.Repeat([]int{-1}, len(needs))
	var of func(job int) int
	of = func(job int) int {
		if depth[job] < 0 {
			depth[job] = 0
			for _, need := range needs[job] {
				depth[job] = max(depth[job], 1+of(need))
			}
		}
		return depth[job]
	}
	for job := range needs {
		of(job)
	}
	return depth
}

// reduced leaves out needs that another need has already: the picture would say
// the same with more lines.
func reduced(needs [][]int) [][]int {
	before := make([]map[int]bool, len(needs)) // all that comes before a job
	var ancestors func(job int) map[int]bool
	ancestors = func(job int) map[int]bool {
		if before[job] != nil {
			return before[job]
		}
		all := map[int]bool{}
		for _, need := range needs[job] {
			all[need] = true
			for further := range ancestors(need) {
				all[further] = true
			}
		}
		before[job] = all
		return all
	}
	few := make([][]int, len(needs))
	for job, list := range needs {
		for _, need := range list {
			if !slices.ContainsFunc(list, func(other int) bool { return other != need && ancestors(other)[need] }) {
				few[job] = append(few[job], need)
			}
		}
	}
	return few
}
