package pods_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/pods"
)

func TestMembersAskTheResolverNoMoreThanTheyMust(t *testing.T) {
	const inCluster = "nameserver 10.96.0.10\nsearch paws.svc.cluster.local svc.cluster.local cluster.local lan\noptions ndots:5\n"
	cases := map[string]struct{ resolvConf, ip, domain, options string }{
		"a pod's":                {inCluster, "10.0.0.9", "cluster.local", "no-aaaa"},
		"of IPv6":                {inCluster, "fd00::9", "cluster.local", ""},
		"of a domain of its own": {"search paws.svc.k8s.example.org svc.k8s.example.org k8s.example.org\n", "10.0.0.9", "k8s.example.org", "no-aaaa"},
		"not of a cluster":       {"nameserver 192.168.0.1\nsearch lan\n", "", "", ""},
		"without domains":        {"nameserver 192.168.0.1\n", "", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			script, resolvConf := filepath.Join(dir, pods.ResolverName), filepath.Join(dir, "resolv.conf")
			require.NoError(t, os.WriteFile(script, []byte(pods.Resolver), 0o644))
			require.NoError(t, os.WriteFile(resolvConf, []byte(c.resolvConf), 0o644))
			cmd := exec.Command("bash", "-euc", `. "$0"; echo "${LOCALDOMAIN:-}|${RES_OPTIONS:-}"`, script)
			cmd.Env = []string{"POD_NAMESPACE=paws", "RESOLV_CONF=" + resolvConf, "POD_IP=" + c.ip}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Equal(t, c.domain+"|"+c.options+"\n", string(out))
		})
	}
}
