package etcd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the start script is given stays one argument's value, whatever it is: no
// command of the shell, and no further option of etcd.
func FuzzTheStartScriptsValuesStayValues(f *testing.F) {
	for _, seed := range []string{"etcd-1", "a b", "$(id)", "`id`", "x --force-new-cluster", "'; id; '", `"; id; "`, "*", "-e", "x\ny", "%s"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, namespace, cluster string) {
		if strings.ContainsRune(namespace+cluster, 0) || strings.HasSuffix(cluster, "\n") {
			t.Skip("no environment variable, and no line, is such")
		}
		dir := t.TempDir()
		write := func(name, content string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755))
		}
		write("etcd", "#!/bin/sh\nfor a; do printf '%s\\0' \"$a\"; done\n")
		write("initial-cluster", cluster)
		write("initial-cluster-state", "new")
		write("start.sh", strings.NewReplacer("/bootstrap/", dir+"/", "/data/", dir+"/").Replace(startScript))
		start := exec.Command(filepath.Join(dir, "start.sh"))
		start.Env = []string{
			"PATH=" + dir + ":" + os.Getenv("PATH"), "POD_NAME=etcd-1", "POD_NAMESPACE=" + namespace,
			"TLS_DIR=/tls", "PEER_TLS_DIR=/peer", "PEER_NAME=etcd-peer",
		}
		out, err := start.CombinedOutput()
		require.NoError(t, err, string(out))
		arguments := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		require.Len(t, arguments, 23, "%q", arguments)
		require.Contains(t, arguments, "--initial-cluster="+cluster)
		require.Contains(t, arguments, "--initial-cluster-token="+namespace)
		require.Contains(t, arguments, "--advertise-client-urls=https://etcd-1.etcd."+namespace+".svc:2379")
	})
}
