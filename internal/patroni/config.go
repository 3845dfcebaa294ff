package patroni

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// Scope is the name of the cluster in etcd, under the prefix of its namespace.
const Scope = "paws360"

const (
	superuser   = "postgres"
	replicator  = "replicator"
	restUser    = "patroni"
	dataFolder  = "/data/pgdata"
	socketDir   = "/tmp"
	scriptsPath = "/scripts"
)

// DynamicConfig is the part of the configuration that lives in etcd, where
// Patroni applies it on every member. Spec parameters win over the defaults.
func DynamicConfig(env *v1alpha1.PawsEnvironment) map[string]any {
	pg := env.Spec.Postgres
	parameters := map[string]any{
		"max_connections":                     "100", // NFR-PERF-002
		"shared_buffers":                      "128MB",
		"wal_level":                           "replica",
		"hot_standby":                         "on",
		"max_wal_senders":                     "10",
		"max_replication_slots":               "10",
		"wal_keep_size":                       "128MB",
		"synchronous_commit":                  "on",
		"password_encryption":                 "scram-sha-256",
		"idle_in_transaction_session_timeout": "10min",
		"tcp_keepalives_idle":                 "10",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
		"log_line_prefix":                     "%m [%p] %q%u@%d %a ",
	}
	for name, value := range pg.Parameters {
		parameters[name] = value
	}
	config := map[string]any{
		"ttl":                     pg.Patroni.TTL,
		"loop_wait":               pg.Patroni.LoopWait,
		"retry_timeout":           pg.Patroni.RetryTimeout,
		"maximum_lag_on_failover": 1 << 20,
		"synchronous_mode":        synchronousMode(pg.SynchronousMode),
		"synchronous_mode_strict": pg.SynchronousMode != v1alpha1.SynchronousOff,
		"synchronous_node_count":  1,
		"postgresql": map[string]any{
			"use_pg_rewind": true,
			"use_slots":     true,
			"parameters":    parameters,
			"pg_hba":        hostRules(),
			// A diverged or damaged old leader comes back by itself.
			"remove_data_directory_on_rewind_failure":     true,
			"remove_data_directory_on_diverged_timelines": true,
		},
	}
	if pg.Patroni.PrimaryStartTimeout != nil {
		config["primary_start_timeout"] = *pg.Patroni.PrimaryStartTimeout
	}
	return config
}

func synchronousMode(mode v1alpha1.SynchronousMode) any {
	switch mode {
	case v1alpha1.SynchronousQuorum:
		return "quorum"
	case v1alpha1.SynchronousOn:
		return true
	default:
		return false
	}
}

func hostRules() []string {
	return []string{
		"local all all scram-sha-256",
		"host all all 0.0.0.0/0 scram-sha-256",
		"host all all ::/0 scram-sha-256",
		"host replication " + replicator + " 0.0.0.0/0 scram-sha-256",
		"host replication " + replicator + " ::/0 scram-sha-256",
	}
}

// localConfig is the file of every member. Names, addresses and passwords come
// from the environment (Patroni documentation, "Environment Configuration
// Settings").
func localConfig(env *v1alpha1.PawsEnvironment) (string, error) {
	etcd := make([]string, 0, env.Spec.Etcd.Replicas)
	for o := int32(1); o <= env.Spec.Etcd.Replicas; o++ {
		etcd = append(etcd, fmt.Sprintf("%s:%d", naming.MemberHost(env.Namespace, naming.Etcd, o), naming.PortEtcdClient))
	}
	file, err := yaml.Marshal(map[string]any{
		"scope":     Scope,
		"namespace": "/" + env.Namespace + "/",
		"etcd3":     map[string]any{"hosts": etcd},
		"restapi":   map[string]any{"listen": fmt.Sprintf("0.0.0.0:%d", naming.PortPatroni)},
		"bootstrap": map[string]any{
			"dcs":            DynamicConfig(env),
			"initdb":         []any{map[string]string{"encoding": "UTF8"}, map[string]string{"locale": "C.UTF-8"}, "data-checksums"},
			"post_bootstrap": "/bin/bash " + scriptsPath + "/post-bootstrap.sh",
		},
		"postgresql": map[string]any{
			"listen":     fmt.Sprintf("0.0.0.0:%d", naming.PortPostgres),
			"data_dir":   dataFolder,
			"pgpass":     "/tmp/pgpass",
			"parameters": map[string]any{"unix_socket_directories": socketDir},
			"callbacks": map[string]any{
				"on_role_change": "/bin/bash " + scriptsPath + "/on-role-change.sh",
				"on_start":       "/bin/bash " + scriptsPath + "/on-role-change.sh",
			},
			"basebackup": map[string]any{"checkpoint": "fast"},
		},
		"watchdog": map[string]any{"mode": "off"},
	})
	if err != nil {
		return "", fmt.Errorf("rendering Patroni's configuration: %w", err)
	}
	return string(file), nil
}
