package project

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// Whatever pawskind.yaml says becomes that key's value or is refused: no other
// key, no option of the container engine, no second folder of a mount.
func FuzzAValueOfTheFileStaysThatKeysValue(f *testing.F) {
	for _, key := range []string{"name", "namespace", "bind", "nodeImage", "dataDir", "provider", "timeout", "source"} {
		for _, value := range []string{
			"x", "--privileged", "-v", "/:/host", "a b", "x\nnodes: 9", "$(id)", "../../etc", "0.0.0.0", "127.0.0.1 --privileged",
			"kindest/node:v1@sha256:00", "{a: b}", "*x", "!!binary x", "", "null", "\x7f",
		} {
			f.Add(key, value)
		}
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		content, err := yaml.Marshal(map[string]string{key: value})
		if err != nil {
			t.Skip("no text of YAML is such")
		}
		root := t.TempDir()
		write(t, filepath.Join(root, File), string(content))
		c, err := Load(root, nil, nil)
		if err != nil {
			return
		}
		for _, v := range c.Values() {
			if v.Key != key {
				require.NotContains(t, v.Origin, File, "%s is said by the file", v.Key)
			}
		}
		for _, word := range []string{c.Name, c.Namespace, c.Bind, c.NodeImage, c.Provider, c.Profile} {
			require.False(t, strings.HasPrefix(word, "-"), word)
			require.False(t, strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r == 0x7f }), "%q", word)
		}
		require.NotContains(t, c.ClusterData(), ":")
		require.True(t, filepath.IsAbs(c.ClusterData()))
	})
}
