package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TC-030: the documented single commands work, with pawskind's exit status.
func TestTC030SingleCommands(t *testing.T) {
	environment := []string{"PAWSKIND_NAME=" + clusterName, "MAKEFLAGS="}
	healthy(t, time.Minute)
	for _, target := range []string{"local-health", "local-status"} {
		r := command(t, checkout, environment, "make", "--no-print-directory", target)
		require.Zero(t, r.code, r.all())
	}
	r := command(t, checkout, environment, "make", "--no-print-directory", "local-logs", "SERVICE=backend", "FLAGS=--tail=5")
	require.Zero(t, r.code, r.all())
	require.NotEmpty(t, r.stdout)
	r = command(t, checkout, environment, "make", "--no-print-directory", "local-restart", "SERVICE=frontend", "FLAGS=--yes")
	require.Zero(t, r.code, r.all())
	healthy(t, 2*time.Minute)
	r = command(t, checkout, environment, "make", "--no-print-directory", "local-restart", "SERVICE=nonsense", "FLAGS=--yes")
	require.NotZero(t, r.code)
	require.Contains(t, r.all(), "nonsense")
}

// A project with a cluster of the same name has other secrets and other data.
func TestAnotherProjectsClusterIsLeftAlone(t *testing.T) {
	other := t.TempDir()
	environment := []string{"PAWSKIND_NAME=" + clusterName}
	program := filepath.Join(checkout, "bin/pawskind")
	require.Zero(t, command(t, other, environment, program, "secrets", "gen").code)
	for _, words := range [][]string{
		{"secrets", "rotate", "JWT_SECRET", "--yes"}, {"stop"}, {"down", "--yes"}, {"reset", "--confirm", "yes-delete-all-data"},
	} {
		r := command(t, other, environment, program, words...)
		require.NotZero(t, r.code, r.all())
		require.Contains(t, r.all(), "belongs to another project", "%v", words)
	}
	healthy(t, time.Minute)
}

const mark = "kept-over-restarts"

func writeMarks(t *testing.T) {
	t.Helper()
	_, err := database(t).Exec(t.Context(), "CREATE TABLE IF NOT EXISTS marks (mark text PRIMARY KEY); INSERT INTO marks VALUES ('"+mark+"') ON CONFLICT DO NOTHING")
	require.NoError(t, err)
	require.NoError(t, cache(t).Set(t.Context(), mark, mark, 0).Err())
	in(t, "etcd-1", "etcdctl", "put", "/"+mark, mark)
}

func requireMarks(t *testing.T) {
	t.Helper()
	var found string
	require.NoError(t, database(t).QueryRow(t.Context(), "SELECT mark FROM marks").Scan(&found))
	require.Equal(t, mark, found)
	kept, err := cache(t).Get(t.Context(), mark).Result()
	require.NoError(t, err)
	require.Equal(t, mark, kept)
	require.Contains(t, in(t, "etcd-1", "etcdctl", "get", "/"+mark), mark)
}

func systemID(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	var id string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT system_identifier::text FROM pg_control_system()").Scan(&id))
	return id
}

// TC-024: data stays over stop and start, and over a deleted cluster, also while
// something is frozen, which cannot be killed.
func TestTC024DataPersistence(t *testing.T) {
	writeMarks(t)
	ok(t, "chaos", "freeze", "sentinel/3", "--yes", "--duration", "15s")
	ok(t, "stop")
	ok(t, "up", "--yes")
	requireMarks(t)
	ok(t, "chaos", "freeze", "etcd/3", "--yes")
	ok(t, "down", "--yes")
	require.False(t, clusterExists(t))
	ok(t, "up", "--yes")
	requireMarks(t)
}

// FR-020: a node that restarts without anybody's help comes back healthy.
func TestNodeRestart(t *testing.T) {
	writeMarks(t)
	r := command(t, home, nil, engineName, "restart", node)
	require.Zero(t, r.code, r.all())
	healthy(t, 3*time.Minute)
	requireMarks(t)
}

// TC-025 and TC-023: a reset wants its phrase and leaves nothing. A start that
// cannot succeed then names the member and the cause, and cleans up what it made;
// it succeeds once the cause is gone, and the cluster is a new one.
func TestTC025And023ResetAndPartialFailure(t *testing.T) {
	writeMarks(t)
	before := systemID(t, database(t))
	r := pawskind(t, "reset", "--yes")
	require.Equal(t, 2, r.code, "without the phrase nothing is deleted:\n%s", r.all())
	require.Contains(t, r.all(), "yes-delete-all-data")
	requireMarks(t)

	neighbour := stoppedNeighbour(t)
	ok(t, "reset", "--confirm", "yes-delete-all-data")
	require.False(t, clusterExists(t))
	r = command(t, home, nil, engineName, "start", "--attach", neighbour)
	require.Zero(t, r.code, "the cluster of another project, which is stopped, starts again:\n%s", r.all())
	entries, err := os.ReadDir(filepath.Join(home, ".local/data"))
	if err == nil {
		require.Empty(t, entries, "no volume is left")
	}

	cannotStart(t)
	ok(t, "up", "--yes")
	require.NotEqual(t, before, systemID(t, database(t)), "a new cluster has a new identity")
	var tables int
	require.NoError(t, database(t).QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE tablename = 'marks'").Scan(&tables))
	require.Zero(t, tables)
	ok(t, "down", "--volumes", "--confirm", "yes-delete-all-data")
}

// stoppedNeighbour is a container on kind's network that does not run.
func stoppedNeighbour(t *testing.T) string {
	t.Helper()
	const name = "pawskind-e2e-neighbour"
	image := command(t, home, nil, engineName, "inspect", "--format", "{{.Config.Image}}", node)
	require.Zero(t, image.code, image.all())
	r := command(t, home, nil, engineName, "create", "--name", name, "--network", "kind", "--entrypoint", "true", strings.TrimSpace(image.stdout))
	require.Zero(t, r.code, r.all())
	t.Cleanup(func() { _ = exec.Command(engineName, "rm", "--force", name).Run() })
	return name
}

// cannotStart has etcd's image missing.
func cannotStart(t *testing.T) {
	t.Helper()
	file := filepath.Join(home, "broken.yaml")
	require.NoError(t, os.WriteFile(file, []byte(fmt.Sprintf(`
apiVersion: paws360.io/v1alpha1
kind: PawsEnvironment
metadata: {name: paws360}
spec:
  etcd: {replicas: 3, image: "localhost/pawskind/nowhere:%d"}
`, os.Getpid())), 0o644))
	r := pawskind(t, "up", "--yes", "--environment", file, "--timeout", "3m")
	require.Contains(t, []int{1, 5}, r.code, r.all())
	require.Contains(t, r.all(), "etcd-")
	require.True(t, strings.Contains(r.all(), "ImagePull") || strings.Contains(r.all(), "ErrImage"), r.all())
	require.False(t, clusterExists(t), "what it made is gone")
}
