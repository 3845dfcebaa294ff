package patroni

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"

	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
	"github.com/paws360/pawskind/internal/pods"
)

// Users of the cluster besides the application's.
const (
	Superuser       = "postgres"
	replicationUser = "replicator"
	rewindUser      = "rewind"
	restUser        = "patroni"
)

const (
	// Scope is Patroni's name of the cluster, and its folder in etcd.
	Scope     = "paws360"
	namespace = "/service/"
	// LeaderKey is where etcd holds the leader's name.
	LeaderKey = namespace + Scope + "/leader"
)

// Prefix is where Patroni keeps its keys in etcd.
const Prefix = namespace

// Places in the container.
const (
	configDir  = "/etc/patroni"
	runDir     = "/tmp/patroni" // patroni.yml, and beside it what start.sh makes of the secrets
	dataVolume = "/data"
	dataDir    = "/data/pgdata"
	socketDir  = "/run/postgresql"
)

// Folders of the certificates: PostgreSQL's, a standby's, and Patroni's.
var (
	serverTLS = pods.TLSDir(pki.Postgres)
	clientTLS = pods.TLSDir(pki.PostgresClient)
	restTLS   = pods.TLSDir(pki.Patroni)
)

// DynamicConfig is the cluster-wide configuration that the spec asks for. It
// bootstraps a new cluster and is kept up to date through Patroni's /config.
func DynamicConfig(env *v1alpha1.PawsEnvironment) map[string]any {
	spec := env.Spec.Postgres
	primaryStart := int32(300)
	if spec.Patroni.PrimaryStartTimeout != nil {
		primaryStart = *spec.Patroni.PrimaryStartTimeout
	}
	return map[string]any{
		"ttl":                     spec.Patroni.TTL,
		"loop_wait":               spec.Patroni.LoopWait,
		"retry_timeout":           spec.Patroni.RetryTimeout,
		"primary_start_timeout":   primaryStart,
		"maximum_lag_on_failover": 1 << 20,
		"synchronous_mode":        synchronousMode(spec.SynchronousMode),
		"synchronous_mode_strict": spec.SynchronousMode != v1alpha1.SynchronousOff,
		"synchronous_node_count":  1,
		"postgresql": map[string]any{
			"use_pg_rewind": true,
			"use_slots":     true,
			"parameters":    parameters(spec),
		},
	}
}

// bootstrapConfig is the dynamic configuration of the first seconds. In quorum
// mode Patroni 4.0 bootstraps with synchronous_standby_names "ANY None (*)",
// which PostgreSQL refuses: commits would be asynchronous until the HA loop has
// run three times. In plain synchronous mode it is "*" from the start; the
// operator then finds the mode drifted and sets quorum.
func bootstrapConfig(env *v1alpha1.PawsEnvironment) map[string]any {
	config := DynamicConfig(env)
	if config["synchronous_mode"] == "quorum" {
		config["synchronous_mode"] = true
	}
	return config
}

func synchronousMode(mode v1alpha1.SynchronousMode) any {
	if mode == v1alpha1.SynchronousQuorum {
		return "quorum"
	}
	return mode == v1alpha1.SynchronousOn
}

func parameters(spec v1alpha1.PostgresSpec) map[string]any {
	all := map[string]any{
		"max_connections":     "100", // addendum NFR-PERF-002
		"password_encryption": "scram-sha-256",
		"synchronous_commit":  "on",
		// A pod that vanished says no farewell: by the kernel's own keepalive its
		// connections would be held for two hours.
		"tcp_keepalives_idle":     "10",
		"tcp_keepalives_interval": "5",
		"tcp_keepalives_count":    "3",
		// A standby that is promoted in the moment in which it looks for WAL in vain
		// sleeps that long first; by default 5 s.
		"wal_retrieve_retry_interval": "200ms",
		// The application name carries the trace of the request.
		"log_line_prefix": "%m [%p] %q%u@%d %a ",
	}
	for name, value := range spec.Parameters {
		all[name] = value
	}
	return all
}

// Drift is the patch that brings Patroni's configuration to what is wanted;
// nil when nothing is to be done. Settings that are not the spec's to make,
// such as pause, stay; PostgreSQL parameters are the spec's alone.
func Drift(want, have map[string]any) map[string]any {
	patch := differing(plain(want), plain(have))
	extra := map[string]any{}
	wanted := nested(plain(want), "postgresql", "parameters")
	for name := range nested(plain(have), "postgresql", "parameters") {
		if _, ok := wanted[name]; !ok {
			extra[name] = nil
		}
	}
	if len(extra) > 0 {
		postgresql := child(patch, "postgresql")
		maps.Copy(child(postgresql, "parameters"), extra)
	}
	if len(patch) == 0 {
		return nil
	}
	return patch
}

func differing(want, have map[string]any) map[string]any {
	patch := map[string]any{}
	for key, value := range want {
		if inner, ok := value.(map[string]any); ok {
			theirs, _ := have[key].(map[string]any)
			if p := differing(inner, theirs); len(p) > 0 {
				patch[key] = p
			}
			continue
		}
		if theirs, ok := have[key]; !ok || !same(value, theirs) {
			patch[key] = value
		}
	}
	return patch
}

// same compares as Patroni does, by text: "100" and 100 are one value.
func same(a, b any) bool { return reflect.DeepEqual(a, b) || text(a) == text(b) }

func text(value any) string {
	if number, ok := value.(float64); ok {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// plain turns every value into the form that it has after a trip through JSON.
func plain(config map[string]any) map[string]any {
	out := map[string]any{}
	data, err := json.Marshal(config)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		panic("a configuration that is no JSON: " + err.Error()) // it is made of strings, numbers and maps
	}
	return out
}

func nested(config map[string]any, path ...string) map[string]any {
	for _, key := range path {
		config, _ = config[key].(map[string]any)
	}
	return config
}

func child(parent map[string]any, key string) map[string]any {
	inner, ok := parent[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		parent[key] = inner
	}
	return inner
}

// memberConfig is the part of patroni.yml that the operator's version alone
// decides. What differs between members, and every password, comes from the
// environment.
func memberConfig() map[string]any {
	script := func(name string) string { return configDir + "/" + name }
	return map[string]any{
		"scope":     Scope,
		"namespace": namespace,
		"restapi": map[string]any{
			"listen":   fmt.Sprintf("0.0.0.0:%d", naming.PortPatroni),
			"certfile": restTLS + "/tls.crt", "keyfile": restTLS + "/tls.key",
		},
		"ctl": map[string]any{"cacert": restTLS + "/ca.crt"},
		"postgresql": map[string]any{
			"listen":               fmt.Sprintf("*:%d", naming.PortPostgres),
			"data_dir":             dataDir,
			"pgpass":               "/tmp/pgpass",
			"use_unix_socket":      true,
			"use_unix_socket_repl": true,
			"parameters": map[string]any{
				"unix_socket_directories": socketDir,
				"ssl":                     "on",
				"ssl_cert_file":           serverTLS + "/tls.crt", "ssl_key_file": serverTLS + "/tls.key",
				"ssl_ca_file": serverTLS + "/ca.crt",
			},
			// Whoever comes over the network comes encrypted, and a standby also
			// shows a certificate of its user's name. Patroni and whoever else runs as
			// the server's own user needs no password for the superuser: the kernel tells
			// who asks, and no rotation can lock Patroni out.
			"pg_hba": []string{
				"local all " + Superuser + " peer",
				"local all all scram-sha-256",
				"local replication " + replicationUser + " scram-sha-256",
				"hostssl replication " + replicationUser + " all scram-sha-256 clientcert=verify-full",
				"hostssl all all all scram-sha-256",
			},
			// What a diverged member has and the leader has not was never
			// acknowledged; the member copies the leader anew.
			"remove_data_directory_on_rewind_failure":     true,
			"remove_data_directory_on_diverged_timelines": true,
			"create_replica_methods":                      []string{"clone", "basebackup"},
			"clone":                                       map[string]any{"command": script("clone.sh")},
			"basebackup":                                  []map[string]string{{"checkpoint": "fast"}},
			"callbacks": map[string]any{
				"on_start":       script("callback.sh"),
				"on_stop":        script("callback.sh"),
				"on_restart":     script("callback.sh"),
				"on_role_change": script("callback.sh"),
			},
		},
	}
}

// configFile is patroni.yml. It is marshalled, never put together as text: no
// value of the spec can become another setting.
func configFile(env *v1alpha1.PawsEnvironment, etcdReplicas int32) string {
	hosts := make([]string, 0, etcdReplicas)
	for o := int32(1); o <= etcdReplicas; o++ {
		hosts = append(hosts, fmt.Sprintf("%s:%d", naming.MemberHost(env.Namespace, naming.Etcd, o), naming.PortEtcdClient))
	}
	config := memberConfig()
	config["etcd3"] = map[string]any{"protocol": "https", "hosts": hosts, "cacert": restTLS + "/ca.crt"}
	config["bootstrap"] = map[string]any{
		"dcs": bootstrapConfig(env),
		// post-bootstrap.sh syncs the files that no-sync leaves to the kernel.
		"initdb": []any{
			map[string]string{"encoding": "UTF8"}, map[string]string{"locale": "C.UTF-8"},
			"data-checksums", "no-sync",
			map[string]string{"auth": "scram-sha-256"},
		},
		"post_bootstrap": configDir + "/post-bootstrap.sh",
	}
	return mustYAML(config)
}

func mustYAML(config map[string]any) string {
	data, err := yaml.Marshal(config)
	if err != nil {
		panic("a configuration that is no YAML: " + err.Error()) // it is made of strings, numbers and maps
	}
	return string(data)
}
