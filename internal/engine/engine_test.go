package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorded is what "info --format '{{json .}}'" printed, shortened.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

func TestReadDocker(t *testing.T) {
	e := &Engine{Kind: "docker"}
	require.NoError(t, e.readDocker(recorded(t, "docker.json")))
	require.Equal(t, &Engine{
		Kind: "docker", Version: "20.10.24+dfsg1", Root: "/var/lib/docker",
		CPUs: 2, MemoryBytes: 25276502016, CgroupVersion: "1",
	}, e)
}

func TestReadPodman(t *testing.T) {
	e := &Engine{Kind: "podman"}
	require.NoError(t, e.readPodman(recorded(t, "podman.json")))
	require.Equal(t, &Engine{
		Kind: "podman", Version: "4.3.1", Root: "/var/lib/containers/storage",
		CPUs: 2, MemoryBytes: 25276502016, CgroupVersion: "1",
	}, e)
}

// Without its daemon, docker prints what the client knows and why it knows no more.
func TestADaemonThatDoesNotAnswerIsAnError(t *testing.T) {
	e := &Engine{Kind: "docker"}
	err := e.readDocker([]byte(`{"ID":"","ServerErrors":["Cannot connect to the Docker daemon"],"ClientInfo":{"Version":"28.2.2"}}`))
	require.EqualError(t, err, "docker: Cannot connect to the Docker daemon")
}

func TestWhatIsNoJSONIsAnError(t *testing.T) {
	require.ErrorContains(t, (&Engine{}).readDocker([]byte("permission denied")), "reading docker info")
	require.ErrorContains(t, (&Engine{}).readPodman([]byte("permission denied")), "reading podman info")
}

func TestAnUnknownProviderIsNotInstalled(t *testing.T) {
	_, err := Detect(t.Context(), "no-such-engine")
	require.ErrorIs(t, err, ErrNone)
}

func TestStreamTellsTheCause(t *testing.T) {
	e := &Engine{Kind: "sh"}
	err := e.Run(t.Context(), "-c", "echo warning >&2; echo no such image >&2; exit 3")
	require.EqualError(t, err, "sh -c: exit status 3: no such image")
	err = e.Run(t.Context(), "-c", "echo Error response from daemon: network kind not found >&2; echo Error: failed to start containers: node >&2; exit 1")
	require.EqualError(t, err, "sh -c: exit status 1: network kind not found")
	out, err := e.Output(t.Context(), "-c", "echo hello")
	require.NoError(t, err)
	require.Equal(t, "hello\n", string(out))
}

// Podman gave every image of an archive the content of the first one.
func TestSaveKeepsImagesApart(t *testing.T) {
	for kind, want := range map[string][]string{
		"docker": {"save", "a:1", "b:2"},
		"podman": {"save", "--multi-image-archive", "a:1", "b:2"},
	} {
		e := &Engine{Kind: kind}
		require.Equal(t, want, e.saveArguments([]string{"a:1", "b:2"}), kind)
	}
}

// Podman waits 10 s for a container's process, even with --force.
func TestRemovalDoesNotWait(t *testing.T) {
	for kind, want := range map[string][]string{
		"docker": {"rm", "--force", "--volumes", "one"},
		"podman": {"rm", "--force", "--volumes", "--time", "0", "one"},
	} {
		require.Equal(t, want, (&Engine{Kind: kind}).removeArguments("one"), kind)
	}
}
