package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/cli"
	"github.com/paws360/pawskind/internal/health"
)

// A drill that is interrupted leaves nothing behind: no fault, no clients.
func TestAnInterruptedDrillHealsBeforeItLeaves(t *testing.T) {
	healthy(t, 2*time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(checkout, "bin/pawskind"), "drill", "leader-freeze", "--yes", "--reports", t.TempDir())
	c.Dir = home
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	require.NoError(t, c.Start())
	eventually(t, 90*time.Second, "the fault holds", func() bool { return strings.Contains(statusField(t, "agents"), `"state":"Active"`) })
	require.NoError(t, c.Process.Signal(os.Interrupt))
	var exit *exec.ExitError
	require.True(t, errors.As(c.Wait(), &exit), said.String())
	require.Equal(t, 130, exit.ExitCode(), said.String())
	require.Contains(t, said.String(), "the fault is undone")

	var faults cli.ChaosResult
	require.NoError(t, json.Unmarshal([]byte(ok(t, "chaos", "status", "-o", "json").stdout), &faults))
	require.Empty(t, faults.Faults)
	require.False(t, faults.Active)
	require.NotContains(t, statusField(t, "agents"), "faults")
	require.NotContains(t, kubectl(t, "-n", "paws360", "get", "pods", "-o", "name"), "pawskind-drill")
	healthy(t, 2*time.Minute)
}

// The operator can be the target, too: the agents undo it without its help.
func TestTheOperatorCanBeFrozen(t *testing.T) {
	ok(t, "chaos", "freeze", "operator", "--yes", "--duration", "15s", "--fault-name", "nobody")
	require.NotZero(t, pawskind(t, "health").code, "nobody answers")
	eventually(t, time.Minute, "the operator answers again", func() bool { return pawskind(t, "health").code == 0 })
	ok(t, "chaos", "restore")
	require.Contains(t, ok(t, "chaos", "status").stdout, "No fault is declared")
}

// TC-039: the procedures of "Recovery by hand" in docs/troubleshooting.md.
func TestTC039ManualRecovery(t *testing.T) {
	healthy(t, 2*time.Minute)
	t.Run("no leader is elected", noLeaderIsElected)
	t.Run("a replica cannot follow", func(t *testing.T) {
		replica := anyReplica(t)
		ok(t, "reinit", replica, "--yes")
		healthy(t, 3*time.Minute)
	})
	t.Run("etcd has no quorum", func(t *testing.T) {
		ok(t, "chaos", "freeze", "etcd/followers", "--yes", "--fault-name", "hang")
		eventually(t, time.Minute, "etcd is without quorum", func() bool { return reasonOf(t, "EtcdReady") == "QuorumLost" })
		require.Equal(t, 5, pawskind(t, "health").code)
		// The fault only stands for members that hang: replacing their pods mends it.
		for _, pod := range []string{"etcd-1", "etcd-2", "etcd-3"} {
			kubectl(t, "-n", "paws360", "delete", "pod", pod, "--force", "--grace-period=0")
		}
		ok(t, "chaos", "restore")
		healthy(t, 3*time.Minute)
	})
	t.Run("rows are brought back from a dump", rowsFromADump)
}

// noLeaderIsElected: Patroni is told to elect nobody, so that somebody must.
func noLeaderIsElected(t *testing.T) {
	to := anyReplica(t)
	in(t, to, "patronictl", "pause", "--wait")
	defer func() { _, _ = tryKubectl(t, "-n", "paws360", "exec", to, "--", "patronictl", "resume") }()
	ok(t, "chaos", "freeze", "postgres/leader", "--yes", "--fault-name", "gone")
	defer ok(t, "chaos", "restore")
	eventually(t, 2*time.Minute, "there is no leader", func() bool { return reasonOf(t, "PostgresReady") == "NoLeader" && leaderNow(t) == "" })
	r := pawskind(t, "switchover", "--yes")
	require.NotZero(t, r.code, "there is nobody to hand over")
	r = pawskind(t, "failover", "--to", to, "--yes")
	require.Equal(t, 2, r.code, r.all())
	require.Contains(t, r.all(), "--force yes-lose-data")
	ok(t, "failover", "--to", to, "--force", "yes-lose-data", "--yes")
	eventually(t, time.Minute, "the member leads", func() bool { return leaderNow(t) == to })
	in(t, to, "patronictl", "resume", "--wait")
	ok(t, "chaos", "restore", "gone")
	healthy(t, 3*time.Minute)
	require.Equal(t, to, leaderNow(t))
}

func rowsFromADump(t *testing.T) {
	leader := leaderNow(t)
	psql := func(words string) string {
		return in(t, leader, "sh", "-c", words)
	}
	sql := func(statement string) string {
		return psql(`psql -U postgres -d paws360 -Atc "` + statement + `"`)
	}
	sql("CREATE TABLE kept (n int); INSERT INTO kept SELECT generate_series(1, 100)")
	psql("pg_dump -U postgres -d paws360 -t kept -f /tmp/kept.sql")
	sql("DROP TABLE kept")
	psql("psql -U postgres -d paws360 -q -f /tmp/kept.sql")
	require.Equal(t, "100", sql("SELECT count(*) FROM kept"))
	sql("DROP TABLE kept")
	in(t, leader, "rm", "/tmp/kept.sql")
}

// TC-040: a machine that slept for longer than the leader's lease goes on.
func TestTC040SleepRecovery(t *testing.T) {
	healthy(t, 2*time.Minute)
	before := restarts(t)
	require.NoError(t, exec.CommandContext(t.Context(), engineName, "pause", node).Run())
	slept := time.Now()
	eventually(t, time.Minute, "the night is over", func() bool { return time.Since(slept) > 40*time.Second })
	ok(t, "up")
	healthy(t, time.Minute)
	require.Equal(t, before, restarts(t), "the application recovers by itself")
	conn := database(t)
	_, err := conn.Exec(t.Context(), "CREATE TEMP TABLE awake (n int)")
	require.NoError(t, err)
}

// anyReplica is a standby that is well.
func anyReplica(t *testing.T) string {
	t.Helper()
	h, _ := report(t)
	for _, m := range membersOf(h, "postgres") {
		if m.Role == "replica" && m.Health == v1alpha1.Healthy {
			return m.Name
		}
	}
	t.Fatal("no replica is well")
	return ""
}

func membersOf(h health.Report, component string) []health.Member {
	for _, c := range h.Components {
		if c.Name == component {
			return c.Members
		}
	}
	return nil
}

func reasonOf(t *testing.T, condition string) string {
	t.Helper()
	return kubectl(t, "-n", "paws360", "get", "pawsenv", "paws360", "-o", `jsonpath={.status.conditions[?(@.type=="`+condition+`")].reason}`)
}

// restarts are those of the application's containers, by pod.
func restarts(t *testing.T) string {
	t.Helper()
	return kubectl(t, "-n", "paws360", "get", "pods", "-l", "paws360.io/component in (backend,frontend)",
		"-o", `jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\n"}{end}`)
}
