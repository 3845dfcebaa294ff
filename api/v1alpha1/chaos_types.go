package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// FaultKind is what is done to a target.
// +kubebuilder:validation:Enum=Kill;Crash;Freeze;Partition;Throttle;FillDisk;Memory;Delay
type FaultKind string

const (
	// FaultKill deletes the target's pod without a grace period. It is done once.
	FaultKill FaultKind = "Kill"
	// FaultCrash sends SIGKILL to the server process, or to all. It is done once.
	FaultCrash FaultKind = "Crash"
	// FaultFreeze stops every process of the pod, as others see the loss of a node.
	FaultFreeze FaultKind = "Freeze"
	// FaultPartition cuts the target's network, established connections included.
	FaultPartition FaultKind = "Partition"
	// FaultThrottle limits the pod's CPU.
	FaultThrottle FaultKind = "Throttle"
	// FaultFillDisk fills the member's volume.
	FaultFillDisk FaultKind = "FillDisk"
	// FaultMemory takes memory inside the container until the kernel kills a process.
	FaultMemory FaultKind = "Memory"
	// FaultDelay delays the pod's packets, where the kernel has netem.
	FaultDelay FaultKind = "Delay"
)

// FaultDirection is which packets a partition drops, as the target sees them.
// +kubebuilder:validation:Enum=Both;In;Out
type FaultDirection string

const (
	// DirectionBoth drops what comes in and what goes out.
	DirectionBoth FaultDirection = "Both"
	// DirectionIn drops what comes in.
	DirectionIn FaultDirection = "In"
	// DirectionOut drops what goes out.
	DirectionOut FaultDirection = "Out"
)

// FaultSpec is one declared fault. It lasts until it is removed, or for its
// duration; faults that are done once leave nothing to undo.
//
// +kubebuilder:validation:XValidation:rule="self.kind == 'Partition' || !has(self.from)",message="from is for a Partition only"
// +kubebuilder:validation:XValidation:rule="self.kind == 'Partition' || !has(self.direction)",message="direction is for a Partition only"
// +kubebuilder:validation:XValidation:rule="self.kind == 'Throttle' || !has(self.cpuPercent)",message="cpuPercent is for a Throttle only"
// +kubebuilder:validation:XValidation:rule="self.kind == 'Delay' || !has(self.delay)",message="delay is for a Delay only"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['Kill', 'Crash']) || !has(self.duration)",message="Kill and Crash are done once and have no duration"
// +kubebuilder:validation:XValidation:rule="self.kind == 'Crash' || !has(self.allProcesses)",message="allProcesses is for a Crash only"
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a fault cannot be changed: remove it and declare another"
type FaultSpec struct {
	// Name identifies the fault in the environment.
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// Kind is what is done.
	Kind FaultKind `json:"kind"`

	// Target is a role, an ordinal, or a whole component: postgres/leader,
	// postgres/sync-standby, postgres/replica, redis/master, redis/replica,
	// etcd/leader, etcd/follower, sentinel/2, app/backend, etcd, operator. Roles
	// are resolved once, when the fault begins.
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:Pattern=`^(postgres|redis|etcd|sentinel|app|operator)(/[a-z0-9][-a-z0-9]*)?$`
	Target string `json:"target"`

	// From are the targets that a Partition cuts the target off from; empty
	// for everything but its own node.
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=60
	// +kubebuilder:validation:items:Pattern=`^(postgres|redis|etcd|sentinel|app|operator)(/[a-z0-9][-a-z0-9]*)?$`
	// +optional
	From []string `json:"from,omitempty"`

	// Direction is which packets a Partition drops; Both when empty.
	// +optional
	Direction FaultDirection `json:"direction,omitempty"`

	// CPUPercent of one core is what a Throttle leaves; 5 when empty.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	CPUPercent *int32 `json:"cpuPercent,omitempty"`

	// Delay is what a Delay adds to each packet; 100ms when empty.
	// +optional
	Delay *metav1.Duration `json:"delay,omitempty"`

	// AllProcesses has a Crash kill every process of the container, and so the
	// container itself, which its node then starts again.
	// +optional
	AllProcesses bool `json:"allProcesses,omitempty"`

	// Duration ends the fault by itself.
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`
}

// FaultState is how far a fault is.
// +kubebuilder:validation:Enum=Pending;Active;Done;Undone;Failed;NotSupported;Refused
type FaultState string

const (
	// FaultPending: it is about to be done.
	FaultPending FaultState = "Pending"
	// FaultActive: it holds.
	FaultActive FaultState = "Active"
	// FaultDone: it was done, and there is nothing to undo.
	FaultDone FaultState = "Done"
	// FaultUndone: its duration is over, and it was undone.
	FaultUndone FaultState = "Undone"
	// FaultFailed: it could not be done; the message says why.
	FaultFailed FaultState = "Failed"
	// FaultNotSupported: this kernel or this node cannot do it.
	FaultNotSupported FaultState = "NotSupported"
	// FaultRefused: this cluster is not marked as local.
	FaultRefused FaultState = "Refused"
)

// FaultStatus is what became of a declared fault.
type FaultStatus struct {
	// Name, Kind and Target are the spec's.
	Name   string    `json:"name"`
	Kind   FaultKind `json:"kind"`
	Target string    `json:"target"`
	// State is how far the fault is.
	State FaultState `json:"state"`
	// Message says more, for people.
	// +optional
	Message string `json:"message,omitempty"`
	// Pods are what the target meant when the fault began.
	// +listType=map
	// +listMapKey=name
	// +optional
	Pods []FaultPod `json:"pods,omitempty"`
	// PeerIPs are the addresses that a Partition cuts off; empty for everything.
	// +listType=atomic
	// +optional
	PeerIPs []string `json:"peerIPs,omitempty"`
	// StartedAt is when the fault began.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// EndsAt is when it ends by itself.
	// +optional
	EndsAt *metav1.MicroTime `json:"endsAt,omitempty"`
}

// FaultPod is one pod that a fault is done to.
type FaultPod struct {
	// Name and UID are the pod's.
	Name string `json:"name"`
	UID  string `json:"uid"`
	// Node is where the pod runs.
	Node string `json:"node"`
	// Container is its main container.
	Container string `json:"container"`
	// IP is its address.
	// +optional
	IP string `json:"ip,omitempty"`
}

// AgentStatus is what the agent of one node holds there.
type AgentStatus struct {
	// Node is the node's name.
	Node string `json:"node"`
	// Faults are those that the agent was given.
	// +listType=map
	// +listMapKey=id
	// +optional
	Faults []AgentFault `json:"faults,omitempty"`
}

// AgentFault is one fault on one pod.
type AgentFault struct {
	// ID is fault/pod.
	ID string `json:"id"`
	// State is how far it is.
	State FaultState `json:"state"`
	// Message says more.
	// +optional
	Message string `json:"message,omitempty"`
	// Since is when the state began.
	Since metav1.MicroTime `json:"since"`
}
