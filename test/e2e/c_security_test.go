package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/attackrun"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/project"
)

// The operator has tried it, and says so.
func TestTheNetworkEnforcesPolicies(t *testing.T) {
	condition := kubectl(t, "-n", "paws360", "get", "pawsenv", "paws360", "-o",
		`jsonpath={.status.conditions[?(@.type=="NetworkIsolated")].reason}`)
	require.Equal(t, v1alpha1.ReasonPoliciesEnforced, condition)
	require.Contains(t, ok(t, "health", "--verbose").stdout, "Network policies: the cluster's network refuses")
}

// A pod deleted by force is gone from the API at once, and runs for 2 s more: a
// leader needs them to let go of its lock. Here one counts them aloud.
func TestAPodDeletedByForceSpeaksToItsEnd(t *testing.T) {
	kubectl(t, "create", "namespace", "farewell")
	defer kubectl(t, "delete", "namespace", "farewell", "--wait=false")
	image := kubectl(t, "-n", "paws360", "get", "pod", "patroni-1", "-o", "jsonpath={.spec.containers[0].image}")
	listens := `import socketserver
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        print(self.rfile.readline().decode(), end="", flush=True)
socketserver.ThreadingTCPServer(("", 7000), Lines).serve_forever()`
	speaks := `say() { echo "$1" 2>/dev/null >"/dev/tcp/${LISTENER}/7000"; }
farewell() {
  began=${EPOCHREALTIME/./}
  while :; do say "farewell $(((${EPOCHREALTIME/./} - began) / 1000000))"; sleep 0.1; done
}
trap farewell TERM
until say hello; do sleep 0.1; done
while :; do sleep 0.1; done`
	kubectl(t, "-n", "farewell", "run", "listener", "--image="+image, "--image-pull-policy=Never", "--command", "--", "python3", "-c", listens)
	kubectl(t, "-n", "farewell", "wait", "--for=condition=Ready", "pod/listener", "--timeout=1m")
	apply(t, `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: listener, namespace: farewell}
spec:
  podSelector: {matchLabels: {run: listener}}
  ingress: [{from: [{podSelector: {matchLabels: {run: speaker}}}]}]`)
	address := kubectl(t, "-n", "farewell", "get", "pod", "listener", "-o", "jsonpath={.status.podIP}")
	kubectl(t, "-n", "farewell", "run", "speaker", "--image="+image, "--image-pull-policy=Never", "--env=LISTENER="+address, "--command", "--", "bash", "-c", speaks)
	heard := func(what string) func() bool {
		return func() bool { return strings.Contains(kubectl(t, "-n", "farewell", "logs", "listener"), what) }
	}
	eventually(t, time.Minute, "the speaker is heard", heard("hello"))
	kubectl(t, "-n", "farewell", "delete", "pod", "speaker", "--force", "--grace-period=0")
	eventually(t, 10*time.Second, "it is heard after a second", heard("farewell 1"))
}

// TC-031 and TC-032: each cell of the attack matrix is tried for real.
func TestTC031And032NobodyGetsInWithoutTheRightTo(t *testing.T) {
	healthy(t, time.Minute)
	nobodyGetsIn(t)
}

// nobodyGetsIn tries the whole attack matrix.
func nobodyGetsIn(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	config, err := project.Load(home, nil, nil)
	require.NoError(t, err)
	used, err := engine.Detect(ctx, engineName)
	require.NoError(t, err)
	target, err := attackrun.On(ctx, config, used)
	require.NoError(t, err)
	start := time.Now()
	results, err := attackrun.Run(ctx, target)
	require.NoError(t, err)
	require.Empty(t, attackrun.Failures(results))
	t.Logf("%d attempts in %.1fs", len(results), time.Since(start).Seconds())
}

// FR-000: the host has the four ports, and the API server's, on loopback alone.
func TestOnlyTheFourPortsAreOnTheHost(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), engineName, "inspect", "--format", "{{json .HostConfig.PortBindings}}", node).Output()
	require.NoError(t, err)
	var bindings map[string][]struct{ HostIP, HostPort string }
	require.NoError(t, json.Unmarshal(out, &bindings))
	var inside, outside []string
	for port, binding := range bindings {
		inside = append(inside, port)
		for _, b := range binding {
			require.Equal(t, "127.0.0.1", b.HostIP, port)
			outside = append(outside, b.HostPort)
		}
	}
	require.ElementsMatch(t, []string{"30300/tcp", "30080/tcp", "30432/tcp", "30379/tcp", "6443/tcp"}, inside)
	require.Subset(t, outside, []string{fmt.Sprint(frontendPort), fmt.Sprint(backendPort), fmt.Sprint(postgresPort), fmt.Sprint(redisPort)})

	for _, address := range ownAddresses(t) {
		for _, port := range outside {
			conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, port), time.Second)
			if err == nil {
				_ = conn.Close()
			}
			require.Error(t, err, "%s:%s", address, port)
		}
	}
}

// ownAddresses are this machine's, but for loopback.
func ownAddresses(t *testing.T) []string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	var list []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			list = append(list, n.IP.String())
		}
	}
	return list
}

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
			`PGPASSWORD=$(cat /run/secrets/paws360/POSTGRES_REPLICATION_PASSWORD) psql "host=patroni-leader user=replicator dbname=postgres replication=true `+more+`" -Atc IDENTIFY_SYSTEM`)
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

// TC-035: the kernel holds every container to the memory that its pod declares,
// and kills what wants more.
func TestTC035MemoryLimitsAreEnforced(t *testing.T) {
	for line := range strings.Lines(kubectl(t, "-n", "paws360", "get", "pods", "-o",
		`jsonpath={range .items[*]}{range .spec.containers[*]}{@.name} {@.resources.limits.memory}{"\n"}{end}{end}`)) {
		fields := strings.Fields(line)
		require.Len(t, fields, 2, "%q has no limit", line)
	}
	limit := func(pod string) string {
		return in(t, pod, "sh", "-c", "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true")
	}
	declared := resource.MustParse(kubectl(t, "-n", "paws360", "get", "pod", "sentinel-3", "-o", "jsonpath={.spec.containers[0].resources.limits.memory}"))
	require.Equal(t, fmt.Sprint(declared.Value()), limit("sentinel-3"))
	out, err := tryKubectl(t, "-n", "paws360", "exec", "sentinel-3", "-c", "sentinel", "--", "sh", "-c", "head -c 1G /dev/zero | tail >/dev/null")
	require.Error(t, err, "a gigabyte was held: %s", out)
	require.Contains(t, out, "137", "the kernel kills it")
	healthy(t, time.Minute)
}
