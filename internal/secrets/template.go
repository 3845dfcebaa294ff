package secrets

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/paws360/pawskind/internal/naming"
)

// section groups keys under a heading of the template.
type section struct {
	title string
	keys  []string
}

func sections() []section {
	return []section{
		{"PostgreSQL: the superuser, the standbys, the application (user paws360)", []string{naming.KeyPostgresPassword, naming.KeyReplicationPassword, naming.KeyDatabasePassword}},
		{"Patroni's REST API", []string{naming.KeyPatroniPassword}},
		{"etcd: root, Patroni, the application", []string{naming.KeyEtcdRootPassword, naming.KeyEtcdPatroniPassword, naming.KeyEtcdAppPassword}},
		{"Redis and Sentinel: the application (user paws360) at each", []string{naming.KeyRedisPassword, naming.KeySentinelPassword}},
		{"Redis and Sentinel: replicas, Sentinels and the operator among themselves", []string{naming.KeyRedisReplication, naming.KeyRedisMonitor, naming.KeyRedisOperator}},
		{"The application's own", []string{naming.KeyJWTSecret, naming.KeySessionSecret}},
	}
}

// Template is secrets.env with everything that it may hold, and no value.
func Template() string {
	var out bytes.Buffer
	out.WriteString("# Template of secrets.env. make local-gen-secrets makes that file with every\n" +
		"# generated value; nothing of this needs to be filled in by hand.\n")
	for _, s := range sections() {
		fmt.Fprintf(&out, "\n# %s\n", s.title)
		for _, key := range s.keys {
			fmt.Fprintf(&out, "%s=<generated>\n", key)
		}
	}
	out.WriteString("\n# Your own, for local pipelines (make local-ci). They go to no cluster.\n" +
		"# GITHUB_TOKEN=<yours>\n# DOCKER_HUB_TOKEN=<yours>\n")
	return out.String()
}

// WriteTemplate puts the template beside the secrets when it is not there.
func WriteTemplate(file string) error {
	name := filepath.Join(filepath.Dir(file), "secrets.env.template")
	if old, err := os.ReadFile(name); err == nil && string(old) == Template() {
		return nil
	}
	return write(name, []byte(Template()))
}
