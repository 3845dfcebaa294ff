package drill

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	multiHost   = "multi-host URL"
	viaSentinel = "Sentinel"
)

// sec is a moment of a run in seconds.
func sec(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// wrote is a write by w1 to PostgreSQL that took 0.1 s, and saw such a read.
func wrote(value int64, end float64, outcome Outcome) Operation {
	return Operation{System: Postgres, Route: multiHost, Client: "w1", Kind: Write, Value: value,
		Start: sec(end - 0.1), End: sec(end), Outcome: outcome}
}

func saw(value int64, end float64) Operation {
	op := wrote(value, end, Acknowledged)
	op.Kind = Read
	return op
}

// on moves operations to another system and route.
func on(system, route string, ops ...Operation) []Operation {
	moved := make([]Operation, 0, len(ops))
	for _, op := range ops {
		op.System, op.Route = system, route
		moved = append(moved, op)
	}
	return moved
}

func rowsOf(values ...int64) []Row {
	var list []Row
	for _, value := range values {
		list = append(list, Row{Client: "w1", Value: value, Count: 1})
	}
	return list
}

// clean is a run in which the leader was killed at 10 s and everything went
// well: 1 to 3 were acknowledged, 4 failed, 5 is unknown and there, 6 is unknown
// and is not.
func clean() Run {
	return Run{
		Scenario: "leader-killed", Number: 1, System: Postgres, Target: "pg-0",
		Injected: sec(10), Healed: sec(10), Converged: sec(20), Ended: sec(25),
		Operations: []Operation{
			wrote(1, 9, Acknowledged), saw(1, 9.5),
			wrote(4, 10.5, Failed), wrote(5, 11, Uncertain), wrote(6, 11.5, Uncertain),
			wrote(2, 14, Acknowledged), saw(5, 15), wrote(3, 24, Acknowledged),
		},
		Finals: []Final{
			{System: Postgres, Member: "pg-1", Authority: true, Rows: rowsOf(1, 5, 2, 3)},
			{System: Postgres, Member: "pg-0", Rows: rowsOf(3, 2, 5, 1)},
		},
	}
}

// cleanRedis is the same against Redis.
func cleanRedis() Run {
	run := clean()
	run.System = Redis
	run.Operations = on(Redis, viaSentinel, run.Operations...)
	for i := range run.Finals {
		run.Finals[i].System = Redis
	}
	return run
}

// lose takes a value from all members.
func lose(run *Run, value int64) {
	for i := range run.Finals {
		var kept []Row
		for _, row := range run.Finals[i].Rows {
			if row.Value != value {
				kept = append(kept, row)
			}
		}
		run.Finals[i].Rows = kept
	}
}

// give adds a row to all members.
func give(run *Run, row Row) {
	for i := range run.Finals {
		run.Finals[i].Rows = append(run.Finals[i].Rows, row)
	}
}

func TestACleanRunPasses(t *testing.T) {
	for _, run := range []Run{clean(), cleanRedis()} {
		judgement := Judge(run)
		require.Equal(t, Passed, judgement.Verdict, judgement.Reasons)
		require.Empty(t, judgement.Reasons)
		require.Len(t, judgement.Tallies, 1)
		tally := judgement.Tallies[0]
		require.Equal(t, Tally{
			System: run.System, Route: tally.Route,
			Attempts: 6, Acknowledged: 3, Failed: 1, Unknown: 2, Recovered: 1,
			WriteGap: 10, ReadGap: 5.5, Routing: -1,
		}, tally)
		require.Equal(t, 10.0, judgement.Redundancy)
		require.Zero(t, judgement.Overlap)
		require.Nil(t, judgement.Linearizable)
	}
}

func TestJudgeFindsEachViolation(t *testing.T) {
	redis := func(planned bool, more func(*Run)) func() Run {
		return func() Run {
			run := cleanRedis()
			run.Planned = planned
			more(&run)
			return run
		}
	}
	postgres := func(more func(*Run)) func() Run {
		return func() Run {
			run := clean()
			more(&run)
			return run
		}
	}
	cases := []struct {
		name    string
		run     func() Run
		verdict Verdict
		reason  string
	}{
		{"an acknowledged write is missing", postgres(func(r *Run) { lose(r, 2) }), Lost,
			"PostgreSQL over multi-host URL lost 1 of 3 acknowledged writes, such as w1:2."},
		{"a row that nobody wrote", postgres(func(r *Run) { give(r, Row{"w1", 77, 1}) }), Inconsistent,
			"PostgreSQL over multi-host URL has 1 value that nobody wrote or whose write had failed."},
		{"a row of a client that nobody knows", postgres(func(r *Run) { give(r, Row{"w9", 1, 1}) }), Inconsistent,
			"PostgreSQL over no known client has 1 value that nobody wrote or whose write had failed."},
		{"a write that failed is there", postgres(func(r *Run) { give(r, Row{"w1", 4, 1}) }), Inconsistent,
			"PostgreSQL over multi-host URL has 1 value that nobody wrote or whose write had failed."},
		{"a duplicate", postgres(func(r *Run) { give(r, Row{"w1", 3, 1}) }), Inconsistent,
			"PostgreSQL over multi-host URL has 1 value more than once."},
		{"a read saw less than a write before", postgres(func(r *Run) { r.Operations = append(r.Operations, saw(2, 24.5)) }),
			Inconsistent, "1 read by one client on PostgreSQL over multi-host URL saw less than the client had written or read before."},
		{"a read saw less than a read before", postgres(func(r *Run) { r.Operations = append(r.Operations, saw(2, 16)) }),
			Inconsistent, "1 read by one client on PostgreSQL over multi-host URL saw less than the client had written or read before."},
		{"a replica lacks a row", postgres(func(r *Run) { r.Finals[1].Rows = rowsOf(1, 2, 3) }), Inconsistent,
			"pg-0 differs from the leader pg-1 in PostgreSQL: it lacks 1 value and has 0 that the leader has not."},
		{"a replica has a row too many", postgres(func(r *Run) { r.Finals[1].Rows = append(r.Finals[1].Rows, rowsOf(6)...) }),
			Inconsistent, "pg-0 differs from the leader pg-1 in PostgreSQL: it lacks 0 values and has 1 that the leader has not."},
		{"a replica could not be read", postgres(func(r *Run) { r.Finals[1].Error = "refused" }), NotRecovered,
			"PostgreSQL could not be read in the end: pg-0: refused."},
		{"no leader was read", postgres(func(r *Run) { r.Finals = r.Finals[1:] }), NotRecovered,
			"Nothing is known of what PostgreSQL has in the end: no leader was read."},
		{"it did not converge", postgres(func(r *Run) { r.Converged = 0 }), NotRecovered,
			"The members were not all level and well again when the run ended, 15.0 s after the fault."},
		{"a replica lags and it did not converge",
			postgres(func(r *Run) { r.Converged, r.Finals[1].Rows = 0, rowsOf(1) }), NotRecovered,
			"pg-0 differs from the leader pg-1 in PostgreSQL: it lacks 3 values and has 0 that the leader has not."},
		{"one route never worked", postgres(func(r *Run) { r.Operations = append(r.Operations, on(Postgres, "Service", wrote(9, 12, Failed))...) }),
			NotRecovered, "PostgreSQL over Service acknowledged none of 1 write."},
		{"the drill failed", postgres(func(r *Run) { r.Errors = []string{"the fault was refused"}; lose(r, 2) }), Void,
			"The drill itself failed: the fault was refused."},
		{"nothing was written", postgres(func(r *Run) { r.Operations = nil; r.Finals = nil }), Void,
			"No write was acknowledged in the whole run, so nothing was tested."},
		{"only another system was written to", postgres(func(r *Run) { r.System = Etcd }), Void,
			"No write to etcd was acknowledged in the whole run, so nothing was tested."},
		{"Redis loses a write when its master is killed", redis(false, func(r *Run) { lose(r, 2) }), Bounded,
			"Redis over Sentinel lost 1 of 3 acknowledged writes, such as w1:2: Redis replicates asynchronously," +
				" and what had reached no replica when the master went is gone."},
		{"Redis loses a write in a planned event", redis(true, func(r *Run) { lose(r, 2) }), Lost,
			"Redis over Sentinel lost 1 of 3 acknowledged writes, such as w1:2: the event was planned," +
				" and the master should have handed over first."},
		{"reads of Redis go backwards after its master is killed",
			redis(false, func(r *Run) { r.Operations = append(r.Operations, on(Redis, viaSentinel, saw(1, 16))...) }), Bounded,
			"1 read by one client on Redis over Sentinel saw less than the client had written or read before:" +
				" Redis replicates asynchronously, and a new master may know less."},
		{"reads of Redis go backwards in a planned event",
			redis(true, func(r *Run) { r.Operations = append(r.Operations, on(Redis, viaSentinel, saw(1, 16))...) }), Inconsistent,
			"1 read by one client on Redis over Sentinel saw less than the client had written or read before."},
		{"Redis has a duplicate", redis(false, func(r *Run) { give(r, Row{"w1", 3, 1}) }), Inconsistent,
			"Redis over Sentinel has 1 value more than once."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			judgement := Judge(c.run())
			require.Equal(t, c.verdict, judgement.Verdict, judgement.Reasons)
			require.Contains(t, judgement.Reasons, c.reason)
		})
	}
}

func TestTheWorstReasonComesFirst(t *testing.T) {
	run := clean()
	run.Converged = 0
	give(&run, Row{"w1", 77, 1})
	lose(&run, 1)
	lose(&run, 2)
	judgement := Judge(run)
	require.Equal(t, Lost, judgement.Verdict)
	require.Len(t, judgement.Reasons, 3)
	require.Contains(t, judgement.Reasons[0], "lost 2 of 3")
	require.Contains(t, judgement.Reasons[1], "nobody wrote")
	require.Contains(t, judgement.Reasons[2], "not all level")
	require.Equal(t, []string{"w1:1", "w1:2"}, judgement.Tallies[0].LostExamples)
	require.Equal(t, -1.0, judgement.Redundancy)
}

func TestLossesAreNamedByAFewExamples(t *testing.T) {
	run := clean()
	for value := int64(100); value < 120; value++ {
		run.Operations = append(run.Operations, wrote(value, 16, Acknowledged))
	}
	tally := Judge(run).Tallies[0]
	require.Equal(t, 20, tally.Lost)
	require.Equal(t, []string{"w1:100", "w1:101", "w1:102", "w1:103", "w1:104"}, tally.LostExamples)
}

func TestRequestsToTheApplicationAreOnlyCounted(t *testing.T) {
	run := clean()
	run.Operations = append(run.Operations, on(App, "ingress",
		wrote(1, 9, Acknowledged), wrote(2, 12, Failed), saw(0, 13), wrote(3, 14, Acknowledged))...)
	judgement := Judge(run)
	require.Equal(t, Passed, judgement.Verdict, judgement.Reasons)
	require.Equal(t, Tally{System: App, Route: "ingress", Attempts: 3, Acknowledged: 2, Failed: 1,
		WriteGap: 5, ReadGap: 3, Routing: -1}, judgement.Tallies[1])
}

// A replica may lag behind the client's own writes, and two replicas may lag by
// different times; one replica must not take back what it has shown.
func TestReadsFromReplicas(t *testing.T) {
	shown := func(server string, value int64, end float64) Operation {
		op := on(Postgres, replicaRoute, saw(value, end))[0]
		op.Server = server
		return op
	}
	cases := []struct {
		name      string
		reads     []Operation
		backwards int
	}{
		{"behind the client's writes", []Operation{shown("pg-1", 1, 15)}, 0},
		{"one replica behind the other", []Operation{shown("pg-1", 2, 15), shown("pg-2", 1, 16)}, 0},
		{"a replica goes backwards", []Operation{shown("pg-1", 2, 15), shown("pg-1", 1, 16)}, 1},
		{"two reads at one time", []Operation{shown("pg-1", 2, 15), shown("pg-1", 1, 15.05)}, 0},
		{"what was not acknowledged may go", []Operation{shown("pg-1", 6, 12), shown("pg-1", 3, 24.9)}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run := clean()
			run.Operations = append(run.Operations, c.reads...)
			judgement := Judge(run)
			require.Equal(t, replicaRoute, judgement.Tallies[1].Route)
			require.Equal(t, c.backwards, judgement.Tallies[1].Backwards)
			require.Zero(t, judgement.Tallies[0].Backwards)
		})
	}
}

func TestTalliesAreBySystemAndRoute(t *testing.T) {
	run := clean()
	var there = map[string][]Row{}
	for i, where := range []tallyKey{{Etcd, "client"}, {Redis, viaSentinel}, {Postgres, "Service"}} {
		name := fmt.Sprintf("client%d", i)
		op := on(where.system, where.route, wrote(1, 12, Acknowledged))[0]
		op.Client = name
		run.Operations = append(run.Operations, op)
		there[where.system] = append(there[where.system], Row{name, 1, 1})
	}
	give(&run, there[Postgres][0])
	for _, system := range []string{Redis, Etcd} {
		run.Finals = append(run.Finals, Final{System: system, Member: system + "-0", Authority: true, Rows: there[system]})
	}
	judgement := Judge(run)
	require.Equal(t, Passed, judgement.Verdict, judgement.Reasons)
	var order []string
	for _, tally := range judgement.Tallies {
		order = append(order, tally.System+"/"+tally.Route)
	}
	require.Equal(t, []string{"postgres/Service", "postgres/multi-host URL", "redis/Sentinel", "etcd/client"}, order)
}
