package drillclient

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/drill"
)

func TestOutsideNeedsPublishedPorts(t *testing.T) {
	_, err := StartOutside(t.Context(), Outside{Postgres: "127.0.0.1:5432"}, 1, true)
	require.ErrorContains(t, err, "not published")
}

func TestHistoriesAreMergedOnOneClock(t *testing.T) {
	began := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	inside := History{Began: began, Operations: []drill.Operation{{Client: "in", Start: time.Second, End: 2 * time.Second}}}
	inside.Merge(History{Began: began.Add(-time.Second), Operations: []drill.Operation{
		{Client: "early", Start: 0, End: time.Second}, {Client: "out", Start: 3 * time.Second, End: 4 * time.Second},
	}})
	require.Equal(t, []drill.Operation{
		{Client: "in", Start: time.Second, End: 2 * time.Second}, {Client: "early"}, {Client: "out", Start: 2 * time.Second, End: 3 * time.Second},
	}, inside.Operations)
}

func TestAServerThatReturnedIsReachedAtOnce(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := server.Addr().String()
	require.NoError(t, server.Close())
	client := Outside{Redis: address}.redis()
	t.Cleanup(func() { _ = client.Close() })
	require.True(t, refused(client.Ping(t.Context()).Err()), "nothing listens")

	server, err = net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		for conn, err := server.Accept(); err == nil; conn, err = server.Accept() {
			_ = conn.Close()
		}
	}()
	require.False(t, refused(client.Ping(t.Context()).Err()), "it hung up, but it was asked")
}

func TestClientsOutsideHaveNamesOfTheirOwn(t *testing.T) {
	require.Equal(t, []string{"redis-outside-1", "redis-outside-2"}, OutsideRedisClients(2))
}

func TestBulkCannotBeCompressed(t *testing.T) {
	require.Len(t, noise(bulkRow), bulkRow)
	require.NotEqual(t, noise(64), noise(64))
}
