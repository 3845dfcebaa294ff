package drillreport

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/paws360/pawskind/internal/drill"
)

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// leaderKill is a failover as it happens: three members and four clients of
// PostgreSQL over two routes, a write gap of 1.8 s, clients of the other systems
// that feel little of it, and a few writes of unknown fate.
func leaderKill() drill.Run {
	run := drill.Run{
		Scenario: "leader-kill", Number: 1, Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), System: drill.Postgres, Target: "patroni-1",
		Injected: ms(4000), Healed: ms(4150), Converged: ms(11200), Ended: ms(13000),
	}
	var rows []drill.Row
	for n, who := range []struct{ system, route string }{
		{drill.Postgres, "multi-host URL"}, {drill.Postgres, "multi-host URL"}, {drill.Postgres, "Service"}, {drill.Postgres, "Service"},
		{drill.Redis, "Sentinel"}, {drill.Etcd, "endpoints"}, {drill.App, "HTTP"},
	} {
		ops := client(who.system, who.route, n)
		for _, o := range ops {
			if o.Kind == drill.Write && o.Outcome == drill.Acknowledged && o.System == drill.Postgres {
				rows = append(rows, drill.Row{Client: o.Client, Value: o.Value, Count: 1})
			}
		}
		run.Operations = append(run.Operations, ops...)
	}
	run.Finals = finals(run.Operations, rows)
	run.Samples = samples()
	return run
}

// client writes every 15 ms, and reads after every fourth write.
func client(system, route string, n int) []drill.Operation {
	chance := rand.New(rand.NewPCG(1, uint64(n)))
	var ops []drill.Operation
	value := int64(0)
	for at := 100 + n; at < 12900; at += 15 {
		o := drill.Operation{System: system, Route: route, Client: fmt.Sprintf("%s-%d", system, n), Kind: drill.Write, Outcome: drill.Acknowledged}
		took := 2 + chance.IntN(5)
		if chance.IntN(60) == 0 {
			took += 15
		}
		feels := system == drill.Postgres || system == drill.App
		switch {
		case feels && at <= 4000 && at+15 > 4000:
			o.Outcome, o.Error = drill.Uncertain, "connection reset"
			took = 30
		case feels && at > 4000 && at < 5800:
			o.Outcome, o.Error = drill.Failed, "connection refused"
			at += 20
		case feels && at < 6600 && at > 5800:
			took += 30 - (at-5800)/30
		}
		value++
		o.Value, o.Start, o.End = value, ms(at), ms(at+took)
		ops = append(ops, o)
		at += took
		if value%4 == 0 && o.Outcome == drill.Acknowledged && system != drill.App {
			o.Kind, o.Start, o.End = drill.Read, ms(at+1), ms(at+3)
			ops = append(ops, o)
		}
	}
	return ops
}

func finals(ops []drill.Operation, postgres []drill.Row) []drill.Final {
	var list []drill.Final
	for _, system := range []string{drill.Postgres, drill.Redis, drill.Etcd} {
		rows := postgres
		if system != drill.Postgres {
			rows = nil
			for _, o := range ops {
				if o.System == system && o.Kind == drill.Write {
					rows = append(rows, drill.Row{Client: o.Client, Value: o.Value, Count: 1})
				}
			}
		}
		for i := 1; i <= 3; i++ {
			list = append(list, drill.Final{System: system, Member: memberName(system, i), Authority: i == leaderOf(system),
				Rows: append([]drill.Row{}, rows...)})
		}
	}
	return list
}

// leaderOf is the number of the member that leads in the end.
func leaderOf(system string) int {
	if system == drill.Postgres {
		return 2
	}
	return 1
}

func memberName(system string, i int) string {
	if system == drill.Postgres {
		system = "patroni"
	}
	return fmt.Sprintf("%s-%d", system, i)
}

func samples() []drill.Sample {
	chance := rand.New(rand.NewPCG(2, 3))
	var list []drill.Sample
	for at := 0; at < 13000; at += 100 {
		for i := 1; i <= 3; i++ {
			s := drill.Sample{At: ms(at + i), System: drill.Postgres, Member: memberName(drill.Postgres, i), Role: "replica", Term: 1, LagBytes: chance.Int64N(900)}
			switch {
			case i == 1 && at < 4000:
				s.Role, s.Writable, s.LagBytes, s.Lease = "leader", true, 0, ms(9000)
			case i == 1 && at < 8500:
				s.Role, s.LagBytes = "", -1
			case i == 1 && at < 11000:
				s.LagBytes = int64(11000-at) * 160
			case i == 2 && at >= 5200:
				s.Role, s.Writable, s.Term, s.LagBytes, s.Lease = "leader", at >= 5600, 2, 0, ms(9000)
			case i == 3 && at > 4000 && at < 6400:
				s.LagBytes = int64(at-4000) * 40
			}
			list = append(list, s)
		}
		for _, system := range []string{drill.Redis, drill.Etcd} {
			for i := 1; i <= 3; i++ {
				s := drill.Sample{At: ms(at + 10 + i), System: system, Member: memberName(system, i), Role: "replica", LagBytes: 0}
				if i == 1 {
					s.Role, s.Writable = "leader", true
				}
				list = append(list, s)
			}
		}
	}
	return list
}

// small is a run that a person can check by hand.
func small() drill.Result {
	run := drill.Run{
		Scenario: "small", Number: 1, Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), System: drill.Postgres, Target: "patroni-1",
		Injected: ms(1000), Healed: ms(1100), Converged: ms(2500), Ended: ms(3000),
		Operations: []drill.Operation{
			{System: drill.Postgres, Route: "Service", Client: "a", Kind: drill.Write, Value: 1, Start: ms(800), End: ms(805), Outcome: drill.Acknowledged},
			{System: drill.Postgres, Route: "Service", Client: "a", Kind: drill.Write, Value: 2, Start: ms(990), End: ms(1200), Outcome: drill.Uncertain},
			{System: drill.Postgres, Route: "Service", Client: "a", Kind: drill.Write, Value: 3, Start: ms(1300), End: ms(1310), Outcome: drill.Failed},
			{System: drill.Postgres, Route: "Service", Client: "a", Kind: drill.Write, Value: 4, Start: ms(2000), End: ms(2012), Outcome: drill.Acknowledged},
		},
		Samples: []drill.Sample{
			{At: ms(100), System: drill.Postgres, Member: "patroni-1", Role: "leader", Writable: true},
			{At: ms(100), System: drill.Postgres, Member: "patroni-2", Role: "replica", LagBytes: 64},
			{At: ms(1050), System: drill.Postgres, Member: "patroni-1", LagBytes: -1},
			{At: ms(1500), System: drill.Postgres, Member: "patroni-2", Role: "leader", Writable: true},
			{At: ms(2400), System: drill.Postgres, Member: "patroni-1", Role: "replica", LagBytes: 2048},
		},
		Finals: []drill.Final{{System: drill.Postgres, Member: "patroni-2", Authority: true, Rows: []drill.Row{{Client: "a", Value: 4, Count: 1}}}},
	}
	judged := drill.JudgedRun{Run: run, Judgement: drill.Judgement{
		Verdict: drill.Lost, Reasons: []string{"postgres, Service: 1 acknowledged write is missing"},
		Tallies: []drill.Tally{{System: drill.Postgres, Route: "Service", Attempts: 4, Acknowledged: 2, Failed: 1, Unknown: 1, Lost: 1,
			WriteGap: 1.207, LostExamples: []string{"a:1"}}},
		Phases: []drill.Phase{
			{Name: drill.Detection, Begin: 0, End: 0.05}, {Name: drill.LeaseExpiry, Begin: -1, End: -1}, {Name: drill.Election, Begin: 0.05, End: 0.5},
			{Name: drill.Promotion, Begin: 0.5, End: 0.5}, {Name: drill.Stabilisation, Begin: 0.5, End: 1.5},
		},
		Leaders: []string{"patroni-1", "patroni-2"}, Redundancy: 1.4, Linearizable: map[string]bool{drill.Postgres: true, drill.Etcd: false},
	}}
	result := drill.Summarise("small", "A small drill", []drill.JudgedRun{judged})
	result.Environment, result.Profile, result.Machine = "paws360/paws360", "fast", "2 CPUs, 24 GiB"
	return result
}
