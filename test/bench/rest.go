package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// atRest watches the stack while nobody does anything: memory by component, the
// operator's CPU, memory and writes to the API.
func (b *bench) atRest(rest time.Duration) error {
	if rest == 0 {
		return nil
	}
	if err := b.pawskind("health", "--wait"); err != nil {
		return err
	}
	pid, err := b.node("sh", "-c", "pgrep -xf '/manager .*' | head -n 1")
	if err != nil {
		return fmt.Errorf("finding the operator's process: %w", err)
	}
	ticks, err := b.cpuTicks(pid)
	if err != nil {
		return err
	}
	writes, err := b.writes()
	if err != nil {
		return err
	}
	fmt.Printf("watching the stack at rest for %s\n", rest)
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(rest):
	}
	after, err := b.cpuTicks(pid)
	if err != nil {
		return err
	}
	more, err := b.writes()
	if err != nil {
		return err
	}
	b.results.add("operator CPU at rest", "millicores", (after-ticks)*10/rest.Seconds())
	b.results.add("operator writes to the API at rest", "in "+rest.String(), more-writes)
	if err := b.workingSet(pid); err != nil {
		return err
	}
	return b.memory()
}

// workingSet is what the kubelet counts as a container's memory: all but the
// file pages that the kernel can drop at any time.
func (b *bench) workingSet(pid string) error {
	script := `
cg=$(awk -F: '$2 == "memory" || $1 == "0" {print $3}' /proc/` + pid + `/cgroup | head -n 1)
dir=$(find /sys/fs/cgroup/memory /sys/fs/cgroup -type d -path "*/${cg##*/}" 2>/dev/null | head -n 1)
usage=$(cat "$dir/memory.usage_in_bytes" 2>/dev/null || cat "$dir/memory.current")
awk -v usage="$usage" '$1 == "total_inactive_file" || $1 == "inactive_file" {inactive = $2} END {print usage - inactive}' "$dir/memory.stat"`
	out, err := b.node("sh", "-c", script)
	if err != nil {
		return fmt.Errorf("reading the operator's memory: %w", err)
	}
	bytes, err := strconv.ParseFloat(out, 64)
	if err != nil {
		return fmt.Errorf("reading the operator's memory: %w", err)
	}
	b.results.add("operator memory (working set)", "MiB", bytes/(1<<20))
	return nil
}

// cpuTicks is the CPU time of a process of the node, in hundredths of a second.
func (b *bench) cpuTicks(pid string) (float64, error) {
	stat, err := b.node("cat", "/proc/"+pid+"/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the operator's CPU time: %w", err)
	}
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return user + system, nil
}

var auditable = regexp.MustCompile(`(?m)^apiserver_request_total\{(.*)\} (\d+)`)

// writes counts the requests that changed what the operator manages. The API
// server does not count by user; at rest nobody else writes these resources.
func (b *bench) writes() (float64, error) {
	metrics, err := b.node("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "get", "--raw", "/metrics")
	if err != nil {
		return 0, fmt.Errorf("reading the API server's metrics: %w", err)
	}
	total := 0.0
	for _, m := range auditable.FindAllStringSubmatch(metrics, -1) {
		labels := m[1]
		if !regexp.MustCompile(`verb="(POST|PUT|PATCH|APPLY|DELETE)"`).MatchString(labels) {
			continue
		}
		if regexp.MustCompile(`resource="(pawsenvironments|statefulsets|deployments|services|configmaps|pods|poddisruptionbudgets|roles|rolebindings|serviceaccounts|events)"`).MatchString(labels) &&
			!strings.Contains(labels, `subresource="token"`) &&
			(!strings.Contains(labels, `resource="pods"`) || !strings.Contains(labels, `subresource="status"`)) { // the kubelet's
			n, _ := strconv.ParseFloat(m[2], 64)
			total += n
		}
	}
	return total, nil
}

// memory is what the node's containers hold, by component.
func (b *bench) memory() error {
	for component, pattern := range map[string]string{
		"etcd": "etcd --name=etcd-", "PostgreSQL and Patroni": "patroni|postgres", "Redis": "redis-server",
		"Sentinel": "redis-sentinel", "backend": "java", "frontend": "node .*server.js|next-server", "operator": "^/manager", "agent": "^/agent",
		"Kubernetes": "kube|containerd|coredns|etcd --advertise|local-path",
	} {
		script := fmt.Sprintf("for p in $(pgrep -f '%s'); do awk '/^Pss:/ {print $2}' /proc/$p/smaps_rollup 2>/dev/null; done | awk '{s += $1} END {print s + 0}'", pattern)
		out, err := b.node("sh", "-c", script)
		if err != nil {
			return err
		}
		kib, _ := strconv.ParseFloat(out, 64)
		b.results.add("memory: "+component, "MiB", kib/1024)
	}
	return nil
}

func (b *bench) node(words ...string) (string, error) {
	out, err := exec.CommandContext(b.ctx, b.engine, append([]string{"exec", name + "-control-plane"}, words...)...).Output()
	return strings.TrimSpace(string(out)), err
}
