package join

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPodIsToldOfAndAnswered(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	socket := filepath.Join(t.TempDir(), "run", "join.sock")
	want := Pod{Namespace: "x", Name: "a", UID: "1", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	asked := make(chan error, 1)
	go func() { asked <- Tell(ctx, socket, want) }() // before anybody listens
	heard := make(chan Pod, 2)
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() {
		served <- Serve(serving, socket, func(_ context.Context, p Pod) error {
			heard <- p
			if p.Name == "bad" {
				return errors.New("no such pod")
			}
			return nil
		})
	}()
	require.NoError(t, <-asked)
	require.Equal(t, want, <-heard)
	require.ErrorContains(t, Tell(ctx, socket, Pod{Name: "bad"}), "no such pod")
	stop()
	require.NoError(t, <-served)
}

func TestNobodyIsWaitedForForEver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, Tell(ctx, filepath.Join(t.TempDir(), "none"), Pod{}), "reaching netd")
}
