package drill

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// silent is a sample without an answer.
func silent(system, member string, seconds ...float64) []Sample {
	samples := looks(system, member, false, seconds...)
	for i := range samples {
		samples[i].Role = ""
	}
	return samples
}

// lease gives a sample what is left of the leader's lease.
func lease(s Sample, seconds float64) []Sample {
	s.Lease = sec(seconds)
	return []Sample{s}
}

// promoting is a leader that takes no writes yet.
func promoting(system, member string, seconds float64) []Sample {
	s := look(system, member, seconds, false)
	s.Role = leaderRole
	return []Sample{s}
}

// phaseEnds are begin and end by phase, of those that were seen.
func phaseEnds(t *testing.T, phases []Phase) map[string][2]float64 {
	seen := map[string][2]float64{}
	for i, phase := range phases {
		require.Equal(t, phaseNames[i], phase.Name)
		if phase.End >= 0 {
			seen[phase.Name] = [2]float64{phase.Begin, phase.End}
		}
	}
	return seen
}

// The fault is injected at 10 s into every run here, and all is well at 20 s.
func TestPhases(t *testing.T) {
	before := together(looks(Postgres, "pg-0", true, 8, 9), looks(Postgres, "pg-1", false, 8, 9, 10.5, 11.5))
	write := func(server string, seconds float64) Operation {
		op := wrote(9, seconds, Acknowledged)
		op.Server = server
		return op
	}
	cases := []struct {
		name    string
		samples []Sample
		writes  []Operation
		phases  map[string][2]float64
	}{
		{"a killed leader",
			together(before, silent(Postgres, "pg-0", 11, 12, 13, 14),
				lease(silent(Postgres, "pg-2", 12.5)[0], -1),
				promoting(Postgres, "pg-1", 13), looks(Postgres, "pg-1", true, 14, 15)), nil,
			map[string][2]float64{Detection: {0, 1}, LeaseExpiry: {1, 2.5}, Election: {2.5, 3}, Promotion: {3, 4}, Stabilisation: {4, 10}}},
		{"the lease was taken over before it was seen gone",
			together(before, silent(Postgres, "pg-0", 11, 12, 13), looks(Postgres, "pg-1", true, 13)), nil,
			map[string][2]float64{Detection: {0, 1}, LeaseExpiry: {1, 3}, Election: {3, 3}, Promotion: {3, 3}, Stabilisation: {3, 10}}},
		{"a write shows the promotion before a look does",
			together(before, silent(Postgres, "pg-0", 11, 12), promoting(Postgres, "pg-1", 13), looks(Postgres, "pg-1", true, 15)),
			[]Operation{write("pg-1", 13.5)},
			map[string][2]float64{Detection: {0, 1}, LeaseExpiry: {1, 3}, Election: {3, 3}, Promotion: {3, 3.5}, Stabilisation: {3.5, 10}}},
		{"a write of the old leader shows nothing",
			together(before, silent(Postgres, "pg-0", 11, 12), promoting(Postgres, "pg-1", 13)),
			[]Operation{write("pg-0", 13.5)},
			map[string][2]float64{Detection: {0, 1}, LeaseExpiry: {1, 3}, Election: {3, 3}}},
		{"the pod is gone and asked no more",
			together(before, looks(Postgres, "pg-0", true, 10.2), looks(Postgres, "pg-1", false, 12, 12.5), looks(Postgres, "pg-1", true, 13)), nil,
			map[string][2]float64{Detection: {0, 0.2}, LeaseExpiry: {0.2, 3}, Election: {3, 3}, Promotion: {3, 3}, Stabilisation: {3, 10}}},
		{"the old leader answers us and is given up by the others",
			together(before, looks(Postgres, "pg-0", true, 11, 12, 13), looks(Postgres, "pg-0", false, 14), looks(Postgres, "pg-1", true, 13)), nil,
			map[string][2]float64{Detection: {0, 3}, LeaseExpiry: {3, 3}, Election: {3, 3}, Promotion: {3, 3}, Stabilisation: {3, 10}}},
		{"the same member comes back within its lease",
			together(before, silent(Postgres, "pg-0", 11, 12), promoting(Postgres, "pg-0", 13), looks(Postgres, "pg-0", true, 14)), nil,
			map[string][2]float64{Detection: {0, 1}, Election: {1, 3}, Promotion: {3, 4}, Stabilisation: {4, 10}}},
		{"nobody takes over",
			together(before, silent(Postgres, "pg-0", 11, 12), lease(silent(Postgres, "pg-0", 13)[0], -1)), nil,
			map[string][2]float64{Detection: {0, 1}, LeaseExpiry: {1, 3}}},
		{"a replica was the target",
			together(before, looks(Postgres, "pg-0", true, 10.5, 11, 12, 13)), nil, map[string][2]float64{}},
		{"no samples", nil, nil, map[string][2]float64{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run := clean()
			run.Operations = c.writes
			run.Samples = c.samples
			require.InDeltaMapValues(t, flat(c.phases), flat(phaseEnds(t, phasesOf(run))), 1e-6)
		})
	}
}

func flat(phases map[string][2]float64) map[string]float64 {
	ends := map[string]float64{}
	for name, each := range phases {
		ends[name+" begin"], ends[name+" end"] = each[0], each[1]
	}
	return ends
}

func TestRedisHasNoLease(t *testing.T) {
	run := cleanRedis()
	run.Samples = together(looks(Redis, "redis-0", true, 9), silent(Redis, "redis-0", 11, 12), looks(Redis, "redis-1", true, 12.5))
	seen := phaseEnds(t, Judge(run).Phases)
	require.NotContains(t, seen, LeaseExpiry)
	require.Equal(t, [2]float64{0, 1}, seen[Detection])
	require.Equal(t, [2]float64{1, 2.5}, seen[Election])
}

func TestWithoutConvergenceThereIsNoStabilisation(t *testing.T) {
	run := clean()
	run.Converged = 0
	run.Samples = together(looks(Postgres, "pg-0", true, 9), silent(Postgres, "pg-0", 11), looks(Postgres, "pg-1", true, 13))
	seen := phaseEnds(t, Judge(run).Phases)
	require.Contains(t, seen, Promotion)
	require.NotContains(t, seen, Stabilisation)
}

func TestLeadersAreInTheOrderInWhichTheyTookTheRole(t *testing.T) {
	run := clean()
	require.Empty(t, Judge(run).Leaders)
	run.Samples = append(
		// Out of order: the judgement sorts them.
		looks(Postgres, "pg-1", true, 13, 14, 15),
		append(append(looks(Postgres, "pg-0", true, 1, 2), silent(Postgres, "pg-0", 3)...),
			append(looks(Postgres, "pg-0", true, 4), looks(Postgres, "pg-0", false, 11)...)...)...)
	run.Samples = append(run.Samples, looks(Etcd, "etcd-0", true, 1)...)
	require.Equal(t, []string{"pg-0", "pg-1"}, Judge(run).Leaders)
	deposed := look(Postgres, "pg-0", 16, false) // thawed, and not yet told
	deposed.Role = leaderRole
	run.Samples = append(run.Samples, deposed)
	require.Equal(t, []string{"pg-0", "pg-1"}, Judge(run).Leaders)
	deposed.Lease = sec(20)
	run.Samples = append(run.Samples[:len(run.Samples)-1], deposed)
	require.Equal(t, []string{"pg-0", "pg-1", "pg-0"}, Judge(run).Leaders, "it has the lock, though its commits wait")
}

// A Service that follows late costs what it leads nowhere after the promotion.
func TestRoutingIsWhatAWayAddsToThePromotion(t *testing.T) {
	run := Run{System: Postgres, Injected: sec(10), Healed: sec(10), Converged: sec(20), Ended: sec(30)}
	run.Operations = slices.Concat(
		on(Postgres, "near", wrote(1, 9.5, Acknowledged), wrote(2, 12.25, Acknowledged), wrote(3, 12.3, Acknowledged)),
		on(Postgres, "far", wrote(4, 9.5, Acknowledged), wrote(5, 13.5, Acknowledged), wrote(6, 13.6, Acknowledged)),
		on(Postgres, "silent later", wrote(13, 9.5, Acknowledged), wrote(14, 12.1, Acknowledged), wrote(15, 18, Acknowledged)),
		on(Postgres, "nowhere", wrote(7, 9.5, Acknowledged), wrote(8, 29, Failed)),
		on(Redis, "near", wrote(9, 9.5, Acknowledged), wrote(10, 13, Acknowledged)))
	phases := []Phase{{Detection, 0, 1}, {LeaseExpiry, -1, -1}, {Election, 1, 1.5}, {Promotion, 1.5, 2}, {Stabilisation, -1, -1}}
	tallies := []Tally{{System: Postgres, Route: "near"}, {System: Postgres, Route: "far"}, {System: Postgres, Route: "silent later"}, {System: Postgres, Route: "nowhere"}, {System: Redis, Route: "near"}}
	addRouting(run, phases, tallies)
	var seen []float64
	for _, tally := range tallies {
		seen = append(seen, tally.Routing)
	}
	require.InDeltaSlice(t, []float64{0.25, 1.5, 0.1, -1, -1}, seen, 1e-9)
}
