package chaos

import (
	"strings"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// Kinds are the faults that can be declared, mildest use first.
func Kinds() []v1alpha1.FaultKind {
	return []v1alpha1.FaultKind{
		v1alpha1.FaultKill, v1alpha1.FaultCrash, v1alpha1.FaultFreeze, v1alpha1.FaultPartition,
		v1alpha1.FaultThrottle, v1alpha1.FaultMemory, v1alpha1.FaultFillDisk, v1alpha1.FaultDelay,
	}
}

// Effect says what a fault does, for people.
func Effect(kind v1alpha1.FaultKind) string {
	return map[v1alpha1.FaultKind]string{
		v1alpha1.FaultKill:      "the pod is deleted without a grace period, once",
		v1alpha1.FaultCrash:     "the server process gets SIGKILL, once",
		v1alpha1.FaultFreeze:    "every process of the pod stands still, as if its node was lost",
		v1alpha1.FaultPartition: "the pod's network is cut, open connections included",
		v1alpha1.FaultThrottle:  "the pod gets next to no CPU",
		v1alpha1.FaultMemory:    "memory is taken until the kernel kills a process of the container",
		v1alpha1.FaultFillDisk:  "the member's volume is filled",
		v1alpha1.FaultDelay:     "the pod's packets are delayed",
	}[kind]
}

// Command is the word for a fault on the command line.
func Command(kind v1alpha1.FaultKind) string {
	if kind == v1alpha1.FaultFillDisk {
		return "fill-disk"
	}
	return strings.ToLower(string(kind))
}

// Targets are examples of every form of target.
func Targets() []string {
	return []string{
		"postgres/leader", "postgres/sync-standby", "postgres/replica", "postgres/replicas", "postgres/1", "postgres",
		"redis/master", "redis/replica", "redis/replicas", "redis/1", "redis",
		"etcd/leader", "etcd/follower", "etcd/followers", "etcd/1", "etcd",
		"sentinel/1", "sentinel", "app/backend", "app/frontend", Operator,
	}
}
