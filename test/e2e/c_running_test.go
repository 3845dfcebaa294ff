package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// TC-007: one command judges every member.
func TestTC007HealthOfEveryMember(t *testing.T) {
	healthy(t, time.Minute)
	r := ok(t, "health", "--verbose")
	require.Less(t, r.took, 15*time.Second, "SC-006")
	for _, member := range []string{"etcd-1", "etcd-2", "etcd-3", "patroni-1", "patroni-2", "patroni-3",
		"redis-1", "redis-2", "redis-3", "sentinel-1", "sentinel-2", "sentinel-3", "backend", "frontend"} {
		require.Contains(t, r.stdout, member)
	}
	require.Contains(t, r.stdout, "HEALTHY")
}

// TC-008: a member that froze is found and named, and hides nobody else.
func TestTC008FrozenMemberIsFound(t *testing.T) {
	onNode(t, "pkill", "-STOP", "-f", "etcd --name=etcd-3")
	thawed := false
	thaw := func() {
		if !thawed {
			onNode(t, "pkill", "-CONT", "-f", "etcd --name=etcd-3")
			thawed = true
		}
	}
	defer thaw()
	h, code := report(t)
	require.Equal(t, 5, code)
	for _, c := range h.Components {
		for _, m := range c.Members {
			if m.Name == "etcd-3" {
				require.NotEqual(t, v1alpha1.Healthy, m.Health)
				require.NotEmpty(t, m.Message)
			} else {
				require.Equal(t, v1alpha1.Healthy, m.Health, "%s: %s", m.Name, m.Message)
			}
		}
	}
	r := pawskind(t, "health", "--verbose", "--no-symbols")
	require.Equal(t, 5, r.code)
	require.Contains(t, r.stdout, "etcd-3")
	require.Contains(t, r.stdout, "UNHEALTHY")
	thaw()
	healthy(t, time.Minute)
}

// TC-017: restarting one service leaves every other pod as it is.
func TestTC017SelectiveRestart(t *testing.T) {
	before := podIDs(t)
	ok(t, "restart", "redis", "--yes")
	healthy(t, 2*time.Minute)
	after := podIDs(t)
	for name, id := range before {
		if strings.HasPrefix(name, "redis-") {
			require.NotEqual(t, id, after[name], "%s was restarted", name)
		} else {
			require.Equal(t, id, after[name], "%s was left alone", name)
		}
	}
}

// Deleting any member, or all members of a component at once, heals by itself
// and loses nothing.
func TestDeletedPodsComeBackWhole(t *testing.T) {
	conn := database(t)
	_, err := conn.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS kept (name text PRIMARY KEY)")
	require.NoError(t, err)
	for _, target := range []string{"patroni-2", "component=redis", "component=sentinel", "component=etcd", "component=postgres"} {
		t.Run(target, func(t *testing.T) {
			_, err := database(t).Exec(t.Context(), "INSERT INTO kept VALUES ($1) ON CONFLICT DO NOTHING", target)
			require.NoError(t, err)
			require.NoError(t, cache(t).Set(t.Context(), "kept:"+target, target, 0).Err())
			before, deleted := podIDs(t), []string{target}
			if label, found := strings.CutPrefix(target, "component="); found {
				deleted = strings.Fields(kubectl(t, "-n", "paws360", "get", "pods", "-l", "paws360.io/component="+label, "-o", "jsonpath={.items[*].metadata.name}"))
				kubectl(t, "-n", "paws360", "delete", "pods", "-l", "paws360.io/component="+label, "--wait=false")
			} else {
				kubectl(t, "-n", "paws360", "delete", "pod", target, "--wait=false")
			}
			eventually(t, 2*time.Minute, "each deleted pod has a successor", func() bool {
				after := podIDs(t)
				for _, name := range deleted {
					if after[name] == "" || after[name] == before[name] {
						return false
					}
				}
				return true
			})
			healthy(t, 3*time.Minute)
			var rows int
			require.NoError(t, database(t).QueryRow(t.Context(), "SELECT count(*) FROM kept WHERE name = $1", target).Scan(&rows))
			require.Equal(t, 1, rows)
			kept, err := cache(t).Get(t.Context(), "kept:"+target).Result()
			require.NoError(t, err)
			require.Equal(t, target, kept)
		})
	}
}

// Killing the operator leaves the environment running, and the next one picks it up.
func TestOperatorKilled(t *testing.T) {
	before := podIDs(t)
	kubectl(t, "-n", "pawskind-system", "delete", "pods", "--all", "--force", "--grace-period=0")
	kubectl(t, "-n", "paws360", "delete", "service", "redis-master")
	healthy(t, 2*time.Minute)
	eventually(t, time.Minute, "the new operator repairs", func() bool {
		_, err := tryKubectl(t, "-n", "paws360", "get", "service", "redis-master")
		return err == nil
	})
	require.Equal(t, before, podIDs(t))
}

// A replica that follows another replica, and that no Sentinel knows, is told to
// follow the master.
func TestAStrayRedisIsSetRight(t *testing.T) {
	healthy(t, time.Minute)
	master := statusField(t, "redisMaster")
	replicas := slices.DeleteFunc([]string{"redis-1", "redis-2", "redis-3"}, func(name string) bool { return name == master })
	follows := func(name string) string {
		return in(t, replicas[0], "bash", "-c", `exec /scripts/cli.sh -h "$1" info replication | sed -n 's/^master_host://p'`, "bash", name+".redis")
	}
	in(t, replicas[0], "/scripts/cli.sh", "replicaof", replicas[1]+".redis.paws360.svc", "6379")
	for _, sentinel := range []string{"sentinel-1", "sentinel-2", "sentinel-3"} {
		in(t, sentinel, "/scripts/cli.sh", "-p", "26379", "sentinel", "reset", "mymaster")
	}
	eventually(t, time.Minute, "it follows the master", func() bool { return strings.HasPrefix(follows(replicas[0]), master+".") })
	healthy(t, time.Minute)
}

// Members are added and removed properly, and nothing is lost.
func TestScaling(t *testing.T) {
	conn := database(t)
	_, err := conn.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS scaled (n int)")
	require.NoError(t, err)
	for n, size := range []struct{ etcd, postgres, redis int }{{5, 4, 4}, {3, 3, 3}} {
		_, err := database(t).Exec(t.Context(), "INSERT INTO scaled VALUES ($1)", n)
		require.NoError(t, err)
		kubectl(t, "-n", "paws360", "patch", "pawsenv", "paws360", "--type=merge", "-p",
			fmt.Sprintf(`{"spec":{"etcd":{"replicas":%d},"postgres":{"replicas":%d},"redis":{"replicas":%d}}}`, size.etcd, size.postgres, size.redis))
		for component, want := range map[string]int{"etcd": size.etcd, "postgres": size.postgres, "redis": size.redis} {
			eventually(t, 3*time.Minute, fmt.Sprintf("%d pods of %s", want, component), func() bool {
				out, _ := tryKubectl(t, "-n", "paws360", "get", "pods", "-l", "paws360.io/component="+component, "--no-headers")
				return strings.Count(out, "1/1") == want && len(strings.Split(out, "\n")) == want
			})
		}
		healthy(t, 3*time.Minute)
		list := in(t, "etcd-1", "etcdctl", "member", "list")
		require.Equal(t, size.etcd, strings.Count(list, "started"), list)
		require.NotContains(t, list, "true", "no learner is left")
	}
	var rows int
	require.NoError(t, database(t).QueryRow(t.Context(), "SELECT count(*) FROM scaled").Scan(&rows))
	require.Equal(t, 2, rows)
}

// A changed setting reaches the members one at a time; the leader hands over.
func TestRollingChange(t *testing.T) {
	leader := kubectl(t, "-n", "paws360", "get", "pawsenv", "paws360", "-o", "jsonpath={.status.leader}")
	before := podIDs(t)
	kubectl(t, "-n", "paws360", "patch", "pawsenv", "paws360", "--type=merge", "-p",
		`{"spec":{"postgres":{"resources":{"limits":{"cpu":"1","memory":"1100Mi"},"requests":{"cpu":"100m","memory":"512Mi"}}}}}`)
	eventually(t, 4*time.Minute, "every PostgreSQL pod is replaced", func() bool {
		after := podIDs(t)
		for _, name := range []string{"patroni-1", "patroni-2", "patroni-3"} {
			if after[name] == "" || after[name] == before[name] {
				return false
			}
		}
		return true
	})
	healthy(t, 2*time.Minute)
	require.NotEqual(t, leader, kubectl(t, "-n", "paws360", "get", "pawsenv", "paws360", "-o", "jsonpath={.status.leader}"), "the leader handed over")
}

// A client that fails over tries the next address only when one refuses it. The
// kernel's limits on telling it so would leave it to its time-out.
func TestWhatIsGoneRefusesEveryAttempt(t *testing.T) {
	const attempts = `
import socket, sys
for _ in range(30):
    with socket.socket() as s:
        s.settimeout(1)
        try: s.connect((sys.argv[1], 5432))
        except ConnectionRefusedError: print("refused")
        except OSError as e: print(e)
`
	kubectl(t, "-n", "paws360", "create", "service", "clusterip", "nobody", "--tcp=5432")
	defer kubectl(t, "-n", "paws360", "delete", "service", "nobody")
	refused := strings.TrimSpace(strings.Repeat("refused\n", 30))
	eventually(t, 30*time.Second, "the Service without endpoints refuses", func() bool {
		return in(t, "patroni-1", "python3", "-c", attempts, "nobody") == refused
	})
	require.Equal(t, refused, in(t, "patroni-1", "python3", "-c", attempts, "10.244.255.250"), "a pod that is gone")
}
