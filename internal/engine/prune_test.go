package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSupersededSparesTheNewest(t *testing.T) {
	list := []string{"a/node:5", "redis:8", "a/node:4", "a/node-base:1", "localhost/a/node:3", "a/node:2", "a/node:<none>", "a/node:1"}
	require.Equal(t, []string{"a/node:1"}, superseded(list, "docker.io/a/node:5"))
	require.Equal(t, []string{"a/node:1"}, superseded(list, "a/node:4"))
	require.Equal(t, []string{"a/node:2", "a/node:1"}, superseded(list, "a/node:6"))
	require.Empty(t, superseded(list, "docker.io/a/node-base:1"))
}

func TestFullName(t *testing.T) {
	for name, want := range map[string]string{
		"redis:8":                         "docker.io/library/redis:8",
		"pawskind/redis:8":                "docker.io/pawskind/redis:8",
		"localhost/pawskind/redis:8":      "docker.io/pawskind/redis:8",
		"registry.k8s.io/etcd:3.7.0-0":    "registry.k8s.io/etcd:3.7.0-0",
		"localhost:5000/pawskind/redis:8": "localhost:5000/pawskind/redis:8",
		"docker.io/pawskind/redis:8":      "docker.io/pawskind/redis:8",
	} {
		require.Equal(t, want, FullName(name), name)
	}
}
