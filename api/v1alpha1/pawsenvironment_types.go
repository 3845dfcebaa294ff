package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PawsEnvironmentSpec describes the stack that shall run. An empty spec is
// the infrastructure at production's shape: 3 etcd, 3 PostgreSQL with
// synchronous replication, 3 Redis with 3 Sentinels, no apps.
//
// +kubebuilder:validation:XValidation:rule="!has(self.apps) || self.apps.all(a, !has(a.dependsOn) || a.dependsOn.all(d, d in ['etcd', 'postgres', 'redis'] || self.apps.exists(b, b.name == d && b.name != a.name)))",message="dependsOn must name etcd, postgres, redis or another app of this environment"
type PawsEnvironmentSpec struct {
	// Etcd is the store in which Patroni keeps who leads.
	// +kubebuilder:default={replicas: 3}
	// +optional
	Etcd EtcdSpec `json:"etcd,omitzero"`

	// Postgres is the Patroni-managed PostgreSQL cluster.
	// +kubebuilder:default={version: "17", replicas: 3, synchronousMode: "quorum"}
	// +optional
	Postgres PostgresSpec `json:"postgres,omitzero"`

	// Redis is the Redis replication set and the Sentinels that watch it.
	// +kubebuilder:default={replicas: 3, sentinels: 3, quorum: 2, minReplicasToWrite: 1}
	// +optional
	Redis RedisSpec `json:"redis,omitzero"`

	// Apps are the application services, started once what they depend on is ready.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Apps []AppSpec `json:"apps,omitempty"`

	// SecretsRef names the Secret, in the environment's namespace, that says what
	// the passwords shall be. The operator reads it and never writes it. When its
	// values change, they are put in the place of those in force while everything
	// runs.
	// +kubebuilder:default={name: "paws360-secrets"}
	// +optional
	SecretsRef SecretReference `json:"secretsRef,omitzero"`

	// TLS says where certificates come from.
	// +optional
	TLS TLSSpec `json:"tls,omitzero"`

	// Suspend stops the operator from changing anything of this environment.
	// Health is still watched and reported.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Chaos declares faults. They are carried out on clusters that are marked
	// as local, and refused elsewhere.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Chaos []FaultSpec `json:"chaos,omitempty"`
}

// StorageSpec is the volume of one member.
type StorageSpec struct {
	// Size is a Kubernetes quantity of bytes. It may grow, never shrink.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(self)",message="size must be a quantity such as 1Gi"
	// +kubebuilder:validation:XValidation:rule="!isQuantity(self) || !isQuantity(oldSelf) || quantity(self).compareTo(quantity(oldSelf)) >= 0",message="storage cannot shrink"
	Size string `json:"size"`

	// StorageClassName is the class of the claim; the cluster's default when unset.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="storageClassName cannot change"
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
}

// ExposeSpec asks for a port on every node, which pawskind maps to the host.
type ExposeSpec struct {
	// NodePort is the port on the nodes.
	// +kubebuilder:validation:Minimum=30000
	// +kubebuilder:validation:Maximum=32767
	NodePort int32 `json:"nodePort"`
}

// EtcdSpec describes the etcd cluster.
//
// +kubebuilder:validation:XValidation:rule="self.replicas % 2 == 1",message="etcd replicas must be odd: an even count adds a member to lose but no failure to tolerate"
type EtcdSpec struct {
	// Replicas is the number of voting members: 1, 3, 5 or 7.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=7
	// +optional
	Replicas int32 `json:"replicas,omitempty"`

	// Image overrides the operator's etcd image.
	// +optional
	Image string `json:"image,omitempty"`

	// Storage is each member's volume.
	// +kubebuilder:default={size: "1Gi"}
	// +optional
	Storage StorageSpec `json:"storage,omitzero"`

	// Resources overrides each member's requests and limits.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// RedisSpec describes the Redis replication set and its Sentinels.
//
// +kubebuilder:validation:XValidation:rule="self.sentinels % 2 == 1",message="sentinels must be odd: an even count adds a Sentinel to lose but no failure to tolerate"
// +kubebuilder:validation:XValidation:rule="self.quorum <= self.sentinels",message="quorum cannot exceed the number of sentinels"
// +kubebuilder:validation:XValidation:rule="self.minReplicasToWrite < self.replicas",message="minReplicasToWrite must be below replicas: the master is not its own replica"
type RedisSpec struct {
	// Replicas is the number of Redis servers, the master included.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9
	// +optional
	Replicas int32 `json:"replicas,omitempty"`

	// Sentinels is the number of Sentinels: 1, 3, 5 or 7.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=7
	// +optional
	Sentinels int32 `json:"sentinels,omitempty"`

	// Quorum is how many Sentinels must find the master down.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +optional
	Quorum int32 `json:"quorum,omitempty"`

	// DownAfterMilliseconds is how long the master may be silent before a
	// Sentinel finds it down.
	// +kubebuilder:default=5000
	// +kubebuilder:validation:Minimum=500
	// +kubebuilder:validation:Maximum=600000
	// +optional
	DownAfterMilliseconds int32 `json:"downAfterMilliseconds,omitempty"`

	// MinReplicasToWrite is how many replicas must be connected for the master
	// to accept a write. It bounds what an asynchronous failover can lose.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinReplicasToWrite *int32 `json:"minReplicasToWrite,omitempty"`

	// TLS has Redis and Sentinel speak TLS and nothing else: to clients, to each
	// other and in replication. The ports stay. Switching it on or off replaces all
	// servers and Sentinels together, because a Sentinel can only speak one of the
	// two: Redis is away for some seconds, and nothing acknowledged is lost.
	// +kubebuilder:default=false
	// +optional
	TLS bool `json:"tls,omitempty"`

	// Image overrides the operator's image for Redis and Sentinel.
	// +optional
	Image string `json:"image,omitempty"`

	// Storage is each Redis server's volume.
	// +kubebuilder:default={size: "1Gi"}
	// +optional
	Storage StorageSpec `json:"storage,omitzero"`

	// Resources overrides each Redis server's requests and limits.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`

	// SentinelResources overrides each Sentinel's requests and limits.
	// +optional
	SentinelResources *corev1.ResourceRequirements `json:"sentinelResources,omitempty"`

	// Expose puts the master on a port of the nodes.
	// +optional
	Expose *ExposeSpec `json:"expose,omitempty"`
}

// PawsEnvironmentStatus is what the operator last saw.
type PawsEnvironmentStatus struct {
	// ObservedGeneration is the generation of the spec that was last
	// reconciled without an error.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions tell how the environment is; their types and reasons are
	// documented in this package.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Members are the single servers and app pods.
	// +listType=atomic
	// +optional
	Members []MemberStatus `json:"members,omitempty"`

	// Leader is the PostgreSQL leader's name.
	// +optional
	Leader string `json:"leader,omitempty"`

	// RedisMaster is the name of the master that Sentinel announces.
	// +optional
	RedisMaster string `json:"redisMaster,omitempty"`

	// Endpoints are the addresses inside the cluster.
	// +listType=map
	// +listMapKey=name
	// +optional
	Endpoints []EndpointStatus `json:"endpoints,omitempty"`

	// Certificates are those in force, the CA's first.
	// +listType=map
	// +listMapKey=name
	// +optional
	Certificates []CertificateStatus `json:"certificates,omitempty"`

	// Secrets tells which secrets are in force. It never has their values.
	// +optional
	Secrets SecretsStatus `json:"secrets,omitzero"`

	// Chaos tells what became of the declared faults.
	// +listType=map
	// +listMapKey=name
	// +optional
	Chaos []FaultStatus `json:"chaos,omitempty"`

	// Agents tell what each node's agent holds. They write it themselves.
	// +listType=map
	// +listMapKey=node
	// +optional
	Agents []AgentStatus `json:"agents,omitempty"`
}

// Health is a verdict on one member or component.
// +kubebuilder:validation:Enum=Healthy;Degraded;Unhealthy;Unknown
type Health string

const (
	// Healthy: it does all that it should.
	Healthy Health = "Healthy"
	// Degraded: it serves, with something that needs a look.
	Degraded Health = "Degraded"
	// Unhealthy: it does not serve.
	Unhealthy Health = "Unhealthy"
	// Unknown: it could not be asked.
	Unknown Health = "Unknown"
)

// MemberStatus is the verdict on one member.
type MemberStatus struct {
	// Component is etcd, postgres, redis, sentinel or an app's name.
	Component string `json:"component"`
	// Name is the pod's name.
	Name string `json:"name"`
	// Role is the member's role: leader, follower, learner, replica, master, sentinel, app.
	// +optional
	Role string `json:"role,omitempty"`
	// Health is the verdict.
	Health Health `json:"health"`
	// Lag is how far a replica is behind, as the class under which it is
	// judged: "<1s", "<5s" or ">=5s". The exact figure is in pawskind health.
	// +optional
	Lag string `json:"lag,omitempty"`
	// Message says why the member is not healthy.
	// +optional
	Message string `json:"message,omitempty"`
}

// EndpointStatus is one address.
type EndpointStatus struct {
	// Name is what it serves: postgres, postgres-replica, redis, sentinel, etcd or an app.
	Name string `json:"name"`
	// Address is host:port or a URL, inside the cluster.
	Address string `json:"address"`
	// NodePort is the port on the nodes, when exposed.
	// +optional
	NodePort int32 `json:"nodePort,omitempty"`
}

// PawsEnvironment is one highly available PAWS360 stack in one namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pawsenv,categories=all
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Leader",type=string,JSONPath=`.status.leader`
// +kubebuilder:printcolumn:name="Redis",type=string,JSONPath=`.status.redisMaster`
// +kubebuilder:printcolumn:name="Chaos",type=string,JSONPath=`.status.conditions[?(@.type=="ChaosActive")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Etcd",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="EtcdReady")].status`
// +kubebuilder:printcolumn:name="Postgres",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="PostgresReady")].status`
// +kubebuilder:printcolumn:name="Sync",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="SynchronousReplication")].status`
// +kubebuilder:printcolumn:name="Apps",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="AppsReady")].status`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type PawsEnvironment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	// +kubebuilder:default={etcd: {replicas: 3}}
	Spec PawsEnvironmentSpec `json:"spec,omitzero"`
	// +optional
	Status PawsEnvironmentStatus `json:"status,omitzero"`
}

// PawsEnvironmentList is a list of environments.
//
// +kubebuilder:object:root=true
type PawsEnvironmentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PawsEnvironment `json:"items"`
}
