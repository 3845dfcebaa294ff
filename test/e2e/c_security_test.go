package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
)

// TC-031: PostgreSQL answers nobody who comes in plain text, and shows a
// certificate that the environment's CA stands behind.
func TestPostgresIsEncrypted(t *testing.T) {
	healthy(t, time.Minute)
	trust := filepath.Join(t.TempDir(), "ca.crt")
	certificates := kubectl(t, "-n", "paws360", "get", "configmap", naming.TrustBundle, "-o", `jsonpath={.data.ca\.crt}`)
	require.NoError(t, os.WriteFile(trust, []byte(certificates), 0o600))
	connect := func(mode string) error {
		conn, err := pgx.Connect(t.Context(), databaseURL(t)+"?sslmode="+mode)
		if err == nil {
			_ = conn.Close(context.WithoutCancel(t.Context()))
		}
		return err
	}
	require.ErrorContains(t, connect("disable"), "no encryption")
	require.NoError(t, connect("verify-full&sslrootcert="+trust))
}

// A standby shows its certificate: the password alone lets nobody copy the data.
func TestReplicationNeedsACertificate(t *testing.T) {
	replicate := func(more string) (string, error) {
		return tryKubectl(t, "-n", "paws360", "exec", leaderNow(t), "--", "bash", "-c",
			`PGPASSWORD="$PATRONI_REPLICATION_PASSWORD" psql "host=patroni-leader user=replicator dbname=postgres replication=true `+more+`" -Atc IDENTIFY_SYSTEM`)
	}
	said, err := replicate("sslmode=require sslcert=/none sslkey=/none")
	require.Error(t, err, said)
	said, err = replicate("sslmode=require sslcert=$PATRONI_REPLICATION_SSLCERT sslkey=$PATRONI_REPLICATION_SSLKEY")
	require.NoError(t, err, said)
}

// Patroni's REST API tells everybody how it is, and does nothing for strangers.
func TestPatroniRefusesStrangers(t *testing.T) {
	ask := func(arguments string) string {
		return in(t, leaderNow(t), "bash", "-c", `curl -s -o /dev/null -w '%{http_code}' --cacert "$CA_FILE" `+arguments+` https://localhost:8008/restart`)
	}
	require.Equal(t, "401", ask(`-X POST -d '{}'`))
	require.Equal(t, "401", ask(`-X POST -d '{}' -u patroni:wrong`))
	_, err := tryKubectl(t, "-n", "paws360", "exec", leaderNow(t), "--", "curl", "-sf", "http://localhost:8008/patroni")
	require.Error(t, err, "plain text")
}

// etcd asks for passwords, and shows each user its own prefix alone.
func TestEtcdKnowsItsUsers(t *testing.T) {
	get := func(user, password, key string) (string, error) {
		// Everybody on the machine reads arguments: the password goes in by the input.
		c := exec.CommandContext(t.Context(), engineName, "exec", "-i", node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf",
			"-n", "paws360", "exec", "-i", "etcd-1", "--", "sh", "-c",
			`read -r password; if [ -n "$1" ]; then export ETCDCTL_USER="$1" ETCDCTL_PASSWORD="$password"; else unset ETCDCTL_USER ETCDCTL_PASSWORD; fi; etcdctl get "$2" 2>&1`,
			"sh", user, key)
		c.Stdin = strings.NewReader(password + "\n")
		out, err := c.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	said, err := get("", "", "/service/paws360/leader")
	require.Error(t, err)
	require.Contains(t, said, "user name is empty")
	said, err = get("patroni", "wrong", "/service/paws360/leader")
	require.Error(t, err)
	require.Contains(t, said, "authentication failed")
	said, err = get("patroni", secret(t, naming.KeyEtcdPatroniPassword), "/service/paws360/leader")
	require.NoError(t, err, said)
	for _, stranger := range []struct{ user, password, key string }{
		{"patroni", naming.KeyEtcdPatroniPassword, "/app/x"},
		{"app", naming.KeyEtcdAppPassword, "/service/paws360/leader"},
	} {
		said, err = get(stranger.user, secret(t, stranger.password), stranger.key)
		require.Error(t, err)
		require.Contains(t, said, "permission denied", stranger.user)
	}
}
