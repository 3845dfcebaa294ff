package drill

import (
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// registerTimeout bounds the search for an order of one register's history,
// which takes exponential time in the worst case.
const registerTimeout = 5 * time.Second

// registerInput is what was asked of the register.
type registerInput struct {
	write bool
	value int64
}

// registerModel is one register that holds 0 until it is written.
var registerModel = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		in := input.(registerInput)
		if in.write {
			return true, in.value
		}
		return output.(int64) == state.(int64), state
	},
}

// checkRegisters looks for an order of each register's operations that explains
// every answer. Only systems that promise one are checked: Redis does not.
func checkRegisters(registers []Register) (map[string]bool, []finding) {
	var (
		linearizable map[string]bool
		findings     []finding
	)
	for _, system := range []string{Postgres, Etcd} {
		history := registerHistory(registers, system)
		if len(history) == 0 {
			continue
		}
		if linearizable == nil {
			linearizable = map[string]bool{}
		}
		result := porcupine.CheckOperationsTimeout(registerModel, history, registerTimeout)
		linearizable[system] = result != porcupine.Illegal
		findings = append(findings, judgeRegister(system, len(history), result)...)
	}
	return linearizable, findings
}

func judgeRegister(system string, operations int, result porcupine.CheckResult) []finding {
	switch result {
	case porcupine.Illegal:
		return []finding{found(Inconsistent,
			"The history of the register in %s is not linearizable: no order of its %s explains what was read.",
			nameOf(system), plural(operations, "operation"))}
	case porcupine.Unknown:
		return []finding{found(Passed,
			"Whether the register in %s was linearizable is unknown: checking its %s took too long.",
			nameOf(system), plural(operations, "operation"))}
	}
	return nil
}

// registerHistory puts one system's operations into the checker's form. Failed
// operations did nothing and uncertain reads say nothing: both are left out.
func registerHistory(registers []Register, system string) []porcupine.Operation {
	mine := slices.DeleteFunc(slices.Clone(registers), func(r Register) bool { return r.System != system })
	seen := firstReads(mine)
	writers := map[int64]int{}
	for _, r := range mine {
		if r.Kind == Write {
			writers[r.Value]++
		}
	}
	var history []porcupine.Operation
	for _, r := range mine {
		end, counts := r.End, r.Outcome == Acknowledged
		if r.Outcome == Uncertain && r.Kind == Write {
			end, counts = uncertainEnd(r, seen, writers[r.Value] == 1)
		}
		if !counts {
			continue
		}
		operation := porcupine.Operation{
			ClientId: r.Client, Call: int64(r.Start), Return: int64(end),
			Input: registerInput{write: r.Kind == Write, value: r.Value},
		}
		if r.Kind == Read {
			operation.Output = r.Value
		}
		history = append(history, operation)
	}
	return history
}

// firstReads is when each value had first been read for certain.
func firstReads(registers []Register) map[int64]time.Duration {
	seen := map[int64]time.Duration{}
	for _, r := range registers {
		if r.Kind != Read || r.Outcome != Acknowledged {
			continue
		}
		if at, ok := seen[r.Value]; !ok || r.End < at {
			seen[r.Value] = r.End
		}
	}
	return seen
}

// uncertainEnd is until when a write without an answer may take effect, which is
// for ever. Two shortcuts have the same answer and spare the checker a search
// that doubles with every such write: one whose value nobody read may as well
// not have been, and one that was read had taken effect when the read ended.
func uncertainEnd(write Register, seen map[int64]time.Duration, only bool) (time.Duration, bool) {
	if !only {
		return math.MaxInt64, true
	}
	end, read := seen[write.Value]
	return max(end, write.Start), read
}
