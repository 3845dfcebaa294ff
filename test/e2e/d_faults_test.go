package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/drill"
)

func statusField(t *testing.T, field string) string {
	t.Helper()
	return kubectl(t, "-n", "paws360", "get", "pawsenv", "paws360", "-o", "jsonpath={.status."+field+"}")
}

// leaderNow is PostgreSQL's leader as the environment's status names it.
func leaderNow(t *testing.T) string {
	t.Helper()
	return statusField(t, "leader")
}

func chaosActive(t *testing.T) string {
	t.Helper()
	return kubectl(t, "-n", "paws360", "get", "pawsenv", "paws360", "-o", `jsonpath={.status.conditions[?(@.type=="ChaosActive")].status}`)
}

// TC-028: the documented commands break what they say, and restore mends it.
func TestTC028FailureSimulation(t *testing.T) {
	environment := []string{"PAWSKIND_NAME=" + clusterName, "MAKEFLAGS="}
	run := func(target string) {
		t.Helper()
		r := command(t, checkout, environment, "make", "--no-print-directory", target, "FLAGS=--yes")
		require.Zero(t, r.code, r.all())
	}
	changes := func(field string) {
		t.Helper()
		before := statusField(t, field)
		eventually(t, 90*time.Second, "another "+field, func() bool { now := statusField(t, field); return now != "" && now != before })
	}
	restore := func() {
		t.Helper()
		run("local-restore-from-simulation")
		healthy(t, 2*time.Minute)
		require.Equal(t, "False", chaosActive(t))
	}
	healthy(t, 2*time.Minute)
	for _, step := range []struct{ target, field string }{
		{"local-simulate-db-leader-failure", "leader"},
		{"local-simulate-redis-master-failure", "redisMaster"},
		{"local-simulate-network-partition", ""}, // whom it makes lead is TestTC013NetworkPartition's
	} {
		run(step.target)
		require.Equal(t, "True", chaosActive(t))
		if step.field != "" {
			changes(step.field)
		}
		require.Equal(t, 5, pawskind(t, "health").code, "a declared fault hides nothing")
		restore()
	}
}

// A fault outlives the agent that began it, and ends with its duration.
func TestFaultsSurviveTheirAgent(t *testing.T) {
	ok(t, "chaos", "freeze", "etcd/3", "--yes", "--duration", "20s", "--fault-name", "still")
	require.Contains(t, onNode(t, "sh", "-c", "ps -o stat= -p $(pgrep -f 'etcd --name=etcd-3' | head -1)"), "D", "the process stands still")
	kubectl(t, "-n", "pawskind-agent", "delete", "pods", "--all", "--force", "--grace-period=0")
	eventually(t, 10*time.Second, "the frozen member alone is not well, once there is a leader again", func() bool {
		h, code := report(t)
		var unwell []string
		for _, c := range h.Components {
			for _, m := range c.Members {
				if m.Health != v1alpha1.Healthy {
					unwell = append(unwell, m.Name)
				}
			}
		}
		return code == 5 && slices.Equal(unwell, []string{"etcd-3"})
	})
	healthy(t, 2*time.Minute)
	ok(t, "chaos", "restore")
	log := ok(t, "logs", "etcd-3").stdout
	require.Contains(t, log, "pawskind: fault still begins: freeze etcd-3")
	require.Contains(t, log, "pawskind: fault still is undone: freeze etcd-3")
}

// What this kernel cannot do is said, and nothing is left declared.
func TestDelayNeedsNetem(t *testing.T) {
	r := pawskind(t, "chaos", "delay", "etcd/2", "--yes")
	if r.code == 0 { // a kernel with netem does it
		ok(t, "chaos", "restore")
		return
	}
	require.Equal(t, 3, r.code, r.all())
	require.Contains(t, r.all(), "ERR_CHAOS_004")
	require.Contains(t, r.all(), "this kernel has no netem")
	require.Contains(t, ok(t, "chaos", "status").stdout, "No fault is declared")
}

// TC-012: etcd goes on with one of three members gone.
func TestTC012EtcdMemberLoss(t *testing.T) {
	ok(t, "chaos", "freeze", "etcd/follower", "--yes", "--fault-name", "lost")
	pod := "etcd-1"
	if strings.Contains(ok(t, "chaos", "status").stdout, "etcd-1") {
		pod = "etcd-2"
	}
	in(t, pod, "etcdctl", "put", "/test/failover", "after_failure")
	require.Contains(t, in(t, pod, "etcdctl", "get", "/test/failover"), "after_failure")
	ok(t, "chaos", "restore", "lost")
	healthy(t, time.Minute)
	in(t, pod, "etcdctl", "del", "/test/failover")
}

// A member whose data is destroyed is replaced: it joins anew, as another member.
func TestEtcdMemberIsReplaced(t *testing.T) {
	member := func() string {
		for line := range strings.Lines(in(t, "etcd-1", "etcdctl", "member", "list")) {
			if strings.Contains(line, "etcd-3") && strings.Contains(line, "started") {
				id, _, _ := strings.Cut(line, ",")
				return id
			}
		}
		return ""
	}
	before := member()
	in(t, "etcd-1", "etcdctl", "put", "/kept", "kept")
	destroy(t, "etcd-3", "/data/etcd /data/identity")
	kubectl(t, "-n", "paws360", "delete", "pod", "etcd-3", "--force", "--grace-period=0")
	eventually(t, 2*time.Minute, "a new identity", func() bool { now := member(); return now != "" && now != before })
	healthy(t, 2*time.Minute)
	require.NotContains(t, in(t, "etcd-1", "etcdctl", "member", "list"), "true", "no learner is left")
	require.Contains(t, in(t, "etcd-3", "etcdctl", "get", "/kept", "--consistency=s"), "kept")
	in(t, "etcd-1", "etcdctl", "del", "/kept")
}

// destroy deletes what a member has there. It makes files meanwhile, in folders
// that are then not empty.
func destroy(t *testing.T, pod, what string) {
	t.Helper()
	in(t, pod, "sh", "-c", "for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "+what+" && exit; done; exit 1")
}

// A replica whose data is destroyed copies the leader's.
func TestPostgresReplicaIsClonedAnew(t *testing.T) {
	replica := "patroni-1"
	if leaderNow(t) == replica {
		replica = "patroni-2"
	}
	destroy(t, replica, "/data/pgdata")
	kubectl(t, "-n", "paws360", "delete", "pod", replica, "--force", "--grace-period=0")
	eventually(t, 2*time.Minute, "the replica has its data again", func() bool {
		_, err := tryKubectl(t, "-n", "paws360", "exec", replica, "--", "test", "-s", "/data/pgdata/PG_VERSION")
		return err == nil
	})
	healthy(t, 3*time.Minute)
}

// drilled runs a scenario and gives its result.
func drilled(t *testing.T, scenario string) drill.Result {
	t.Helper()
	reports := t.TempDir()
	r := pawskind(t, "drill", scenario, "--yes", "-o", "json", "--reports", reports)
	require.Zero(t, r.code, "%s:\n%s", scenario, r.all())
	var result drill.Result
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &result))
	pages, err := filepath.Glob(filepath.Join(reports, "*.html"))
	require.NoError(t, err)
	require.Len(t, pages, 1)
	page, err := os.ReadFile(pages[0])
	require.NoError(t, err)
	keep(t, scenario+".html", page)
	for _, run := range result.Runs {
		for _, tally := range run.Judgement.Tallies {
			if tally.System != drill.App {
				require.NotZero(t, tally.Acknowledged, "%s over %s", tally.System, tally.Route)
			}
			if tally.System == drill.Postgres || tally.System == drill.Etcd {
				require.Zero(t, tally.Lost, "%s over %s: %v", tally.System, tally.Route, tally.LostExamples)
			}
		}
		if run.System != drill.Redis { // whose master holds its writes back unseen while it hands over
			require.Zero(t, run.Judgement.Overlap, "nobody but one took writes")
		}
	}
	return result
}

// TC-010: PostgreSQL fails over within 60 s and loses nothing.
func TestTC010PatroniLeaderFailover(t *testing.T) {
	result := drilled(t, "leader-freeze")
	require.Equal(t, drill.Passed, result.Verdict)
	require.GreaterOrEqual(t, len(result.Runs[0].Judgement.Leaders), 2, "the leadership changed hands")
	for route, gap := range result.WriteGap {
		require.Less(t, gap.Max, 60.0, route)
	}
}

// TC-011: Sentinel promotes within 30 s; a planned handover loses nothing.
func TestTC011RedisSentinelPromotion(t *testing.T) {
	result := drilled(t, "redis-delete")
	require.Equal(t, drill.Passed, result.Verdict)
	require.Less(t, result.WriteGap["redis/sentinel"].Max, 30.0)
}

// TC-013: a leader that etcd cannot reach steps down, and nobody else took writes
// while it led.
func TestTC013NetworkPartition(t *testing.T) {
	result := drilled(t, "leader-cut-from-etcd")
	require.Equal(t, drill.Passed, result.Verdict)
	require.GreaterOrEqual(t, len(result.Runs[0].Judgement.Leaders), 2)
}

// The core scenarios are part of every run, all of them of make test-faults.
func TestDrills(t *testing.T) {
	own := []string{"leader-freeze", "redis-delete", "leader-cut-from-etcd", "rotate-secrets"} // tests of their own
	for _, scenario := range drill.Scenarios() {
		if slices.Contains(own, scenario.Name) || !scenario.Core && os.Getenv("PAWSKIND_SCENARIOS") != "all" {
			continue
		}
		t.Run(scenario.Name, func(t *testing.T) {
			result := drilled(t, scenario.Name)
			// What hits Redis without a warning may lose what no replica had.
			if scenario.Planned || scenario.System != drill.Redis && scenario.Act != drill.ActRestartNodes {
				require.Equal(t, drill.Passed, result.Verdict)
			}
			if more := beyondTheVerdict[scenario.Name]; more != nil {
				more(t, result)
			}
		})
	}
}

// beyondTheVerdict is what a scenario must have done, or it tested something else.
var beyondTheVerdict = map[string]func(*testing.T, drill.Result){
	// A pod deleted by force is killed after 2 s: mostly it has let go of its lock
	// by then, and another takes it; or it comes back to its lock and leads again.
	"leader-kill": func(t *testing.T, r drill.Result) {
		killed, leaders := r.Runs[0].Target, r.Runs[0].Judgement.Leaders
		if leaders[len(leaders)-1] != killed {
			return
		}
		for _, phase := range r.Runs[0].Judgement.Phases {
			require.False(t, phase.Name == drill.LeaseExpiry && phase.End >= 0, "nobody took the lock that %s let go of", killed)
		}
	},
	"parameter": func(t *testing.T, r drill.Result) {
		require.Len(t, r.Runs[0].Judgement.Leaders, 2, "all members restarted, over one switchover")
	},
	"image": func(t *testing.T, r drill.Result) {
		require.Len(t, r.Runs[0].Judgement.Leaders, 2, "all members replaced, over one switchover")
	},
	"certificates": func(t *testing.T, r drill.Result) {
		require.Len(t, r.Runs[0].Judgement.Leaders, 1, "nobody handed over")
		for _, tally := range r.Runs[0].Judgement.Tallies {
			require.Zero(t, tally.Failed+tally.Unknown, "%s over %s", tally.System, tally.Route)
		}
	},
	"standbys-freeze": func(t *testing.T, r drill.Result) {
		require.True(t, slices.ContainsFunc(r.Runs[0].Conditions, func(c drill.Condition) bool {
			return c.Type == v1alpha1.ConditionSynchronousReplication && c.Status == "False" && c.At > r.Runs[0].Injected
		}), "the condition says why commits wait")
	},
	"redis-all-kill": func(t *testing.T, r drill.Result) {
		require.Greater(t, r.WriteGap["redis/sentinel"].Max, 1.0, "nobody was there to take writes")
	},
	"leader-diverged": func(t *testing.T, r drill.Result) {
		old := r.Runs[0].Target
		require.NotEqual(t, old, r.Runs[0].Judgement.Leaders[len(r.Runs[0].Judgement.Leaders)-1])
		log := ok(t, "logs", old).stdout
		require.True(t, strings.Contains(log, "pg_rewind") || strings.Contains(log, "bootstrap from leader"), "%s is rewound, or copies the new leader", old)
	},
}

// Only what is safe is done, and the refusal says why.
func TestOperationsOnPostgres(t *testing.T) {
	healthy(t, time.Minute)
	leader := leaderNow(t)
	r := pawskind(t, "reinit", leader, "--yes")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.all(), "hand over first")
	r = pawskind(t, "switchover", "--to", "patroni-9", "--yes")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.all(), "no member")
	ok(t, "switchover", "--yes")
	require.NotEqual(t, leader, leaderNow(t))
	ok(t, "reinit", leader, "--yes")
	healthy(t, 2*time.Minute)
}
