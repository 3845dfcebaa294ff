package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/controllers"
)

const operatorNamespace = "pawskind-system"

// failAt starts the operator anew, to end at the failpoint; "" for none.
func failAt(t *testing.T, point string) {
	t.Helper()
	setting := controllers.FailpointVariable + "=" + point
	if point == "" {
		setting = controllers.FailpointVariable + "-"
	}
	kubectl(t, "-n", operatorNamespace, "set", "env", "deployment/pawskind-manager", setting)
	eventually(t, time.Minute, "the operator is replaced", func() bool {
		pods := kubectl(t, "-n", operatorNamespace, "get", "pods", "-l", "app.kubernetes.io/name=pawskind",
			"-o", `jsonpath={range .items[*]}{.spec.containers[0].env[?(@.name=="`+controllers.FailpointVariable+`")].value}|{.status.containerStatuses[0].state}{"\n"}{end}`)
		return len(strings.Split(pods, "\n")) == 1 && strings.HasPrefix(pods, point+"|") && !strings.HasSuffix(pods, "|")
	})
}

// ended waits until the operator ended at its failpoint.
func ended(t *testing.T, point string) {
	t.Helper()
	eventually(t, 2*time.Minute, "the operator ends at "+point, func() bool {
		return strings.Contains(kubectl(t, "-n", operatorNamespace, "get", "pods", "-l", "app.kubernetes.io/name=pawskind",
			"-o", `jsonpath={.items[*].status.containerStatuses[0]['state','lastState'].terminated.exitCode}`), "70")
	})
}

func patch(t *testing.T, change string) {
	t.Helper()
	kubectl(t, "-n", "paws360", "patch", "pawsenv", "paws360", "--type=merge", "-p", change)
}

// The operator is killed between every two steps that belong together, and the
// next one goes on from there.
func TestTheOperatorIsPickedUpAtEveryFailpoint(t *testing.T) {
	if !strings.Contains(kubectl(t, "-n", operatorNamespace, "get", "deployment", "pawskind-manager", "-o", "jsonpath={.spec.template.spec.containers[0].args}"), "--local") {
		t.Fatal("the operator of this cluster is not told that it is local")
	}
	healthy(t, 2*time.Minute)
	seen := map[string]bool{}
	at := func(point string, do func()) {
		t.Helper()
		failAt(t, point)
		if do != nil {
			do()
		}
		ended(t, point)
		seen[point] = true
	}
	settled := func(members int) {
		t.Helper()
		failAt(t, "")
		eventually(t, 3*time.Minute, "etcd has its members, and all of them vote", func() bool {
			list, err := tryKubectl(t, "-n", "paws360", "exec", "etcd-1", "--", "etcdctl", "member", "list")
			return err == nil && strings.Count(list, "started") == members && strings.Count(list, "\n")+1 == members && !strings.Contains(list, "true")
		})
		healthy(t, 3*time.Minute)
	}

	at("etcd-member-added", func() { patch(t, `{"spec":{"etcd":{"replicas":5}}}`) })
	at("etcd-growth-told", nil)
	at("etcd-promotion-told", nil)
	at("etcd-member-promoted", nil)
	settled(5)
	at("etcd-member-removed", func() { patch(t, `{"spec":{"etcd":{"replicas":3}}}`) })
	settled(3)
	at("etcd-replace-told", func() {
		destroy(t, "etcd-3", "/data/etcd /data/identity")
		kubectl(t, "-n", "paws360", "delete", "pod", "etcd-3", "--force", "--grace-period=0")
	})
	settled(3)
	at("replaced", func() { patch(t, `{"spec":{"redis":{"resources":{"requests":{"cpu":"21m"}}}}}`) })
	at("handed-over", nil)
	settled(3)
	at("fault-killed", func() {
		patch(t, `{"spec":{"chaos":[{"name":"once","kind":"Kill","target":"redis/replica"}]}}`)
	})
	pod := statusField(t, "chaos[0].pods[0].name")
	uid := func() string {
		return kubectl(t, "-n", "paws360", "get", "pod", pod, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")
	}
	eventually(t, time.Minute, "the pod is there again", func() bool { return uid() != "" })
	second := uid()
	failAt(t, "")
	eventually(t, time.Minute, "the fault is done", func() bool { return statusField(t, "chaos[0].state") == "Done" })
	require.Equal(t, second, uid(), "it is killed once")
	ok(t, "chaos", "restore")
	settled(3)
	for _, point := range controllers.Failpoints() {
		if !strings.HasPrefix(point, "secrets-") {
			continue
		}
		before := secretsNow(t)
		var rotating *exec.Cmd
		at(point, func() { rotating = begun(t, "secrets", "rotate", "--yes") })
		failAt(t, "")
		require.NoError(t, rotating.Wait(), "it is ended")
		opened(t, before, secretsNow(t))
		healthy(t, 3*time.Minute)
	}
	for _, point := range controllers.Failpoints() {
		require.True(t, seen[point], point)
	}
}
