// Package faultwatch has the agent of a node hold the faults that environments
// declare for pods of that node, and reports what became of them.
package faultwatch

import (
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/agent"
)

const defaultCPUPercent = 5

// Want are the faults that the node's agent shall hold now: those that are still
// declared, not yet over, and done to a pod of the node. It needs no operator
// for that, so that nothing stays cut for ever when there is none.
func Want(environments []v1alpha1.PawsEnvironment, node string, now time.Time) []agent.Fault {
	var want []agent.Fault
	for i := range environments {
		env := &environments[i]
		if !env.DeletionTimestamp.IsZero() {
			continue
		}
		for _, spec := range env.Spec.Chaos {
			for _, status := range env.Status.Chaos {
				if status.Name == spec.Name && holds(spec, status, now) {
					want = append(want, onNode(env, spec, status, node)...)
				}
			}
		}
	}
	slices.SortFunc(want, func(a, b agent.Fault) int { return strings.Compare(a.ID, b.ID) })
	return want
}

func holds(spec v1alpha1.FaultSpec, status v1alpha1.FaultStatus, now time.Time) bool {
	switch status.State {
	case v1alpha1.FaultPending, v1alpha1.FaultActive, v1alpha1.FaultDone:
	default:
		return false
	}
	return spec.Kind != v1alpha1.FaultKill && (status.EndsAt == nil || now.Before(status.EndsAt.Time))
}

func onNode(env *v1alpha1.PawsEnvironment, spec v1alpha1.FaultSpec, status v1alpha1.FaultStatus, node string) []agent.Fault {
	var list []agent.Fault
	for _, pod := range status.Pods {
		if pod.Node != node {
			continue
		}
		f := agent.Fault{
			ID: id(env, spec.Name, pod.Name), Kind: kinds[spec.Kind],
			PodUID: pod.UID, Namespace: env.Namespace, Pod: pod.Name, Container: pod.Container,
			Process: processes[strings.Split(spec.Target, "/")[0]],
			Peers:   status.PeerIPs, Direction: strings.ToLower(string(spec.Direction)),
			CPUPercent: defaultCPUPercent, Path: "/data",
		}
		if f.Direction == "" {
			f.Direction = "both"
		}
		if spec.AllProcesses {
			f.Process = "" // the container's first, and with it all others
		}
		if spec.CPUPercent != nil {
			f.CPUPercent = int(*spec.CPUPercent)
		}
		if spec.Delay != nil {
			f.DelayMillis = int(spec.Delay.Milliseconds())
		}
		list = append(list, f)
	}
	return list
}

// kinds are the agent's words.
var kinds = map[v1alpha1.FaultKind]string{
	v1alpha1.FaultCrash: "crash", v1alpha1.FaultFreeze: "freeze", v1alpha1.FaultPartition: "partition",
	v1alpha1.FaultThrottle: "throttle", v1alpha1.FaultFillDisk: "fill-disk", v1alpha1.FaultMemory: "memory",
	v1alpha1.FaultDelay: "delay",
}

// processes are the servers by component; an app's main process has no name here.
var processes = map[string]string{
	"postgres": "postgres", "etcd": "etcd", "redis": "redis-server", "sentinel": "redis-sentinel",
}

func prefix(env *v1alpha1.PawsEnvironment) string { return env.Namespace + "/" + env.Name + "/" }

func id(env *v1alpha1.PawsEnvironment, fault, pod string) string {
	return prefix(env) + fault + "/" + pod
}
