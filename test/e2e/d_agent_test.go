package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// NFR-SEC-004: without any one of its capabilities the agent fails at a fault,
// and says so; with all of them it does each.
func TestFaultsNeedEachCapability(t *testing.T) {
	healthy(t, 2*time.Minute)
	const container = "/spec/template/spec/containers/0/securityContext/capabilities/add"
	var all []string
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, "-n", "pawskind-agent", "get", "daemonset", "pawskind-agent", "-o",
		"jsonpath={.spec.template.spec.containers[0].securityContext.capabilities.add}")), &all))
	let := func(capabilities []string) {
		t.Helper()
		patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": container, "value": capabilities}})
		require.NoError(t, err)
		kubectl(t, "-n", "pawskind-agent", "patch", "daemonset", "pawskind-agent", "--type=json", "-p", string(patch))
		kubectl(t, "-n", "pawskind-agent", "rollout", "status", "daemonset/pawskind-agent", "--timeout=60s")
	}
	defer func() {
		let(all)
		ok(t, "chaos", "restore")
		healthy(t, 2*time.Minute)
	}()
	fault := func(kind string) result {
		t.Helper()
		defer func() { ok(t, "chaos", "restore") }()
		return pawskind(t, "chaos", kind, "etcd/3", "--yes")
	}
	needs := map[string]string{
		"SYS_ADMIN": "partition", "NET_ADMIN": "partition", "SYS_PTRACE": "partition",
		"KILL": "crash", "DAC_OVERRIDE": "memory",
	}
	for _, capability := range all {
		kind, known := needs[capability]
		require.True(t, known, "%s is for no fault", capability)
		let(slices.DeleteFunc(slices.Clone(all), func(c string) bool { return c == capability }))
		r := fault(kind)
		require.NotZero(t, r.code, "%s goes without %s", kind, capability)
		require.Contains(t, r.all(), "ERR_CHAOS_003", "%s without %s", kind, capability)
		t.Logf("without %s: %s", capability, strings.TrimSpace(r.stderr))
	}
	let(all)
	for _, kind := range []string{"freeze", "throttle", "memory", "partition", "crash", "fill-disk"} {
		require.Zero(t, fault(kind).code, kind)
		healthy(t, 2*time.Minute)
	}
}
