package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/agent"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/drillclient"
	"github.com/paws360/pawskind/internal/drillrun"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

//go:embed plain.yaml
var manifests string

const (
	namespace = "plain"
	members   = 3
)

// How long things may take in a stack that nobody looks after.
const (
	startPatience = 5 * time.Minute
	wellPatience  = 3 * time.Minute
	baseline      = 2 * time.Second
	afterglow     = 3 * time.Second
	look          = 300 * time.Millisecond
)

// plain is the stack from plain manifests.
type plain struct {
	*install.Client
	engineName, node string
	image            string
	// manifests are those of the stack, with the images that pawskind's runs.
	manifests string
	// kernel does to the pods' processes what pawskind's agent does: the nodes
	// are containers of this machine.
	kernel *agent.Node
}

// plainStack is the stack from plain manifests, not started yet.
func (b *bench) plainStack() (*plain, error) {
	client, err := b.client()
	if err != nil {
		return nil, err
	}
	operator, err := client.OperatorStatus(b.ctx)
	if err != nil {
		return nil, err
	}
	p := &plain{Client: client, engineName: b.engine.Kind, node: cluster.ControlPlane(b.cluster), image: operator.Image, manifests: manifests}
	if p.kernel, err = p.nodeOf(b.ctx, filepath.Join(b.home, "plain-faults")); err != nil {
		return nil, err
	}
	for word, set := range map[string]string{"IMAGE_ETCD": naming.Etcd, "IMAGE_POSTGRES": naming.Postgres, "IMAGE_REDIS": naming.Redis} {
		object, err := client.Kube.AppsV1().StatefulSets("paws360").Get(b.ctx, naming.StatefulSet(set), metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("reading the image of %s: %w", set, err)
		}
		p.manifests = strings.ReplaceAll(p.manifests, word, object.Spec.Template.Spec.Containers[0].Image)
	}
	return p, nil
}

// start applies the manifests, and waits until all is well.
func (p *plain) start(ctx context.Context) error {
	if _, err := p.kubectl(ctx, p.manifests, "apply", "-f", "-"); err != nil {
		return err
	}
	return p.await(ctx, startPatience, nil)
}

// nodeOf sees the node's pods from this machine, and no other node's.
func (p *plain) nodeOf(ctx context.Context, folder string) (*agent.Node, error) {
	out, err := exec.CommandContext(ctx, p.engineName, "inspect", "-f", "{{.Id}} {{.State.Pid}}", p.node).Output()
	if err != nil {
		return nil, fmt.Errorf("looking at the node %s: %w", p.node, err)
	}
	id, pid, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	groups, err := os.ReadFile(filepath.Join("/proc", pid, "cgroup"))
	if err != nil {
		return nil, fmt.Errorf("looking at the node's cgroups: %w", err)
	}
	n := &agent.Node{Proc: "/proc", Cgroup: filepath.Join(folder, "cgroup"), StateDir: filepath.Join(folder, "state")}
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(n.StateDir, 0o755), os.MkdirAll(n.Cgroup, 0o755)); err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		before, after, inside := strings.Cut(fields[2], id)
		if !inside {
			continue
		}
		scope, _, _ := strings.Cut(after, "/")
		// The common hierarchy of version 2 has no name, and is alone or "unified".
		root, link := filepath.Join("/sys/fs/cgroup", fields[1]), filepath.Join(n.Cgroup, fields[1])
		if fields[1] == "" {
			link = filepath.Join(n.Cgroup, "unified")
			if unified := filepath.Join(root, "unified"); exists(unified) {
				root = unified
			}
		}
		if err := os.Symlink(filepath.Join(root, before+id+scope), link); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// remove deletes a namespace of the cluster, and the data of its volumes, which
// pawskind's storage keeps.
func (p *plain) remove(namespace string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	_, err := p.kubectl(ctx, "", "delete", "namespace", namespace, "--ignore-not-found")
	wipe := exec.CommandContext(ctx, p.engineName, "exec", p.node, "rm", "-rf", cluster.DataPath+"/"+namespace)
	return errors.Join(err, wipe.Run())
}

func (p *plain) kubectl(ctx context.Context, input string, args ...string) (string, error) {
	words := append([]string{"exec", "-i", p.node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"}, args...)
	command := exec.CommandContext(ctx, p.engineName, words...)
	command.Stdin = strings.NewReader(input)
	out, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

func (p *plain) in(ctx context.Context, pod string, words ...string) (string, error) {
	return p.kubectl(ctx, "", append([]string{"-n", namespace, "exec", pod, "--"}, words...)...)
}

// drill runs the scenario once, as pawskind's own drills do.
func (p *plain) drill(ctx context.Context, s drill.Scenario, number int) outcome {
	run := drill.Run{Scenario: s.Name, Number: number, System: s.System, Planned: s.Planned}
	clients, err := drillrun.StartClients(ctx, p.Client, namespace, p.image)
	if err != nil {
		return outcome{err: err}
	}
	defer func() { _ = clients.Remove(context.WithoutCancel(ctx)) }()
	if err := p.await(ctx, wellPatience, nil); err != nil {
		return outcome{err: err}
	}
	if err := clients.Start(ctx, drillclient.Settings{
		Namespace: namespace, PostgresReplicas: members, RedisReplicas: members, Sentinels: members, EtcdReplicas: members,
		Writers: 2, Plain: true,
	}); err != nil {
		return outcome{err: err}
	}
	if err := p.await(ctx, wellPatience, clients); err != nil {
		return outcome{err: err}
	}
	rest(ctx, baseline)
	injected, target, err := p.inject(ctx, s)
	if err == nil {
		rest(ctx, s.Hold-time.Since(injected))
	}
	p.kernel.Reconcile(context.WithoutCancel(ctx), nil)
	if err != nil {
		return outcome{err: err}
	}
	healed, converged := time.Now(), time.Time{}
	if p.await(ctx, wellPatience, clients) == nil {
		converged = time.Now()
	}
	rest(ctx, afterglow)
	history, err := clients.Finish(ctx)
	if err != nil {
		return outcome{err: err}
	}
	run.Target = target
	run = drillrun.Assemble(run, history, injected, healed, converged)
	return outcome{judged: drill.JudgedRun{Run: run, Judgement: drill.Judge(run)}}
}

// inject does to the plain stack what the scenario does to pawskind's.
func (p *plain) inject(ctx context.Context, s drill.Scenario) (time.Time, string, error) {
	role := s.Target
	if len(s.Faults) > 0 {
		role = s.Faults[0].Target
	}
	find := p.leader
	if strings.HasPrefix(role, "redis") {
		find = p.master
	}
	target, err := find(ctx)
	if err != nil {
		return time.Time{}, "", err
	}
	at := time.Now()
	switch {
	case s.Act == drill.ActSwitchover:
		_, err = p.in(ctx, target, "curl", "-sf", "-X", "POST", "-d", `{"leader":"`+target+`"}`, "http://localhost:8008/switchover")
	case s.Act == drill.ActDelete:
		err = p.delete(ctx, target, nil)
	case len(s.Faults) == 1 && s.Faults[0].Kind == v1alpha1.FaultKill:
		err = p.delete(ctx, target, ptr.To[int64](0))
	case len(s.Faults) == 1 && (s.Faults[0].Kind == v1alpha1.FaultCrash || s.Faults[0].Kind == v1alpha1.FaultFreeze):
		err = p.hold(ctx, s.Faults[0], target)
	default:
		err = fmt.Errorf("%s is not known for plain manifests", s.Name)
	}
	return at, target, err
}

func (p *plain) delete(ctx context.Context, pod string, grace *int64) error {
	return p.Kube.CoreV1().Pods(namespace).Delete(ctx, pod, metav1.DeleteOptions{GracePeriodSeconds: grace})
}

// hold has the kernel do a fault to a pod's processes.
func (p *plain) hold(ctx context.Context, spec v1alpha1.FaultSpec, target string) error {
	pod, err := p.Kube.CoreV1().Pods(namespace).Get(ctx, target, metav1.GetOptions{})
	if err != nil {
		return err
	}
	fault := agent.Fault{
		ID: namespace + "/plain/" + time.Now().Format("150405.000") + "/" + target, Kind: strings.ToLower(string(spec.Kind)),
		PodUID: string(pod.UID), Namespace: namespace, Pod: target, Container: pod.Spec.Containers[0].Name, Process: "postgres",
	}
	if spec.AllProcesses {
		fault.Process = ""
	}
	for _, status := range p.kernel.Reconcile(ctx, []agent.Fault{fault}) {
		if status.State != agent.StateActive && status.State != agent.StateDone {
			return fmt.Errorf("%s: %s", status.State, status.Message)
		}
	}
	return nil
}

// patroniMember is one member as Patroni's /cluster tells of it.
type patroniMember struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	State string `json:"state"`
	// Timeline is a word when it is not known.
	Timeline any `json:"timeline"`
}

func (p *plain) patroni(ctx context.Context) ([]patroniMember, error) {
	var failed error
	for i := int32(1); i <= members; i++ {
		body, err := p.Kube.CoreV1().RESTClient().Get().
			AbsPath(fmt.Sprintf("/api/v1/namespaces/%s/pods/http:%s:%d/proxy/cluster", namespace, naming.Member(naming.Postgres, i), naming.PortPatroni)).DoRaw(ctx)
		var answer struct{ Members []patroniMember }
		if err == nil {
			err = json.Unmarshal(body, &answer)
		}
		if err == nil {
			return answer.Members, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func (p *plain) leader(ctx context.Context) (string, error) {
	list, err := p.patroni(ctx)
	for _, m := range list {
		if m.Role == "leader" {
			return m.Name, nil
		}
	}
	return "", errors.Join(errors.New("there is no leader"), err)
}

func (p *plain) master(ctx context.Context) (string, error) {
	said, err := p.in(ctx, "sentinel-1", "redis-cli", "-p", "26379", "sentinel", "get-master-addr-by-name", naming.RedisMasterSet)
	host, _, _ := strings.Cut(said, ".")
	if err == nil && !strings.HasPrefix(host, "redis-") {
		err = fmt.Errorf("no master is known to Sentinel: %s", said)
	}
	return host, err
}

// await waits until all pods are ready, all members replicate, and with clients
// also until each of their ways takes writes.
func (p *plain) await(ctx context.Context, patience time.Duration, clients *drillrun.Clients) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		why := p.ailing(ctx, clients)
		if why == "" {
			return nil
		}
		if rest(ctx, look); ctx.Err() != nil {
			return fmt.Errorf("not well within %s: %s", patience, why)
		}
	}
}

func (p *plain) ailing(ctx context.Context, clients *drillrun.Clients) string {
	list, err := p.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app"})
	if err != nil {
		return err.Error()
	}
	ready := 0
	for i := range list.Items {
		if pod := &list.Items[i]; pod.DeletionTimestamp.IsZero() && pods.IsReady(pod) && pod.Status.Phase == corev1.PodRunning {
			ready++
		}
	}
	if ready != 4*members {
		return fmt.Sprintf("%d pods are ready", ready)
	}
	if why := p.postgresAiling(ctx); why != "" {
		return why
	}
	master, err := p.master(ctx)
	if err != nil {
		return err.Error()
	}
	about, err := p.in(ctx, master, "sh", "-c", `REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli info replication`)
	if err != nil || strings.Count(about, "state=online") != members-1 {
		return "Redis' replicas do not all replicate"
	}
	if clients == nil {
		return ""
	}
	counts, err := clients.Progress(ctx)
	if err != nil || len(counts) < 3 {
		return fmt.Sprintf("only %d ways take writes", len(counts))
	}
	return ""
}

func (p *plain) postgresAiling(ctx context.Context) string {
	list, err := p.patroni(ctx)
	if err != nil {
		return err.Error()
	}
	if len(list) != members {
		return fmt.Sprintf("Patroni knows %d members", len(list))
	}
	for _, m := range list {
		if m.State != "running" && m.State != "streaming" || m.Timeline != list[0].Timeline {
			return fmt.Sprintf("%s is %s on timeline %v", m.Name, m.State, m.Timeline)
		}
	}
	return ""
}

func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
