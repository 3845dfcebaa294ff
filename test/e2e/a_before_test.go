package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func clusterExists(t *testing.T) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), engineName, "ps", "-aq", "--filter", "label=io.x-k8s.kind.cluster="+clusterName).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out)) != ""
}

// TC-006: a port that is in use is told before anything is created.
func TestTC006PortConflict(t *testing.T) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", postgresPort))
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	r := pawskind(t, "up", "--yes")
	require.Equal(t, 3, r.code, r.all())
	require.Contains(t, r.all(), "ERR_NET_001")
	require.Contains(t, r.all(), fmt.Sprintf("Port %d required for PostgreSQL is already in use", postgresPort))
	require.Contains(t, r.all(), fmt.Sprint(os.Getpid()), "the process that holds the port is named")
	require.False(t, clusterExists(t), "nothing was created")
}

// TC-022, FR-024: what is wrong with the project is told before anything is created.
func TestWrongConfigurationIsRefusedWithItsLine(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "pawskind.yaml"), []byte("name: x\nnoodles: 3\n"), 0o644))
	r := command(t, folder, nil, filepath.Join(checkout, "bin/pawskind"), "up")
	require.Equal(t, 2, r.code, r.all())
	require.Contains(t, r.all(), "noodles")
	require.Contains(t, r.all(), "2", "the line is named")
}

// FR-006: an interrupted start says so, and the next one picks it up.
func TestInterruptedStart(t *testing.T) {
	for _, moment := range []string{"creating the cluster", "applying the environment"} {
		t.Run(moment, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			c := exec.CommandContext(ctx, filepath.Join(checkout, "bin/pawskind"), "up", "--yes")
			c.Dir = home
			output := &watchedOutput{word: moment, seen: make(chan struct{})}
			c.Stdout, c.Stderr = output, output
			require.NoError(t, c.Start())
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			select {
			case <-output.seen:
			case <-ended: //nolint:errcheck // the test fails in any case
				t.Fatalf("'up' ended before it spoke of %q:\n%s", moment, output)
			}
			require.NoError(t, c.Process.Signal(syscall.SIGINT))
			<-ended //nolint:errcheck // the exit status is looked at
			require.Equal(t, 130, c.ProcessState.ExitCode(), output.String())
		})
	}
}
