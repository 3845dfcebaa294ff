package v1alpha1

// Condition types of a PawsEnvironment. True is good.
const (
	// ConditionReady sums up the others: True when every component serves as
	// the spec asks. It exists from the first status write.
	ConditionReady = "Ready"
	// ConditionEtcdReady tells of the etcd cluster.
	ConditionEtcdReady = "EtcdReady"
	// ConditionPostgresReady tells of the PostgreSQL cluster.
	ConditionPostgresReady = "PostgresReady"
	// ConditionSynchronousReplication tells whether a commit reaches a standby
	// before it is acknowledged.
	ConditionSynchronousReplication = "SynchronousReplication"
	// ConditionRedisReady tells of Redis and Sentinel.
	ConditionRedisReady = "RedisReady"
	// ConditionAppsReady tells of the apps.
	ConditionAppsReady = "AppsReady"
	// ConditionNetworkIsolated tells whether the cluster's network enforces the
	// environment's NetworkPolicies. It has no part in Ready.
	ConditionNetworkIsolated = "NetworkIsolated"
)

// Condition types of a PawsEnvironment. True wants attention.
const (
	// ConditionReconciling is True while the operator still changes objects
	// to reach the spec.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when the operator cannot go on without somebody's help.
	ConditionStalled = "Stalled"
	// ConditionDegraded is True while everything serves but something is
	// missing: a member down, a replica behind.
	ConditionDegraded = "Degraded"
	// ConditionChaosActive is True while a declared fault is being done or
	// holds. It explains a failing Ready and never hides it.
	ConditionChaosActive = "ChaosActive"
)

// Reasons of the ChaosActive condition.
const (
	// ReasonNoFaults surfaces when no fault is declared or holds.
	ReasonNoFaults = "NoFaults"
	// ReasonFaultsActive surfaces while at least one fault holds.
	ReasonFaultsActive = "FaultsActive"
	// ReasonFaultsRefused surfaces when faults are declared on a cluster that
	// is not marked as local.
	ReasonFaultsRefused = "FaultsRefused"
	// ReasonFaultFailed surfaces when a fault could not be done.
	ReasonFaultFailed = "FaultFailed"
)

// Reasons of the Ready condition.
const (
	// ReasonReady surfaces when every component serves as the spec asks.
	ReasonReady = "Ready"
	// ReasonNotReady surfaces when at least one component does not.
	ReasonNotReady = "NotReady"
	// ReasonStarting surfaces before the environment was ready for the first time.
	ReasonStarting = "Starting"
)

// Reasons of the component conditions.
const (
	// ReasonHealthy surfaces when every member is healthy.
	ReasonHealthy = "Healthy"
	// ReasonMemberUnhealthy surfaces when the component serves but a member is down or degraded.
	ReasonMemberUnhealthy = "MemberUnhealthy"
	// ReasonQuorumLost surfaces when fewer than a majority of etcd members or
	// Sentinels agree with each other.
	ReasonQuorumLost = "QuorumLost"
	// ReasonNoLeader surfaces when no PostgreSQL leader takes writes.
	ReasonNoLeader = "NoLeader"
	// ReasonSplitBrain surfaces when more than one member says that it leads.
	ReasonSplitBrain = "SplitBrain"
	// ReasonNoMaster surfaces when the Sentinels agree on no reachable Redis master.
	ReasonNoMaster = "NoMaster"
	// ReasonReplicationLag surfaces when a replica is 5 seconds or more behind.
	ReasonReplicationLag = "ReplicationLag"
	// ReasonDiskPressure surfaces when etcd's database exceeds its threshold
	// or raised an alarm.
	ReasonDiskPressure = "DiskPressure"
	// ReasonWaitingForDependency surfaces while a component waits for another to start.
	ReasonWaitingForDependency = "WaitingForDependency"
	// ReasonProbing surfaces before the first look at the members has ended.
	ReasonProbing = "Probing"
	// ReasonNoApps surfaces when the spec has no apps.
	ReasonNoApps = "NoApps"
	// ReasonAppUnhealthy surfaces when an app does not serve.
	ReasonAppUnhealthy = "AppUnhealthy"
)

// Reasons of the SynchronousReplication condition.
const (
	// ReasonStandbyAcknowledges surfaces when at least one standby acknowledges commits.
	ReasonStandbyAcknowledges = "StandbyAcknowledges"
	// ReasonNoSynchronousStandby surfaces when synchronous mode is asked for
	// and no standby acknowledges: writes wait.
	ReasonNoSynchronousStandby = "NoSynchronousStandby"
	// ReasonSynchronousModeOff surfaces when the spec turns synchronous mode off.
	ReasonSynchronousModeOff = "SynchronousModeOff"
)

// Reasons of the NetworkIsolated condition.
const (
	// ReasonPoliciesEnforced surfaces when a connection that no policy allows was
	// tried and did not come about.
	ReasonPoliciesEnforced = "PoliciesEnforced"
	// ReasonPoliciesNotEnforced surfaces when such a connection came about.
	ReasonPoliciesNotEnforced = "PoliciesNotEnforced"
)

// Reasons of Reconciling, Stalled and Degraded.
const (
	// ReasonProgressing surfaces while objects are being changed or started.
	ReasonProgressing = "Progressing"
	// ReasonSettled surfaces when everything is as the spec asks.
	ReasonSettled = "Settled"
	// ReasonSuspended surfaces while spec.suspend is set.
	ReasonSuspended = "Suspended"
	// ReasonSecretInvalid surfaces when the Secret of secretsRef is missing, lacks
	// keys, or has values that no configuration file can hold.
	ReasonSecretInvalid = "SecretInvalid"
	// ReasonNamespaceOccupied surfaces when another environment of the same
	// namespace came first: an environment has its namespace to itself.
	ReasonNamespaceOccupied = "NamespaceOccupied"
	// ReasonDependencyCycle surfaces when apps depend on each other in a circle.
	ReasonDependencyCycle = "DependencyCycle"
	// ReasonApplyFailed surfaces when the API server refuses an object.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonReconcileFailed surfaces when a step failed and will be tried again.
	ReasonReconcileFailed = "ReconcileFailed"
	// ReasonMembersUnhealthy surfaces when members are down or degraded.
	ReasonMembersUnhealthy = "MembersUnhealthy"
)
