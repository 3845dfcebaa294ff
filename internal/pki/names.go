// Package pki is an environment's certificates: what there shall be, when one is
// made anew and why, and how a CA follows another without anybody being refused.
package pki

// CA is the Secret of the CA: its certificate and key, those of the next one
// while it is being made known, and all whom the environment trusts.
const CA = "pki-ca"

// Secrets of an environment's certificates, in the shape that cert-manager
// gives them: tls.crt, tls.key and, as ca.crt, whom to trust.
const (
	// Etcd is etcd's towards clients, and EtcdPeer between its members.
	Etcd     = "etcd-tls"
	EtcdPeer = "etcd-peer-tls"
	// Postgres is PostgreSQL's towards clients; a standby shows PostgresClient
	// to the leader, with the replication user as its common name.
	Postgres       = "postgres-tls"
	PostgresClient = "postgres-client-tls"
	// Patroni is that of Patroni's REST API.
	Patroni = "patroni-tls"
	// Redis is Redis' and Sentinel's, where spec.redis.tls asks for it.
	Redis = "redis-tls"
)

const (
	// EtcdPeerName is the common name by which etcd's members know each other.
	EtcdPeerName = "etcd-peer"
	// ReplicationName is the common name by which a leader knows its standbys.
	ReplicationName = "replicator"
)
