package drill

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// asked is an operation on PostgreSQL's register from one moment to another.
func asked(kind string, value int64, start, end float64, outcome Outcome) Register {
	return Register{System: Postgres, Kind: kind, Value: value, Start: sec(start), End: sec(end), Outcome: outcome}
}

func TestRegisters(t *testing.T) {
	set := func(value int64, start, end float64) Register { return asked(Write, value, start, end, Acknowledged) }
	get := func(value int64, start, end float64) Register { return asked(Read, value, start, end, Acknowledged) }
	maybe := func(value int64, start, end float64) Register { return asked(Write, value, start, end, Uncertain) }
	cases := []struct {
		name         string
		history      []Register
		linearizable bool
	}{
		{"an empty register reads as 0", []Register{get(0, 1, 2), set(1, 3, 4), get(1, 5, 6)}, true},
		{"a value that was never written", []Register{get(7, 1, 2)}, false},
		{"a stale read", []Register{set(1, 1, 2), set(2, 3, 4), get(1, 5, 6)}, false},
		{"the old value while the write is under way", []Register{set(1, 1, 2), set(2, 3, 6), get(1, 4, 5)}, true},
		{"the new value and then the old one", []Register{set(1, 1, 2), set(2, 3, 9), get(2, 4, 5), get(1, 6, 7)}, false},
		{"a lost write", []Register{set(1, 1, 2), get(0, 3, 4)}, false},
		{"writes at one time, in either order", []Register{set(1, 1, 4), set(2, 1, 4), get(1, 5, 6)}, true},
		{"an unknown write that took effect", []Register{maybe(1, 1, 2), get(1, 3, 4)}, true},
		{"an unknown write that never did", []Register{maybe(1, 1, 2), get(0, 3, 4)}, true},
		{"an unknown write that took effect long after", []Register{maybe(1, 1, 2), get(0, 3, 4), get(1, 5, 6)}, true},
		{"an unknown write that was undone", []Register{maybe(1, 1, 2), get(1, 3, 4), get(0, 5, 6)}, false},
		{"an unknown write read before it began", []Register{get(1, 1, 2), maybe(1, 3, 4)}, false},
		{"an unknown write after a newer one", []Register{maybe(1, 1, 2), set(2, 3, 4), get(2, 5, 6), get(1, 7, 8)}, true},
		{"a failed write that was read", []Register{asked(Write, 1, 1, 2, Failed), get(1, 3, 4)}, false},
		{"failed and unknown reads say nothing",
			[]Register{set(1, 1, 2), asked(Read, 9, 3, 4, Failed), asked(Read, 9, 5, 6, Uncertain)}, true},
		{"the same value written twice", []Register{maybe(1, 1, 2), set(1, 3, 4), set(2, 5, 6), get(1, 7, 8)}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run := clean()
			run.Registers = c.history
			judgement := Judge(run)
			require.Equal(t, map[string]bool{Postgres: c.linearizable}, judgement.Linearizable)
			if c.linearizable {
				require.Equal(t, Passed, judgement.Verdict, judgement.Reasons)
				return
			}
			require.Equal(t, Inconsistent, judgement.Verdict)
			require.Contains(t, judgement.Reasons[0], "The history of the register in PostgreSQL is not linearizable")
		})
	}
}

func TestEachSystemHasItsOwnRegister(t *testing.T) {
	run := clean()
	for _, system := range []string{Postgres, Etcd, Redis} {
		set, stale := asked(Write, 1, 1, 2, Acknowledged), asked(Read, 0, 3, 4, Acknowledged)
		set.System, stale.System = system, system
		run.Registers = append(run.Registers, set)
		if system != Postgres {
			run.Registers = append(run.Registers, stale)
		}
	}
	// Redis does not promise linearizability, and is not held to it.
	require.Equal(t, map[string]bool{Postgres: true, Etcd: false}, Judge(run).Linearizable)
}

// A client that meets a dead server leaves many unknown writes, each of which
// would double the checker's search if it were open to the end.
func TestManyUnknownWritesAreCheckedAtOnce(t *testing.T) {
	var history []Register
	for i := range int64(500) {
		history = append(history, asked(Write, 1000+i, float64(i), float64(i)+0.5, Uncertain))
	}
	history = append(history,
		asked(Read, 1250, 600, 601, Acknowledged), asked(Read, 0, 602, 603, Acknowledged))
	linearizable, findings := checkRegisters(history)
	require.Equal(t, map[string]bool{Postgres: false}, linearizable)
	require.Len(t, findings, 1)
}

func TestACheckThatTakesTooLongIsUnknownAndNoViolation(t *testing.T) {
	require.Equal(t, []finding{{Passed,
		"Whether the register in etcd was linearizable is unknown: checking its 7 operations took too long."}},
		judgeRegister(Etcd, 7, porcupine.Unknown))
}
