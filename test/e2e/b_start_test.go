package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// TC-001: from nothing to everything healthy with one command.
func TestTC001CleanStart(t *testing.T) {
	r := ok(t, "up", "--yes")
	require.Contains(t, r.all(), "All services healthy")
	require.Less(t, r.took, 300*time.Second, "SC-001")
	for line := range strings.Lines(r.all()) {
		require.False(t, strings.Contains(line, "ERR_") && !strings.Contains(line, "WARNING"), line)
	}
}

// An environment that runs is left as it is.
func TestUpOnARunningStackChangesNothing(t *testing.T) {
	before := podIDs(t)
	ok(t, "up", "--yes")
	require.Equal(t, before, podIDs(t))
}

// A pod that is promised no processor gets next to none just when a failover keeps
// all of them busy: the Services followed seconds late while kube-proxy was one.
func TestEveryPodIsPromisedAShareOfTheProcessors(t *testing.T) {
	out := kubectl(t, "get", "pods", "-A", "-o", `jsonpath={range .items[*]}{.status.qosClass}{" "}{.metadata.namespace}{"/"}{.metadata.name}{"\n"}{end}`)
	require.Contains(t, out, "kube-system/kube-proxy")
	for pod := range strings.Lines(out) {
		if !strings.Contains(pod, "local-path-storage/") { // makes volumes, for which no failover waits
			require.NotContains(t, pod, string(corev1.PodQOSBestEffort))
		}
	}
}

// podIDs maps the environment's pods to their identities.
func podIDs(t *testing.T) map[string]string {
	t.Helper()
	out := kubectl(t, "-n", "paws360", "get", "pods", "-o", `jsonpath={range .items[*]}{.metadata.name}={.metadata.uid}{"\n"}{end}`)
	ids := map[string]string{}
	for _, line := range strings.Fields(out) {
		name, id, _ := strings.Cut(line, "=")
		ids[name] = id
	}
	return ids
}

// TC-002: three etcd members, one leader, one revision.
func TestTC002EtcdClusterFormation(t *testing.T) {
	var members []struct {
		Status struct {
			Header struct {
				MemberID uint64 `json:"member_id"`
				Revision int64  `json:"revision"`
			} `json:"header"`
			Leader uint64 `json:"leader"`
		} `json:"Status"`
	}
	out := in(t, "etcd-1", "env",
		"ETCDCTL_ENDPOINTS=https://etcd-1.etcd.paws360.svc:2379,https://etcd-2.etcd.paws360.svc:2379,https://etcd-3.etcd.paws360.svc:2379",
		"etcdctl", "endpoint", "status", "--write-out=json")
	require.NoError(t, json.Unmarshal([]byte(out), &members))
	require.Len(t, members, 3)
	leaders := map[uint64]bool{}
	ids := map[uint64]bool{}
	for _, m := range members {
		leaders[m.Status.Leader], ids[m.Status.Header.MemberID] = true, true
		require.InDelta(t, members[0].Status.Header.Revision, m.Status.Header.Revision, 50)
	}
	require.Len(t, leaders, 1, "all follow one leader")
	require.Len(t, ids, 3, "three members with IDs of their own")
}

// TC-003: one leader that takes writes, two replicas that do not.
func TestTC003PatroniClusterInitialization(t *testing.T) {
	var cluster struct {
		Members []struct {
			Name, Role, State string
			Lag               int64
		}
	}
	out := in(t, "patroni-1", "sh", "-c", `curl -sf --cacert "$CA_FILE" https://localhost:8008/cluster`)
	require.NoError(t, json.Unmarshal([]byte(out), &cluster))
	roles := map[string]int{}
	for _, m := range cluster.Members {
		roles[m.Role]++
		want := "streaming"
		if m.Role == "leader" {
			want = "running"
		}
		require.Equal(t, want, m.State, m.Name)
		require.Less(t, m.Lag, int64(1<<20), "%s is level with the leader", m.Name)
	}
	require.Equal(t, 1, roles["leader"])
	require.Equal(t, 3, len(cluster.Members))

	conn := database(t)
	var recovering bool
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&recovering))
	require.False(t, recovering)
	var synchronous int
	require.NoError(t, conn.QueryRow(t.Context(),
		"SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')").Scan(&synchronous))
	require.GreaterOrEqual(t, synchronous, 1, "a standby acknowledges every commit")
}

// PostgreSQL has both of Patroni, which its start script gives them to.
func TestPostgresAsksTheResolverNoMoreThanItMust(t *testing.T) {
	out := in(t, "patroni-1", "sh", "-c", `tr '\0' '\n' </proc/$(head -n 1 "$PGDATA/postmaster.pid")/environ`)
	require.Subset(t, strings.Split(out, "\n"), []string{"LOCALDOMAIN=cluster.local", "RES_OPTIONS=no-aaaa"})
}

// TC-004: three Sentinels that agree on one master with two replicas.
func TestTC004SentinelConfiguration(t *testing.T) {
	h, _ := report(t)
	require.NotEmpty(t, h.RedisMaster)
	for _, c := range h.Components {
		if c.Name == "redis" || c.Name == "sentinel" {
			require.Equal(t, v1alpha1.Healthy, c.Health, c.Summary)
			require.Len(t, c.Members, 3)
		}
	}
	info, err := cache(t).Info(t.Context(), "replication").Result()
	require.NoError(t, err)
	require.Contains(t, info, "role:master")
	require.Contains(t, info, "connected_slaves:2")
}

// TC-005: both apps answer on the host, and one request touches every layer.
func TestTC005ApplicationServices(t *testing.T) {
	body := fetch(t, backendPort, "/actuator/health")
	var answer struct {
		Status     string
		Components map[string]struct{ Status string }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Equal(t, "UP", answer.Status)
	require.Equal(t, "UP", answer.Components["db"].Status)
	require.Equal(t, "UP", answer.Components["redis"].Status)
	require.Contains(t, fetch(t, frontendPort, "/"), "<html")
	require.Contains(t, fetch(t, backendPort, "/api/courses"), "[")
}

// fetch gets a page from a port of the host.
func fetch(t *testing.T, port int, path string) string {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", path, body)
	return string(body)
}
