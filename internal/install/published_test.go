package install

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A port may be open and nobody behind it, as with a forwarder.
func TestReachWantsAnAnswer(t *testing.T) {
	answering := listen(t, func(conn net.Conn) {
		hello := make([]byte, len(helloRedis))
		_, _ = conn.Read(hello)
		_, _ = conn.Write([]byte("-NOAUTH"))
	})
	closing := listen(t, func(net.Conn) {})
	require.NoError(t, Reach(t.Context(), []Published{{Name: "Redis", Address: answering, hello: helloRedis}}))

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := Reach(ctx, []Published{
		{Name: "Redis", Address: answering, hello: helloRedis},
		{Name: "PostgreSQL", Address: closing, hello: helloPostgres},
	})
	require.ErrorContains(t, err, "ERR_NET_002")
	require.ErrorContains(t, err, "PostgreSQL is healthy, and does not answer on this host at "+closing)
	require.NotContains(t, err.Error(), "Redis")
}

// listen serves each connection with serve, then closes it.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}
