package v1alpha1

import corev1 "k8s.io/api/core/v1"

// SynchronousMode is Patroni's synchronous_mode.
// +kubebuilder:validation:Enum=quorum;"on";"off"
type SynchronousMode string

const (
	// SynchronousQuorum acknowledges a commit once any one standby has it.
	SynchronousQuorum SynchronousMode = "quorum"
	// SynchronousOn acknowledges a commit once the standby chosen by Patroni has it.
	SynchronousOn SynchronousMode = "on"
	// SynchronousOff acknowledges a commit that only the leader has.
	SynchronousOff SynchronousMode = "off"
)

// PostgresSpec describes the PostgreSQL cluster and the Patroni that runs it.
//
// +kubebuilder:validation:XValidation:rule="self.replicas > 1 || self.synchronousMode == 'off'",message="a single PostgreSQL member has no standby to acknowledge its writes: set synchronousMode to off, or replicas to 2 or more"
// +kubebuilder:validation:XValidation:rule="self.version == oldSelf.version",message="the PostgreSQL major version cannot change in place: dump, reset, and restore instead"
type PostgresSpec struct {
	// Version is the PostgreSQL major version.
	// +kubebuilder:default="17"
	// +kubebuilder:validation:Enum="15";"17"
	// +optional
	Version string `json:"version,omitempty"`

	// Replicas is the number of members, the leader included.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9
	// +optional
	Replicas int32 `json:"replicas,omitempty"`

	// Image overrides the operator's image for Version.
	// +optional
	Image string `json:"image,omitempty"`

	// Patroni holds the failover timings.
	// +kubebuilder:default={ttl: 30, loopWait: 10, retryTimeout: 10}
	// +optional
	Patroni PatroniSpec `json:"patroni,omitzero"`

	// SynchronousMode is Patroni's synchronous_mode. In quorum and on, nothing
	// is acknowledged without a standby (synchronous_mode_strict).
	// +kubebuilder:default=quorum
	// +optional
	SynchronousMode SynchronousMode `json:"synchronousMode,omitempty"`

	// Parameters are PostgreSQL settings, applied through Patroni's dynamic
	// configuration. What keeps connections encrypted, passwords hashed, commits
	// synchronous and the files in their places is not theirs to set.
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^[a-z_][a-z0-9_.]*$'))",message="a parameter's name has lower-case letters, digits, _ and . only"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('ssl') && !k.startsWith('unix_socket_') && !(k in ['password_encryption', 'hba_file', 'ident_file', 'config_file', 'data_directory', 'external_pid_file', 'listen_addresses', 'port', 'primary_conninfo', 'primary_slot_name', 'synchronous_standby_names', 'fsync', 'full_page_writes']))",message="encryption, addresses, file places and replication belong to pawskind: ssl*, unix_socket_*, password_encryption, hba_file, ident_file, config_file, data_directory, external_pid_file, listen_addresses, port, primary_conninfo, primary_slot_name, synchronous_standby_names, fsync and full_page_writes cannot be set"
	// +kubebuilder:validation:XValidation:rule="!('synchronous_commit' in self) || self['synchronous_commit'] in ['on', 'remote_write', 'remote_apply']",message="synchronous_commit must be on, remote_write or remote_apply: with less, acknowledged writes can be lost; synchronousMode turns synchronous replication off"
	// +optional
	Parameters map[string]string `json:"parameters,omitempty"`

	// Storage is each member's volume.
	// +kubebuilder:default={size: "5Gi"}
	// +optional
	Storage StorageSpec `json:"storage,omitzero"`

	// Resources overrides each member's requests and limits.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`

	// Expose puts the leader on a port of the nodes.
	// +optional
	Expose *ExposeSpec `json:"expose,omitempty"`
}

// PatroniSpec holds Patroni's timings, in seconds.
//
// Patroni silently rewrites timings that break loop_wait + 2*retry_timeout <= ttl
// (Patroni documentation, "Dynamic Configuration Settings"), so they are refused here.
//
// +kubebuilder:validation:XValidation:rule="self.loopWait + 2 * self.retryTimeout <= self.ttl",message="ttl must be at least loopWait + 2 * retryTimeout"
type PatroniSpec struct {
	// TTL is the leader lease.
	// +kubebuilder:default=30
	// +kubebuilder:validation:Minimum=20
	// +kubebuilder:validation:Maximum=600
	// +optional
	TTL int32 `json:"ttl,omitempty"`

	// LoopWait is the longest sleep between two runs of the HA loop.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=300
	// +optional
	LoopWait int32 `json:"loopWait,omitempty"`

	// RetryTimeout bounds the retries of etcd and PostgreSQL operations.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=3
	// +kubebuilder:validation:Maximum=300
	// +optional
	RetryTimeout int32 `json:"retryTimeout,omitempty"`

	// PrimaryStartTimeout is how long a crashed leader may recover before
	// another is elected. 0 elects at once.
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=0
	// +optional
	PrimaryStartTimeout *int32 `json:"primaryStartTimeout,omitempty"`
}
