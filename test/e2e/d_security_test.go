package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/drill"
)

// TC-031: what was refused is refused also once another member leads.
func TestNobodyGetsInAfterAFailover(t *testing.T) {
	healthy(t, 2*time.Minute)
	leader := leaderNow(t)
	ok(t, "switchover", "--yes")
	require.NotEqual(t, leader, leaderNow(t))
	healthy(t, time.Minute)
	nobodyGetsIn(t)
}

// redis.tls of the whole set: switched on and off with clients' data kept, and
// what holds by plain text holds by TLS, also once another Redis is master.
func TestRedisByTLSUnderClients(t *testing.T) {
	healthy(t, 2*time.Minute)
	const asTheApp = `export REDISCLI_AUTH=$(</run/secrets/paws360/REDIS_PASSWORD)
tls=(); [ -z "${TLS_DIR:-}" ] || tls=(--tls --cacert "$TLS_DIR/ca.crt")
exec redis-cli -e --no-auth-warning --user paws360 -h "$POD_NAME.redis" "${tls[@]}" "$@"`
	cli := func(words ...string) string {
		return in(t, statusField(t, "redisMaster"), append([]string{"bash", "-c", asTheApp, "bash"}, words...)...)
	}
	switchTLS := func(on bool) {
		t.Helper()
		kubectl(t, "-n", "paws360", "patch", "pawsenv", "paws360", "--type=merge", "-p", fmt.Sprintf(`{"spec":{"redis":{"tls":%t}}}`, on))
		eventually(t, 3*time.Minute, "Redis and the apps have taken it up", func() bool {
			h, _ := report(t)
			return statusField(t, "observedGeneration") == kubectl(t, "-n", "paws360", "get", "pawsenv", "paws360", "-o", "jsonpath={.metadata.generation}") &&
				h.Overall == v1alpha1.Healthy && speaksTLS(t) == on && statusField(t, "redisMaster") != ""
		})
		require.Equal(t, "yes", cli("get", "kept"), "what was acknowledged is there")
	}
	cli("set", "kept", "yes")
	defer func() { // also when it ends half-way: the tests that follow speak plain text
		switchTLS(false)
		cli("del", "kept")
	}()
	switchTLS(true)
	result := drilled(t, "redis-kill")
	require.Equal(t, drill.Passed, result.Verdict)
	healthy(t, time.Minute)
	nobodyGetsIn(t)
	switchTLS(false)
	nobodyGetsIn(t)
}

// speaksTLS tells whether every Redis has been given certificates.
func speaksTLS(t *testing.T) bool {
	t.Helper()
	for _, pod := range []string{"redis-1", "redis-2", "redis-3"} {
		if _, err := tryKubectl(t, "-n", "paws360", "exec", pod, "-c", "redis", "--", "sh", "-c", `test -n "$TLS_DIR"`); err != nil {
			return false
		}
	}
	return true
}
