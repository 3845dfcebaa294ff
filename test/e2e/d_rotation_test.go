package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/secrets"
)

func secretsNow(t *testing.T) map[string]string {
	t.Helper()
	values, err := secrets.Read(filepath.Join(home, ".local/secrets.env"))
	require.NoError(t, err)
	return values
}

// doors are all that a secret opens, by its key: each tells whether a password does.
func doors(t *testing.T) map[string]func(password string) bool {
	postgres := func(user string) func(string) bool {
		return func(password string) bool {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/postgres", user, password, postgresPort))
			if err != nil {
				require.Contains(t, err.Error(), "28P01", "refused, and not unreachable")
				return false
			}
			_ = conn.Close(ctx)
			return true
		}
	}
	// The value comes by standard input: the pod's processes can be listed.
	said := func(pod, command, password string) string {
		words := []string{"exec", "-i", node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "-n", "paws360", "exec", "-i", pod, "--", "sh", "-c", "read -r password; { " + command + "; } 2>&1"}
		run := exec.CommandContext(t.Context(), engineName, words...)
		run.Stdin = strings.NewReader(password + "\n")
		out, _ := run.Output() // without what kubectl itself remarks
		return string(out)
	}
	cli := func(pod, port, user string) func(string) bool {
		return func(password string) bool {
			out := said(pod, `REDISCLI_AUTH="$password" redis-cli --no-auth-warning --user `+user+` -p `+port+` ping`, password)
			require.True(t, strings.Contains(out, "PONG") || strings.Contains(out, "WRONGPASS"), out)
			return strings.HasPrefix(out, "PONG")
		}
	}
	etcd := func(user, key string) func(string) bool {
		return func(password string) bool {
			out := said("etcd-1", `ETCDCTL_USER=`+user+` ETCDCTL_PASSWORD="$password" etcdctl get `+key+` && echo opened`, password)
			require.True(t, strings.Contains(out, "opened") || strings.Contains(out, "authentication failed"), out)
			return strings.Contains(out, "opened")
		}
	}
	return map[string]func(string) bool{
		naming.KeyPostgresPassword:    postgres("postgres"),
		naming.KeyReplicationPassword: postgres("replicator"),
		naming.KeyDatabasePassword:    postgres("paws360"),
		naming.KeyRedisPassword: func(password string) bool {
			client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", redisPort), Username: "paws360", Password: password})
			defer func() { _ = client.Close() }()
			return client.Ping(t.Context()).Err() == nil
		},
		naming.KeySentinelPassword:    cli("sentinel-1", "26379", "paws360"),
		naming.KeyRedisReplication:    cli("redis-1", "6379", "replication"),
		naming.KeyRedisMonitor:        cli("redis-2", "6379", "sentinel"),
		naming.KeyRedisOperator:       cli("sentinel-2", "26379", "operator"),
		naming.KeyEtcdRootPassword:    etcd("root", "/"),
		naming.KeyEtcdPatroniPassword: etcd("patroni", "/service/paws360/leader"),
		naming.KeyEtcdAppPassword:     etcd("app", "/app/x"),
		naming.KeyPatroniPassword: func(password string) bool {
			out := said(leaderNow(t), `printf 'user = "patroni:%s"' "$password" | curl -s -o /dev/null -w '%{http_code}' -K - --cacert "$CA_FILE" -X PATCH -d '{"wake":null}' https://localhost:8008/config`, password)
			require.Contains(t, []string{"200", "401"}, out)
			return out == "200"
		},
	}
}

// opened wants the secrets to open what they are for, and those before them
// nothing any more.
func opened(t *testing.T, before, after map[string]string) {
	t.Helper()
	for key, opens := range doors(t) {
		require.True(t, opens(after[key]), "%s opens", key)
		if before[key] != after[key] {
			require.False(t, opens(before[key]), "the old %s opens nothing", key)
		}
	}
}

// Every secret is replaced while clients write: nothing is lost, nobody is
// refused, no database restarted; the old ones open nothing, also after the
// leaders have changed.
func TestEverySecretIsReplacedUnderClients(t *testing.T) {
	healthy(t, 2*time.Minute)
	before, pods := secretsNow(t), podIDs(t)
	result := drilled(t, "rotate-secrets")
	require.Equal(t, drill.Passed, result.Verdict)
	for _, tally := range result.Runs[0].Judgement.Tallies {
		t.Logf("%s over %s: %d acknowledged, %d failed, %d unknown, longest gap %.1f s", tally.System, tally.Route, tally.Acknowledged, tally.Failed, tally.Unknown, tally.WriteGap)
		require.Zero(t, tally.Lost, "%s over %s", tally.System, tally.Route)
		if tally.System == drill.App {
			require.Zero(t, tally.Failed, "requests to the application")
		}
	}
	after := secretsNow(t)
	for _, key := range naming.RequiredKeys() {
		require.NotEqual(t, before[key], after[key], key)
	}
	require.NoFileExists(t, filepath.Join(home, ".local/secrets.previous.env"))
	for name, id := range podIDs(t) {
		if !strings.HasPrefix(name, "backend") && !strings.HasPrefix(name, "frontend") {
			require.Equal(t, pods[name], id, "%s goes on running", name)
		}
	}
	opened(t, before, after)
	require.Equal(t, after[naming.KeyJWTSecret], kubectl(t, "-n", "paws360", "exec", "deploy/backend", "--", "printenv", naming.KeyJWTSecret))

	ok(t, "switchover", "--yes")
	kubectl(t, "-n", "paws360", "delete", "pod", statusField(t, "redisMaster"))
	healthy(t, 2*time.Minute)
	opened(t, before, after)
	told := kubectl(t, "-n", "paws360", "get", "pawsenv,events,pods,configmaps", "-o", "yaml") +
		kubectl(t, "-n", operatorNamespace, "logs", "deploy/pawskind-manager", "--since=10m")
	for key, value := range after {
		require.False(t, strings.Contains(told, value), "%s is told", key)
	}
}

// begun starts a command, to be waited for later.
func begun(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), filepath.Join(checkout, "bin/pawskind"), args...)
	c.Dir, c.Env = home, os.Environ()
	require.NoError(t, c.Start())
	return c
}

// A rotation that is killed half-way is ended by the next one, and by the
// operator anyhow.
func TestAnInterruptedRotationIsEnded(t *testing.T) {
	healthy(t, 2*time.Minute)
	before := secretsNow(t)
	rotating := begun(t, "secrets", "rotate", naming.KeyDatabasePassword, naming.KeyRedisPassword, "--yes")
	previous := filepath.Join(home, ".local/secrets.previous.env")
	eventually(t, time.Minute, "the rotation has begun", func() bool { _, err := os.Stat(previous); return err == nil })
	require.NoError(t, rotating.Process.Kill())
	_ = rotating.Wait()
	require.NotEqual(t, before[naming.KeyRedisPassword], secretsNow(t)[naming.KeyRedisPassword])

	r := ok(t, "secrets", "rotate", naming.KeyRedisPassword, "--yes", "-o", "json")
	var told struct{ Rotated []string }
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &told))
	require.Equal(t, []string{naming.KeyDatabasePassword, naming.KeyRedisPassword}, told.Rotated, "that which was begun, and no other")
	require.NoFileExists(t, previous)
	opened(t, before, secretsNow(t))
	healthy(t, time.Minute)
}

// visitor asks the backend again and again, as a browser does, and counts
// failures that asking once more did not mend.
type visitor struct {
	mu              sync.Mutex
	asked, repeated int
	failed          string
	done            sync.WaitGroup
	leave           context.CancelFunc
}

func visit(t *testing.T) *visitor {
	ctx, leave := context.WithCancel(t.Context())
	v := &visitor{leave: leave}
	client := &http.Client{Timeout: 3 * time.Second}
	ask := func() error {
		response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/api/courses", backendPort))
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("answer %s", response.Status)
		}
		return nil
	}
	v.done.Go(func() {
		for ctx.Err() == nil {
			err := ask()
			v.mu.Lock()
			if v.asked++; err != nil {
				v.repeated++
				if again := ask(); again != nil {
					v.failed = again.Error()
				}
			}
			v.mu.Unlock()
			time.Sleep(100 * time.Millisecond)
		}
	})
	return v
}

func (v *visitor) end() (asked, repeated int, failed string) {
	v.leave()
	v.done.Wait()
	return v.asked, v.repeated, v.failed
}

// One CA follows another while clients come and go: nobody is refused, the apps
// trust the new one, and the old one stands for nothing any more.
func TestTheCAIsRotatedUnderClients(t *testing.T) {
	healthy(t, 2*time.Minute)
	authority := func() *x509.CertPool {
		content, err := os.ReadFile(filepath.Join(home, ".local/ca.crt"))
		require.NoError(t, err)
		pool := x509.NewCertPool()
		require.True(t, pool.AppendCertsFromPEM(content))
		return pool
	}
	trusted := func(pool *x509.CertPool) error {
		config, err := pgx.ParseConfig(databaseURL(t))
		require.NoError(t, err)
		config.TLSConfig, config.Fallbacks = &tls.Config{RootCAs: pool, ServerName: "patroni-leader"}, nil
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, err := pgx.ConnectConfig(ctx, config)
		if err == nil {
			_ = conn.Close(ctx)
		}
		return err
	}
	ok(t, "certs", "ca")
	old, pods := authority(), podIDs(t)
	require.NoError(t, trusted(old))
	visitors := visit(t)
	ok(t, "certs", "rotate-ca", "--yes")
	asked, repeated, failed := visitors.end()
	t.Logf("%d requests, %d asked twice", asked, repeated)
	require.Empty(t, failed, "a request that was repeated")
	require.Greater(t, asked, 500)
	healthy(t, 3*time.Minute)
	require.NoError(t, trusted(authority()))
	require.ErrorContains(t, trusted(old), "certificate signed by unknown authority")
	for name := range podIDs(t) {
		if strings.HasPrefix(name, "backend") {
			require.NotContains(t, pods, name, "it has started with the new CA")
		}
	}
	ok(t, "switchover", "--yes") // by Patroni's REST API, over etcd, and with replication anew
	healthy(t, time.Minute)
	require.Contains(t, fetch(t, backendPort, "/actuator/health"), `"UP"`)
}
