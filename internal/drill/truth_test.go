package drill

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func readyIs(status string, at float64) Condition {
	return Condition{At: sec(at), Type: "Ready", Status: status}
}

func podIs(name string, ready bool, at float64) Pod {
	return Pod{At: sec(at), Name: name, UID: "uid-" + name, Component: Postgres, Ready: ready}
}

func appIs(uid, revision string, restarts int32, at float64) Pod {
	return Pod{At: sec(at), Name: "backend-" + uid, UID: uid, Component: "backend", App: true, Revision: revision, Restarts: restarts, Ready: true}
}

// paused is a run of 60 s with a write each second, but for the pause.
func paused(from, to float64) Run {
	run := Run{System: Postgres, Injected: sec(from), Healed: sec(from), Converged: sec(to), Ended: sec(60)}
	for at, value := 1.0, int64(1); at <= 60; at, value = at+1, value+1 {
		if at <= from || at >= to {
			run.Operations = append(run.Operations, wrote(value, at, Acknowledged))
		}
	}
	return run
}

func TestReadyTellsTheTruth(t *testing.T) {
	cases := []struct {
		name              string
		from, to          float64 // of the pause in the writes
		told              []Condition
		pods              []Pod
		claimed, withheld float64
	}{
		{"it follows at once", 10, 30, []Condition{readyIs("True", 0), readyIs("False", 11), readyIs("True", 31)}, nil, 0, 0},
		{"a short pause needs no word", 10, 14, []Condition{readyIs("True", 0)}, nil, 0, 0},
		{"it takes its five seconds", 10, 30, []Condition{readyIs("True", 0), readyIs("False", 15), readyIs("True", 31)}, nil, 0, 0},
		{"it notices late", 10, 30, []Condition{readyIs("True", 0), readyIs("False", 18), readyIs("True", 31)}, nil, 3, 0},
		{"it never notices", 10, 30, []Condition{readyIs("True", 0)}, nil, 15, 0},
		{"it is glad too early", 10, 30, []Condition{readyIs("True", 0), readyIs("False", 11), readyIs("True", 25)}, nil, 5, 0},
		{"nobody can be told while the API is silent", 10, 40,
			[]Condition{readyIs("True", 0), readyIs("", 11), readyIs("True", 36), readyIs("True", 41)}, nil, 0, 0},
		{"the API answers again, and it goes on", 10, 40,
			[]Condition{readyIs("True", 0), readyIs("", 11), readyIs("True", 26)}, nil, 9, 0},
		{"it stays sad", 10, 30, []Condition{readyIs("True", 0), readyIs("False", 11), readyIs("True", 50)}, nil, 0, 5},
		{"and does not know is no better", 10, 30, []Condition{readyIs("True", 0), readyIs("Unknown", 11), readyIs("True", 50)}, nil, 0, 5},
		{"a pod is not ready yet", 10, 30, []Condition{readyIs("True", 0), readyIs("False", 11), readyIs("True", 50)},
			[]Pod{podIs("pg-0", true, 0), podIs("pg-0", false, 11), podIs("pg-0", true, 40)}, 0, 0},
		{"a pod never becomes ready", 10, 30, []Condition{readyIs("True", 0), readyIs("False", 11)},
			[]Pod{podIs("pg-0", true, 0), podIs("pg-0", false, 11)}, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run := paused(c.from, c.to)
			run.Conditions, run.Pods = c.told, c.pods
			truth := truthOf(run)
			require.InDelta(t, c.claimed, truth.ReadyWithoutWrites, 0.001)
			require.InDelta(t, c.withheld, truth.UnreadyThoughWell, 0.001)
			findings := judgeTruth(run, truth)
			if c.claimed+c.withheld == 0 {
				require.Empty(t, findings)
				return
			}
			require.Equal(t, Misreported, findings[0].verdict)
			run.NodesRestarted = true
			require.Empty(t, judgeTruth(run, truth), "nobody is there to tell")
		})
	}
}

func TestAllIsWellOnlyWhenEveryMemberFollows(t *testing.T) {
	run := paused(10, 14)
	require.Equal(t, sec(14), wellSince(run))
	run.Samples = []Sample{{At: sec(20), System: Redis, Member: "redis-1"}}
	require.Equal(t, sec(20), wellSince(run), "a member did not answer")
	run.Samples = append(run.Samples, Sample{At: sec(25), System: Postgres, Role: "replica", LagBytes: 1 << 20})
	require.Equal(t, sec(25), wellSince(run), "a standby was behind")
	run.Operations = append(run.Operations, wrote(99, 30, Failed))
	require.Equal(t, sec(30), wellSince(run), "a client was refused")
}

func TestTheApplicationRecoversByItself(t *testing.T) {
	run := paused(10, 12)
	run.Operations = append(run.Operations, on(App, "HTTP", wrote(1, 11, Failed), wrote(2, 11.5, Failed), wrote(3, 13, Acknowledged))...)
	run.Pods = []Pod{appIs("a", "1", 4, 0), appIs("b", "2", 0, 20)}
	require.Zero(t, truthOf(run).AppErrors, "what fails before is only counted")
	require.Zero(t, truthOf(run).AppRestarts, "a pod of another rollout was meant to come")
	back := run
	back.Pods = append(slices.Clone(run.Pods), appIs("c", "1", 0, 40))
	require.Zero(t, truthOf(back).AppRestarts, "and so was one of the revision before it")

	run.Operations = append(run.Operations, on(App, "HTTP", wrote(4, 14, Uncertain))...)
	run.Pods = append(run.Pods, appIs("a", "1", 6, 21), appIs("c", "2", 0, 22))
	truth := truthOf(run)
	require.Equal(t, 1, truth.AppErrors)
	require.Equal(t, 3, truth.AppRestarts, "two of a container, and a pod that was replaced")
	findings := judgeTruth(run, truth)
	require.Len(t, findings, 2)
	require.Equal(t, AppFailed, findings[0].verdict)
}
