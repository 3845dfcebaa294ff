package schedule

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/mask"
)

func keys(jobs []ci.Job) []string {
	list := []string{}
	for _, j := range jobs {
		list = append(list, j.Key)
	}
	return list
}

func TestALegStartsAsSoonAsItsOwnNeedsHaveEnded(t *testing.T) {
	b := newBoard([]ci.Job{
		{Key: "slow"}, {Key: "quick"}, {Key: "after-slow", Needs: []string{"slow"}},
		{Key: "after-quick", Needs: []string{"quick"}}, {Key: "after-both", Needs: []string{"slow", "quick"}},
	}, 9)
	step := func() (due, started []string) {
		due = keys(b.due())
		for _, key := range due {
			b.move(key, queued)
		}
		return due, keys(b.start())
	}
	due, started := step()
	require.Equal(t, []string{"slow", "quick"}, due)
	require.Equal(t, []string{"slow", "quick"}, started)
	b.move("quick", ended)
	due, started = step()
	require.Equal(t, []string{"after-quick"}, due, "it does not wait for the slow one beside its need")
	require.Equal(t, []string{"after-quick"}, started)
	b.move("slow", ended)
	_, started = step()
	require.Equal(t, []string{"after-slow", "after-both"}, started)
}

func TestWhatFitsBesideWhatRuns(t *testing.T) {
	for name, test := range map[string]struct {
		jobs  []ci.Job
		limit int
		want  []string
	}{
		"the limit":                {[]ci.Job{{Key: "a", ID: "a"}, {Key: "b", ID: "b"}, {Key: "c", ID: "c"}}, 2, []string{"a", "b"}},
		"no limit below one":       {[]ci.Job{{Key: "a", ID: "a"}, {Key: "b", ID: "b"}}, -1, []string{"a"}},
		"one of a group":           {[]ci.Job{{Key: "a", ID: "a", Concurrency: "x"}, {Key: "b", ID: "b", Concurrency: "x"}, {Key: "c", ID: "c", Concurrency: "y"}}, 9, []string{"a", "c"}},
		"max-parallel of one job":  {[]ci.Job{{Key: "t1", ID: "t", MaxParallel: 2}, {Key: "t2", ID: "t", MaxParallel: 2}, {Key: "t3", ID: "t", MaxParallel: 2}, {Key: "u", ID: "u"}}, 9, []string{"t1", "t2", "u"}},
		"jobs of called workflows": {[]ci.Job{{Key: "x / t", ID: "t", Group: "x / t", MaxParallel: 1}, {Key: "y / t", ID: "t", Group: "y / t", MaxParallel: 1}}, 9, []string{"x / t", "y / t"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBoard(test.jobs, test.limit)
			for _, job := range b.due() {
				b.move(job.Key, queued)
			}
			require.Equal(t, test.want, keys(b.start()))
		})
	}
}

// TestBoardKeepsItsPromises drives boards of random plans to their end.
func TestBoardKeepsItsPromises(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		jobs := randomJobs(random)
		limit := 1 + random.IntN(4)
		b := newBoard(jobs, limit)
		for rounds := 0; b.running() || len(b.unstarted()) > 0; rounds++ {
			require.Less(t, rounds, 200, "seed %d does not end", seed)
			for _, job := range b.due() {
				for _, need := range job.Needs {
					require.Equal(t, ended, b.byKey[need].state, "seed %d", seed)
				}
				b.move(job.Key, queued)
			}
			b.start()
			requireLawful(t, b, limit, seed)
			var active []string
			for _, l := range b.legs {
				if l.state == running {
					active = append(active, l.job.Key)
				}
			}
			require.NotEmpty(t, active, "seed %d stands still", seed)
			b.move(active[random.IntN(len(active))], ended)
		}
	}
}

func requireLawful(t *testing.T, b *board, limit int, seed uint64) {
	t.Helper()
	all, groups, jobs := 0, map[string]int{}, map[string]int{}
	for _, l := range b.legs {
		if l.state == running {
			all++
			groups[l.job.Concurrency]++
			jobs[group(l.job)]++
		}
	}
	require.LessOrEqual(t, all, limit, "seed %d", seed)
	for _, l := range b.legs {
		if l.state == running && l.job.Concurrency != "" {
			require.Equal(t, 1, groups[l.job.Concurrency], "seed %d", seed)
		}
		if l.state == running && l.job.MaxParallel > 0 {
			require.LessOrEqual(t, jobs[group(l.job)], l.job.MaxParallel, "seed %d", seed)
		}
		require.False(t, l.state == queued && b.fits(l.job), "seed %d: %s waits for nothing", seed, l.job.Key)
	}
}

func randomJobs(random *rand.Rand) []ci.Job {
	var jobs []ci.Job
	for i := range 1 + random.IntN(12) {
		id := random.IntN(6)
		job := ci.Job{Key: fmt.Sprintf("j%d", i), ID: fmt.Sprintf("job%d", id), MaxParallel: id % 3}
		if random.IntN(3) == 0 {
			job.Concurrency = fmt.Sprintf("group%d", random.IntN(2))
		}
		for _, earlier := range jobs {
			if random.IntN(4) == 0 {
				job.Needs = append(job.Needs, earlier.Key)
			}
		}
		jobs = append(jobs, job)
	}
	return jobs
}

func TestModes(t *testing.T) {
	plan := &ci.Plan{File: "ci.yml", Jobs: []ci.Job{
		{Key: "lint", ID: "lint", Name: "Lint"},
		{Key: "unit (1)", ID: "unit", Name: "unit (1)"}, {Key: "unit (2)", ID: "unit", Name: "unit (2)"},
		{Key: "build", ID: "build", Name: "Build it", Needs: []string{"lint"}},
		{Key: "deploy", ID: "deploy", Name: "deploy", Needs: []string{"build", "unit (1)", "unit (2)"}},
	}}
	for name, test := range map[string]struct {
		Selection
		want map[string]mode
	}{
		"all":                {Selection{}, map[string]mode{"lint": normal, "unit (1)": normal, "unit (2)": normal, "build": normal, "deploy": normal}},
		"a job by its id":    {Selection{Jobs: []string{"unit"}}, map[string]mode{"unit (1)": normal, "unit (2)": normal}},
		"a leg by its key":   {Selection{Jobs: []string{"unit (2)"}}, map[string]mode{"unit (2)": normal}},
		"with its needs":     {Selection{Jobs: []string{"Build it"}}, map[string]mode{"lint": normal, "build": normal}},
		"alone":              {Selection{Jobs: []string{"deploy"}, Alone: true}, map[string]mode{"lint": assume, "unit (1)": assume, "unit (2)": assume, "build": assume, "deploy": normal}},
		"two, one the other": {Selection{Jobs: []string{"lint", "build"}, Alone: true}, map[string]mode{"lint": normal, "build": normal}},
		"from":               {Selection{From: []string{"build"}}, map[string]mode{"lint": reuse, "unit (1)": reuse, "unit (2)": reuse, "build": fresh, "deploy": fresh}},
		"from, to":           {Selection{From: []string{"lint"}, Jobs: []string{"build"}}, map[string]mode{"lint": fresh, "build": fresh}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := modes(plan, test.Selection)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	_, err := modes(plan, Selection{Jobs: []string{"test"}})
	require.EqualError(t, err, `[CI] ERR_CI_022: ci.yml has no job "test" | It has: lint, unit, build, deploy`)
	_, err = modes(plan, Selection{From: []string{"test"}})
	require.ErrorContains(t, err, "ERR_CI_022")
}

func maskSet(values ...string) *mask.Set { return mask.New(values...) }
