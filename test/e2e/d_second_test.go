package e2e

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
)

const second = `
apiVersion: v1
kind: Namespace
metadata:
  name: second
  labels: {pod-security.kubernetes.io/enforce: restricted}
---
apiVersion: paws360.io/v1alpha1
kind: PawsEnvironment
metadata: {name: small, namespace: second}
spec:
  etcd: {replicas: 1}
  postgres: {replicas: 1, synchronousMode: "off"}
  redis: {replicas: 1, sentinels: 1, quorum: 1, minReplicasToWrite: 0, tls: true}
`

// Two environments live side by side in one cluster, and deleting one removes
// everything of it but the data.
func TestTwoEnvironments(t *testing.T) {
	before := podIDs(t)
	apply(t, second)
	args := []string{"-n", "second", "create", "secret", "generic", "paws360-secrets"}
	for _, key := range naming.RequiredKeys() {
		args = append(args, "--from-literal="+key+"=second-"+strings.ToLower(key))
	}
	kubectl(t, args...)
	// The operator goes in the midst of the start, and another one takes it up.
	eventually(t, time.Minute, "its start has begun", func() bool {
		out, _ := tryKubectl(t, "-n", "second", "get", "pods", "-o", "name")
		return strings.Contains(out, "etcd-1")
	})
	kubectl(t, "-n", "pawskind-system", "delete", "pods", "--all", "--force", "--grace-period=0")
	kubectl(t, "-n", "second", "wait", "pawsenv/small", "--for=condition=Ready", "--timeout=180s")
	require.Equal(t, before, podIDs(t), "the first is untouched")
	redisSwitchesTLS(t)
	anAppComesAndGoes(t)

	kubectl(t, "-n", "second", "delete", "pawsenv", "small")
	eventually(t, 2*time.Minute, "its objects are gone", func() bool {
		out, _ := tryKubectl(t, "-n", "second", "get", "statefulsets,services,pods,poddisruptionbudgets", "-o", "name")
		return out == "" || strings.Contains(out, "No resources found")
	})
	require.Contains(t, kubectl(t, "-n", "second", "get", "pvc", "-o", "name"), "data-patroni-1", "its data stays")
	kubectl(t, "delete", "namespace", "second")
}

// redisSwitchesTLS finds that Redis speaks TLS alone where the spec says so, with
// a certificate of the environment, and plain text with the same data afterwards.
func redisSwitchesTLS(t *testing.T) {
	t.Helper()
	ask := func(how string, words ...string) (string, error) {
		script := `REDISCLI_AUTH=second-redis_password redis-cli -e --no-auth-warning --user paws360 -h redis-1.redis.second.svc ` + how + ` "$@" 2>&1`
		return tryKubectl(t, append([]string{"-n", "second", "exec", "redis-1", "--", "bash", "-c", script, "bash"}, words...)...)
	}
	const byTLS = `--tls --cacert "$TLS_DIR/ca.crt"`
	said, err := ask(byTLS, "set", "kept", "yes")
	require.NoError(t, err, said)
	said, err = ask("", "ping")
	require.Error(t, err, said)
	said, err = tryKubectl(t, "-n", "second", "exec", "sentinel-1", "--", "redis-cli", "-p", "26379", "ping")
	require.NotContains(t, said, "NOAUTH", "Sentinel is not spoken to by plain text: %v", err)

	kubectl(t, "-n", "second", "patch", "pawsenv", "small", "--type=merge", "-p", `{"spec":{"redis":{"tls":false}}}`)
	eventually(t, time.Minute, "Redis speaks plain text, and has what it had", func() bool {
		said, err := ask("", "get", "kept")
		return err == nil && said == "yes"
	})
	kubectl(t, "-n", "second", "wait", "pawsenv/small", "--for=condition=Ready", "--timeout=60s")
}

// anAppComesAndGoes finds that an app that leaves the spec takes along what was made for it.
func anAppComesAndGoes(t *testing.T) {
	t.Helper()
	patch := func(apps string) {
		kubectl(t, "-n", "second", "patch", "pawsenv", "small", "--type=merge", "-p", `{"spec":{"apps":`+apps+`}}`)
	}
	objects := func() string {
		out, _ := tryKubectl(t, "-n", "second", "get", "deployments,services,networkpolicies", "-o", "name")
		return out
	}
	made := []string{"deployment.apps/guest", "service/guest", "networkpolicy.networking.k8s.io/paws360-app-guest"}
	patch(`[{"name":"guest","image":"localhost/guest:1","port":8080,"replicas":0}]`)
	eventually(t, time.Minute, "the app's objects", func() bool {
		return !slices.ContainsFunc(made, func(o string) bool { return !strings.Contains(objects(), o) })
	})
	patch(`[]`)
	eventually(t, time.Minute, "nothing of the app", func() bool { return !strings.Contains(objects(), "guest") })
}

// apply sends manifests to the cluster.
func apply(t *testing.T, manifests string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), engineName, "exec", "-i", node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "apply", "-f", "-")
	c.Stdin = strings.NewReader(manifests)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
