package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// look is a sample of a member; a writable one is a leader.
func look(system, member string, seconds float64, writable bool) Sample {
	s := Sample{System: system, Member: member, At: sec(seconds), Role: "replica", Writable: writable}
	if writable {
		s.Role = leaderRole
	}
	return s
}

// looks has samples of one member at the given seconds.
func looks(system, member string, writable bool, seconds ...float64) []Sample {
	var samples []Sample
	for _, each := range seconds {
		samples = append(samples, look(system, member, each, writable))
	}
	return samples
}

func together(lists ...[]Sample) []Sample {
	var all []Sample
	for _, list := range lists {
		all = append(all, list...)
	}
	return inOrder(all)
}

func TestSplitBrainOfPostgres(t *testing.T) {
	a := func(seconds ...float64) []Sample { return looks(Postgres, "pg-0", true, seconds...) }
	b := func(seconds ...float64) []Sample { return looks(Postgres, "pg-1", true, seconds...) }
	aNot := func(seconds ...float64) []Sample { return looks(Postgres, "pg-0", false, seconds...) }
	cases := []struct {
		name    string
		samples []Sample
		split   bool
		overlap time.Duration
	}{
		{"one hands over to the other", together(a(1, 2, 3), aNot(4), b(4.5, 5, 6)), false, 0},
		{"one is writable between two looks at the other", together(a(1, 2), b(1.5)), true, 0},
		{"both for some time", together(a(1, 2, 3, 4), b(2.5, 3.5, 4.5)), true, sec(1.5)},
		{"the looks at both have the same times", together(a(1, 2, 3), b(1, 2, 3)), true, sec(2)},
		{"the one's first look is the other's last", together(a(1, 2), b(2, 3)), false, 0},
		{"one was not writable in between", together(a(1), aNot(1.5), a(2), b(1.6)), false, 0},
		{"too long between the looks", together(a(1, 4), b(2)), false, 0},
		{"back and forth", together(a(1, 2), aNot(3), b(4, 5), looks(Postgres, "pg-1", false, 6), a(7, 8)), false, 0},
		{"members of two systems", together(a(1, 2, 3), looks(Redis, "redis-0", true, 1.5, 2.5)), false, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run := clean()
			run.Samples = c.samples
			judgement := Judge(run)
			require.Equal(t, c.overlap, judgement.Overlap)
			if !c.split {
				require.Equal(t, Passed, judgement.Verdict, judgement.Reasons)
				return
			}
			require.Equal(t, SplitBrain, judgement.Verdict)
			require.Contains(t, judgement.Reasons[0], "pg-0 and pg-1 of PostgreSQL would both have taken writes from ")
		})
	}
}

func TestAStaleRedisMasterIsReportedAndJudgedByWhatWasLost(t *testing.T) {
	run := cleanRedis()
	run.Samples = append(looks(Redis, "redis-0", true, 10, 11, 12), looks(Redis, "redis-1", true, 11.5, 12.5)...)
	judgement := Judge(run)
	require.Equal(t, Passed, judgement.Verdict)
	require.Equal(t, sec(0.5), judgement.Overlap)
	require.Equal(t, []string{"redis-0 and redis-1 of Redis would both have taken writes from 11.5 s on, for at least 0.5 s:" +
		" Redis replicates asynchronously, and a master that is cut off takes writes until it notices." +
		" No acknowledged write was lost by it."}, judgement.Reasons)

	lose(&run, 2)
	judgement = Judge(run)
	require.Equal(t, Bounded, judgement.Verdict)
	require.Equal(t, "redis-0 and redis-1 of Redis would both have taken writes from 11.5 s on, for at least 0.5 s:"+
		" Redis replicates asynchronously, and lost 1 acknowledged write.", judgement.Reasons[0])
}

func TestEtcdHasOneLeaderInATerm(t *testing.T) {
	leads := func(member string, term int64, seconds float64) Sample {
		s := look(Etcd, member, seconds, true)
		s.Term = term
		return s
	}
	run := clean()
	// The old leader, cut off, believes in its old term for a while.
	run.Samples = []Sample{leads("etcd-0", 2, 1), leads("etcd-1", 3, 2), leads("etcd-0", 2, 3), leads("etcd-1", 3, 4)}
	require.Equal(t, Passed, Judge(run).Verdict)

	run.Samples = append(run.Samples, leads("etcd-2", 3, 5), leads("etcd-2", 3, 6))
	judgement := Judge(run)
	require.Equal(t, SplitBrain, judgement.Verdict)
	require.Equal(t, []string{"etcd-1 and etcd-2 of etcd both led in term 3."}, judgement.Reasons)
}
