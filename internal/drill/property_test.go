package drill

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const histories = 150

// faultless makes a run against systems that keep every promise: some writes
// fail, some are unknown and may be done or not, replicas lag, and the leader
// changes; and nothing that was acknowledged is ever missing.
func faultless(random *rand.Rand) Run {
	run := Run{
		Scenario: "property", System: Postgres, Target: "postgres-0", Planned: random.IntN(2) == 0,
		Injected: sec(10), Healed: sec(12), Converged: sec(20), Ended: sec(30),
	}
	for _, system := range []string{Postgres, Redis, Etcd} {
		var kept []Row
		for i := range 1 + random.IntN(3) {
			ops, rows := faultlessClient(random, system, fmt.Sprintf("%s-%d", system, i))
			run.Operations = append(run.Operations, ops...)
			kept = append(kept, rows...)
		}
		for member := range 3 {
			mine := make([]Row, len(kept))
			for to, from := range random.Perm(len(kept)) {
				mine[to] = kept[from]
			}
			run.Finals = append(run.Finals, Final{System: system,
				Member: fmt.Sprintf("%s-%d", system, member), Authority: member == 1, Rows: mine})
		}
		run.Samples = append(run.Samples, faultlessSamples(random, system)...)
		run.Registers = append(run.Registers, faultlessRegister(random, system)...)
	}
	random.Shuffle(len(run.Operations), func(i, j int) {
		run.Operations[i], run.Operations[j] = run.Operations[j], run.Operations[i]
	})
	return run
}

func faultlessClient(random *rand.Rand, system, name string) ([]Operation, []Row) {
	var (
		ops    []Operation
		kept   []Row
		now    = time.Duration(random.Int64N(int64(time.Second)))
		values []int64
	)
	highest := func() int64 {
		if len(values) == 0 {
			return 0
		}
		return values[len(values)-1]
	}
	add := func(route, kind string, value int64, outcome Outcome) {
		end := now + 1 + time.Duration(random.Int64N(int64(300*time.Millisecond)))
		ops = append(ops, Operation{System: system, Route: route, Client: name, Kind: kind,
			Value: value, Start: now, End: end, Outcome: outcome})
		now = end + time.Duration(random.Int64N(int64(time.Second)))
	}
	add("client", Write, 1, Acknowledged)
	values, kept = append(values, 1), append(kept, Row{name, 1, 1})
	shown := 0
	for value := int64(2); now < sec(28); value++ {
		done, outcome := true, Acknowledged
		switch random.IntN(5) {
		case 0:
			done, outcome = false, Failed
		case 1:
			done, outcome = random.IntN(2) == 0, Uncertain
		}
		add("client", Write, value, outcome)
		if done {
			values, kept = append(values, value), append(kept, Row{name, value, 1})
		}
		add("client", Read, highest(), Acknowledged)
		shown += random.IntN(len(values) - shown)
		add(replicaRoute, Read, values[shown], Acknowledged)
	}
	return ops, kept
}

// faultlessSamples has one member lead until the fault and another from then on.
func faultlessSamples(random *rand.Rand, system string) []Sample {
	var samples []Sample
	change := sec(10 + 8*random.Float64())
	for now := time.Duration(0); now < sec(30); now += sec(0.5) {
		for member := range 3 {
			s := look(system, fmt.Sprintf("%s-%d", system, member), 0,
				member == 0 && now < sec(10) || member == 1 && now >= change)
			s.At, s.Term = now+time.Duration(random.Int64N(int64(time.Millisecond))), 1
			if now >= change {
				s.Term = 2
			}
			samples = append(samples, s)
		}
	}
	return samples
}

// faultlessRegister has each operation take effect at one moment between its
// start and its end, or long after when its client gave up waiting.
func faultlessRegister(random *rand.Rand, system string) []Register {
	var (
		history []Register
		state   int64
	)
	for i := range int64(60) {
		effect := sec(float64(i) / 2)
		around := func() time.Duration { return time.Duration(random.Int64N(int64(3 * time.Second))) }
		op := Register{System: system, Client: int(i % 5), Kind: Read, Value: state,
			Start: effect - around(), End: effect + around(), Outcome: Acknowledged}
		switch random.IntN(4) {
		case 0, 1:
			op.Kind, op.Value, state = Write, i+1, i+1
		case 2:
			op.Kind, op.Value, op.Outcome = Write, i+1, []Outcome{Failed, Uncertain}[random.IntN(2)]
			if op.Outcome == Uncertain && random.IntN(2) == 0 {
				state = i + 1
				op.End = op.Start + (effect-op.Start)/2
			}
		}
		history = append(history, op)
	}
	return history
}

func eachHistory(t *testing.T, check func(t *testing.T, random *rand.Rand, run Run)) {
	for seed := range uint64(histories) {
		random := rand.New(rand.NewPCG(seed, 3))
		run := faultless(random)
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { check(t, random, run) })
	}
}

func TestHistoriesWithoutFaultsAlwaysPass(t *testing.T) {
	eachHistory(t, func(t *testing.T, _ *rand.Rand, run Run) {
		judgement := Judge(run)
		require.Equal(t, Passed, judgement.Verdict, judgement.Reasons)
		require.Empty(t, judgement.Reasons)
		for _, tally := range judgement.Tallies {
			require.Equal(t, tally.Attempts, tally.Acknowledged+tally.Failed+tally.Unknown)
		}
		require.Equal(t, judgement, Judge(run), "a run has one judgement")
	})
}

func TestAnAcknowledgedWriteThatIsTakenAwayIsAlwaysMissed(t *testing.T) {
	eachHistory(t, func(t *testing.T, random *rand.Rand, run Run) {
		var acked []Operation
		for _, op := range run.Operations {
			if op.Kind == Write && op.Outcome == Acknowledged {
				acked = append(acked, op)
			}
		}
		victim := acked[random.IntN(len(acked))]
		for i := range run.Finals {
			var kept []Row
			for _, row := range run.Finals[i].Rows {
				if row.Client != victim.Client || row.Value != victim.Value {
					kept = append(kept, row)
				}
			}
			run.Finals[i].Rows = kept
		}
		expected := Lost
		if victim.System == Redis && !run.Planned {
			expected = Bounded
		}
		judgement := Judge(run)
		require.Equal(t, expected, judgement.Verdict, judgement.Reasons)
		require.Len(t, judgement.Reasons, 1)
		require.Contains(t, judgement.Reasons[0], fmt.Sprintf("lost 1 of %d acknowledged writes, such as %s:%d",
			lostFrom(judgement), victim.Client, victim.Value))
	})
}

// lostFrom is how many writes were acknowledged where one was lost.
func lostFrom(judgement Judgement) int {
	for _, tally := range judgement.Tallies {
		if tally.Lost == 1 {
			return tally.Acknowledged
		}
	}
	return 0
}

func TestAWriteThatFailedAndIsThereIsAlwaysFound(t *testing.T) {
	eachHistory(t, func(t *testing.T, random *rand.Rand, run Run) {
		victim := Operation{System: Etcd, Client: "etcd-0", Value: 1 << 40}
		for _, i := range random.Perm(len(run.Operations)) {
			if op := run.Operations[i]; op.Kind == Write && op.Outcome == Failed {
				victim = op
				break
			}
		}
		for i := range run.Finals {
			if run.Finals[i].System == victim.System {
				run.Finals[i].Rows = append(run.Finals[i].Rows, Row{victim.Client, victim.Value, 1})
			}
		}
		require.Equal(t, Inconsistent, Judge(run).Verdict)
	})
}
