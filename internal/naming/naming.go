// Package naming holds the names that the operator gives to what it makes:
// labels, components, Services and ports. An environment has its namespace to
// itself, so names need no prefix.
package naming

import (
	"fmt"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// Labels of every object and pod of an environment.
const (
	// LabelEnvironment is the PawsEnvironment's name.
	LabelEnvironment = "paws360.io/environment"
	// LabelComponent is the component: etcd, postgres, redis, sentinel or an app's name.
	LabelComponent = "paws360.io/component"
	// LabelRole is a pod's role in its cluster, kept by the databases' own
	// callbacks and repaired by the operator; Services select by it.
	LabelRole = "paws360.io/role"
	// LabelTier is the network that a pod is in; NetworkPolicies select by it.
	LabelTier = "paws360.io/tier"
)

// Tiers of LabelTier.
const (
	TierInfra   = "infra"
	TierApp     = "app"
	TierMonitor = "monitor"
)

// Components that every environment has.
const (
	Etcd     = "etcd"
	Postgres = "postgres"
	Redis    = "redis"
	Sentinel = "sentinel"
)

// Roles of LabelRole.
const (
	RolePrimary = "primary"
	RoleReplica = "replica"
	RoleMaster  = "master"
)

// Services. Those of a StatefulSet's name are headless and give its pods their
// stable DNS names; the others follow a role.
const (
	ServicePatroni        = "patroni"
	ServicePatroniLeader  = "patroni-leader"
	ServicePatroniReplica = "patroni-replica"
	ServiceRedisMaster    = "redis-master"
)

// Ports of the components.
const (
	PortEtcdClient  = 2379
	PortEtcdPeer    = 2380
	PortEtcdMetrics = 2381
	PortPostgres    = 5432
	PortPatroni     = 8008
	PortRedis       = 6379
	PortSentinel    = 26379
)

const (
	// FieldOwner is the operator's one field manager in server-side apply.
	FieldOwner = "pawskind"
	// RoleServiceAccount is used by the pods whose callbacks keep LabelRole.
	RoleServiceAccount = "pawskind-member"
	// TrustBundle is the ConfigMap of the environment's CA certificates.
	TrustBundle = "paws360-ca"
	// RedisMasterSet is the name under which Sentinel watches the master.
	RedisMasterSet = "mymaster"
	// RedisUser is the application's, at Redis and at Sentinel.
	RedisUser = "paws360"
	// Database is the application's.
	Database = "paws360"
	// DatabaseUser is the application's.
	DatabaseUser = "paws360"
)

// Keys of the environment's Secret.
const (
	KeyPostgresPassword    = "POSTGRES_PASSWORD"
	KeyReplicationPassword = "POSTGRES_REPLICATION_PASSWORD"
	KeyDatabasePassword    = "POSTGRES_APP_PASSWORD"
	KeyEtcdRootPassword    = "ETCD_ROOT_PASSWORD"
	KeyEtcdPatroniPassword = "ETCD_PATRONI_PASSWORD"
	KeyEtcdAppPassword     = "ETCD_APP_PASSWORD"
	KeyPatroniPassword     = "PATRONI_RESTAPI_PASSWORD"
	KeyRedisPassword       = "REDIS_PASSWORD"
	KeySentinelPassword    = "REDIS_SENTINEL_PASSWORD"
	// The next three never leave the servers, the Sentinels and the operator.
	KeyRedisReplication = "REDIS_REPLICATION_PASSWORD"
	KeyRedisMonitor     = "REDIS_MONITOR_PASSWORD"
	KeyRedisOperator    = "REDIS_OPERATOR_PASSWORD"
	KeyJWTSecret        = "JWT_SECRET"
	KeySessionSecret    = "SESSION_SECRET"
)

// RequiredKeys are the Secret's keys without which nothing is started.
func RequiredKeys() []string {
	return []string{
		KeyPostgresPassword, KeyReplicationPassword, KeyDatabasePassword,
		KeyEtcdRootPassword, KeyEtcdPatroniPassword, KeyEtcdAppPassword, KeyPatroniPassword, KeyRedisPassword,
		KeySentinelPassword, KeyRedisReplication, KeyRedisMonitor, KeyRedisOperator, KeyJWTSecret, KeySessionSecret,
	}
}

// Credentials is the operator's own Secret: the values that are in force, from
// which every pod is given its passwords. The Secret of spec.secretsRef says
// what they shall be.
const Credentials = "paws360-credentials"

// While a secret is being rotated, Credentials has its next value until every
// server takes that, too, and its previous one until nobody uses it any more.
const (
	SuffixNext     = ".next"
	SuffixPrevious = ".previous"
)

// KeySerial is the key of Credentials that counts its changes.
const KeySerial = "rotation.serial"

// Keys of Credentials that name the user to whom a password belongs now. Where a
// user has one password only, two users take turns, so that clients of both are
// let in while one follows the other.
const (
	KeyDatabaseUser    = "POSTGRES_APP_USER"
	KeyEtcdPatroniUser = "ETCD_PATRONI_USER"
	KeyEtcdAppUser     = "ETCD_APP_USER"
)

// StatefulSet is the name of a component's StatefulSet and headless Service.
func StatefulSet(component string) string {
	if component == Postgres {
		return ServicePatroni
	}
	return component
}

// Member is the pod name of a component's member; ordinals start at 1.
func Member(component string, ordinal int32) string {
	return fmt.Sprintf("%s-%d", StatefulSet(component), ordinal)
}

// MemberHost is a member's DNS name, fully qualified so that it resolves from
// every namespace, the operator's included.
func MemberHost(namespace, component string, ordinal int32) string {
	return PodHost(namespace, component, Member(component, ordinal))
}

// PodHost is the DNS name of the component's pod of that name.
func PodHost(namespace, component, pod string) string {
	return fmt.Sprintf("%s.%s.%s.svc", pod, StatefulSet(component), namespace)
}

// Labels are the labels of all that belongs to a component of the environment.
func Labels(env *v1alpha1.PawsEnvironment, component string) map[string]string {
	return map[string]string{
		LabelEnvironment:               env.Name,
		LabelComponent:                 component,
		"app.kubernetes.io/name":       component,
		"app.kubernetes.io/instance":   env.Name,
		"app.kubernetes.io/part-of":    "paws360",
		"app.kubernetes.io/managed-by": FieldOwner,
	}
}

// PodLabels are the labels of a component's pods: also their tier.
func PodLabels(env *v1alpha1.PawsEnvironment, component string) map[string]string {
	labels := Labels(env, component)
	labels[LabelTier] = Tier(component)
	return labels
}

// Tier is the network that a component is in. No app has a component's name.
func Tier(component string) string {
	switch component {
	case Etcd, Postgres, Redis, Sentinel:
		return TierInfra
	}
	return TierApp
}

// Selector are the labels by which the pods of a component are found. They
// never change: a StatefulSet's selector is immutable.
func Selector(env *v1alpha1.PawsEnvironment, component string) map[string]string {
	return map[string]string{LabelEnvironment: env.Name, LabelComponent: component}
}
