package project

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/problem"
)

func write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
}

func TestPrecedence(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, File), "name: from-file\nnodes: 2\nprofile: fast\nports:\n  redis: 7000\ntimeout: 90s\ndataDir: data\n")
	below := filepath.Join(root, "a", "b")
	require.NoError(t, os.MkdirAll(below, 0o755))
	c, err := Load(below,
		map[string]string{"PAWSKIND_NODES": "3", "PAWSKIND_PROFILE": "full", "PAWSKIND_PORT_FRONTEND": "3001"},
		map[string]string{"profile": "fast"})
	require.NoError(t, err)
	require.Equal(t, root, c.Root)
	require.Equal(t, "from-file", c.Name)
	require.Equal(t, 3, c.Nodes, "a variable wins over the file")
	require.Equal(t, ProfileFast, c.Profile, "a flag wins over a variable")
	require.Equal(t, Ports{Frontend: 3001, Backend: 8080, Postgres: 5432, Redis: 7000}, c.Ports)
	require.Equal(t, 90*time.Second, c.Timeout)
	require.Equal(t, filepath.Join(root, "data", "from-file"), c.ClusterData())
	origins := map[string]string{}
	for _, v := range c.Values() {
		origins[v.Key] = v.Origin
	}
	require.Equal(t, "flag", origins["profile"])
	require.Equal(t, "PAWSKIND_NODES", origins["nodes"])
	require.Equal(t, "pawskind.yaml:5", origins["ports.redis"])
	require.Equal(t, "default", origins["bind"])
}

func TestWithoutAFileTheWorkingFolderIsTheProject(t *testing.T) {
	root := t.TempDir()
	c, err := Load(root, nil, nil)
	require.NoError(t, err)
	require.Equal(t, root, c.Root)
	require.Equal(t, "pawskind", c.Name)
	require.Equal(t, filepath.Join(root, ".local", "secrets.env"), c.SecretsFile())
}

func TestFaultsHaveTheirLine(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"unknown key":        {"name: a\nnoodles: 3\n", "pawskind.yaml:2: unknown key noodles"},
		"unknown port":       {"ports:\n  mail: 25\n", "pawskind.yaml:2: unknown key ports.mail"},
		"unknown list":       {"apps: [a]\n", "pawskind.yaml:1: unknown key apps"},
		"wrong number":       {"nodes: many\n", `pawskind.yaml:1: nodes is "many" and must be a number from 1 to 9`},
		"wrong profile":      {"\nprofile: quick\n", `pawskind.yaml:2: profile is "quick" and must be one of full, fast`},
		"wrong name":         {"name: A_b\n", `pawskind.yaml:1: name is "A_b" and must be lower-case letters, digits and dashes`},
		"not a single value": {"name: [a]\n", "pawskind.yaml:1: name must be a single value"},
		"not YAML":           {"name: 'a\n", "pawskind.yaml: "},
		"wrong duration":     {"timeout: 5\n", `pawskind.yaml:1: timeout is "5" and must be a duration such as 5m`},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, filepath.Join(root, File), test.content)
			_, err := Load(root, nil, nil)
			require.ErrorContains(t, err, "[CONFIG] ERR_CONFIG_001: "+test.want)
			require.Equal(t, problem.ExitValidation, problem.Exit(err))
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, File), "nodes: 0\nfoo: 1\n")
	_, err := Load(root, map[string]string{"PAWSKIND_BIND": "nowhere"}, map[string]string{"profile": "x"})
	require.Len(t, problem.Of(err), 4)
}

func TestOneLockAtATime(t *testing.T) {
	c, err := Load(t.TempDir(), nil, nil)
	require.NoError(t, err)
	unlock, err := c.Lock()
	require.NoError(t, err)
	_, err = c.Lock()
	require.ErrorContains(t, err, "ERR_CLI_005")
	unlock()
	unlock, err = c.Lock()
	require.NoError(t, err)
	unlock()
}

func TestVariables(t *testing.T) {
	names := map[string]string{}
	for _, s := range Settings() {
		names[s.Key] = s.Variable()
	}
	require.Equal(t, "PAWSKIND_NODE_IMAGE", names["nodeImage"])
	require.Equal(t, "PAWSKIND_PORT_POSTGRES", names["ports.postgres"])
	require.Equal(t, "PAWSKIND_DATA_DIR", names["dataDir"])
}
