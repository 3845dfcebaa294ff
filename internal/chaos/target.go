// Package chaos knows the faults that an environment can declare: what a target
// means at a moment, and what is to be done next. It does nothing itself.
package chaos

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// Roles that a target can name.
const (
	roleLeader   = "leader"
	roleFollower = "follower"
	roleReplica  = "replica"
	roleMaster   = "master"
	roleStandby  = "sync-standby"
	// All of those that do not lead.
	roleReplicas  = "replicas"
	roleFollowers = "followers"
)

// App is the component word under which a target names an app.
const App = "app"

// Operator is the component word of the operator itself. What freezes it is undone
// by the agents, who need no operator for that.
const Operator = "operator"

// World is what a target is resolved against.
type World struct {
	// Pods are the environment's, and the operator's own.
	Pods []corev1.Pod
	// Leader, RedisMaster and EtcdLeader are member names; empty when there is none.
	Leader, RedisMaster, EtcdLeader string
	// SyncStandbys are the standbys of PostgreSQL that acknowledge commits.
	SyncStandbys []string
}

// Resolve gives the pods that a target means now.
func Resolve(target string, w World) ([]v1alpha1.FaultPod, error) {
	component, selector, _ := strings.Cut(target, "/")
	if component == App {
		if selector == "" {
			return nil, fmt.Errorf("target %s: name the app, as in app/backend", target)
		}
		component, selector = selector, ""
	}
	names, err := w.names(component, selector)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", target, err)
	}
	var found []v1alpha1.FaultPod
	for i := range w.Pods {
		pod := &w.Pods[i]
		if pod.Labels[naming.LabelComponent] != component || !pod.DeletionTimestamp.IsZero() {
			continue
		}
		if names == nil || slices.Contains(names, pod.Name) {
			found = append(found, faultPod(pod))
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("target %s: no such pod runs now", target)
	}
	slices.SortFunc(found, func(a, b v1alpha1.FaultPod) int { return strings.Compare(a.Name, b.Name) })
	if selector == roleStandby || selector == roleReplica || selector == roleFollower {
		found = found[:1]
	}
	return found, nil
}

// names are the members that a selector means; nil for all of the component.
func (w World) names(component, selector string) ([]string, error) {
	if selector == "" {
		return nil, nil
	}
	if ordinal, err := strconv.Atoi(selector); err == nil {
		return []string{naming.Member(component, int32(ordinal))}, nil
	}
	leads := map[string]string{naming.Postgres: w.Leader, naming.Redis: w.RedisMaster, naming.Etcd: w.EtcdLeader}[component]
	switch component + "/" + selector {
	case "postgres/" + roleLeader, "etcd/" + roleLeader, "redis/" + roleMaster:
		if leads == "" {
			return nil, fmt.Errorf("nobody is %s now", selector)
		}
		return []string{leads}, nil
	case "postgres/" + roleStandby:
		if len(w.SyncStandbys) == 0 {
			return nil, fmt.Errorf("no standby acknowledges commits now")
		}
		return w.SyncStandbys, nil
	case "postgres/" + roleReplica, "redis/" + roleReplica, "etcd/" + roleFollower,
		"postgres/" + roleReplicas, "redis/" + roleReplicas, "etcd/" + roleFollowers:
		return w.others(component, leads), nil
	}
	for i := range w.Pods { // a pod's own name
		if w.Pods[i].Name == selector {
			return []string{selector}, nil
		}
	}
	return nil, fmt.Errorf("%s is no role or number of %s", selector, component)
}

func (w World) others(component, leads string) []string {
	others := []string{}
	for i := range w.Pods {
		if pod := &w.Pods[i]; pod.Labels[naming.LabelComponent] == component && pod.Name != leads {
			others = append(others, pod.Name)
		}
	}
	return others
}

func faultPod(pod *corev1.Pod) v1alpha1.FaultPod {
	p := v1alpha1.FaultPod{Name: pod.Name, UID: string(pod.UID), Node: pod.Spec.NodeName, IP: pod.Status.PodIP}
	if len(pod.Spec.Containers) > 0 {
		p.Container = pod.Spec.Containers[0].Name
	}
	return p
}

// PeerIPs are the addresses of all that the targets mean now.
func PeerIPs(targets []string, w World) []string {
	var ips []string
	for _, target := range targets {
		pods, err := Resolve(target, w)
		if err != nil {
			continue
		}
		for _, pod := range pods {
			if pod.IP != "" {
				ips = append(ips, pod.IP)
			}
		}
	}
	slices.Sort(ips)
	return slices.Compact(ips)
}
