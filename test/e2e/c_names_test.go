package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// After a restart of the node a name leads for a while to an address that another
// pod has by now, and a Sentinel keeps whomever it found there. Here it is two
// replicas, of which it would promote the wrong one.
func TestSentinelsAreToldWhomTheyMistake(t *testing.T) {
	healthy(t, time.Minute)
	master := statusField(t, "redisMaster")
	replicas := slices.DeleteFunc([]string{"redis-1", "redis-2", "redis-3"}, func(name string) bool { return name == master })
	taken, named := replicas[0], replicas[1]

	right := misname(t, named+".redis.paws360.svc.cluster.local", taken)
	defer right()
	onNode(t, "pkill", "-9", "redis-sentinel")
	eventually(t, time.Minute, "health tells of all three", func() bool {
		return strings.Count(pawskind(t, "health").all(), "takes "+taken+" for "+named) >= 3
	})
	right()
	healthy(t, time.Minute)
	for _, sentinel := range []string{"sentinel-1", "sentinel-2", "sentinel-3"} {
		known := in(t, sentinel, "/scripts/cli.sh", "-p", "26379", "sentinel", "replicas", "mymaster")
		for _, replica := range replicas {
			_, life, _ := strings.Cut(in(t, replica, "/scripts/cli.sh", "info", "server"), "run_id:")
			require.Regexp(t, `(?s)ip\s+`+replica+`\.\S+\s.*?runid\s+`+life[:40], known, "%s reached %s", sentinel, replica)
		}
	}
}

// misname has a host's name lead to another pod, until the returned function is
// called.
func misname(t *testing.T, host, pod string) (right func()) {
	t.Helper()
	corefile := kubectl(t, "-n", "kube-system", "get", "configmap", "coredns", "-o", "jsonpath={.data.Corefile}")
	address := kubectl(t, "-n", "paws360", "get", "pod", pod, "-o", "jsonpath={.status.podIP}")
	serve := func(file string) error {
		patch, err := json.Marshal(map[string]any{"data": map[string]string{"Corefile": file}})
		if err != nil {
			return err
		}
		for _, args := range [][]string{
			{"patch", "configmap", "coredns", "--type=merge", "-p", string(patch)},
			{"rollout", "restart", "deployment/coredns"},
			{"rollout", "status", "deployment/coredns", "--timeout=1m"},
		} {
			if out, err := tryKubectl(t, append([]string{"-n", "kube-system"}, args...)...); err != nil {
				return fmt.Errorf("%v: %w: %s", args[:2], err, out)
			}
		}
		return nil
	}
	wrong := fmt.Sprintf("    hosts {\n        %s %s\n        ttl 1\n        fallthrough\n    }\n    ready\n", address, host)
	require.NoError(t, serve(strings.Replace(corefile, "    ready\n", wrong, 1)))
	return func() {
		t.Helper()
		if corefile != "" {
			require.NoError(t, serve(corefile))
			corefile = ""
		}
	}
}
