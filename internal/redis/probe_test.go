package redis_test

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/redis"
)

func info(t *testing.T, file string) redis.ServerFacts {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return redis.ReadInfo(string(text))
}

// The files are answers of Redis 8.0.2.
func TestInfoIsRead(t *testing.T) {
	master := info(t, "info-master.txt")
	require.Equal(t, "master", master.Role)
	require.EqualValues(t, 15704693, master.Offset)
	require.Equal(t, map[string]redis.ReplicaFacts{
		"redis-2.redis.pk.svc": {Online: true, Offset: 15704531},
		"redis-3.redis.pk.svc": {Online: true, Offset: 15704531},
	}, master.Replicas)
	require.EqualValues(t, 104857600, master.MaxMemory)
	require.False(t, master.Loading)
	require.False(t, master.AOFFailed)

	replica := info(t, "info-replica.txt")
	require.Equal(t, "slave", replica.Role)
	require.Equal(t, "redis-1.redis.pk.svc", replica.MasterHost)
	require.True(t, replica.LinkUp)
	require.False(t, replica.Syncing)
	require.Empty(t, replica.Replicas)
}

// One member that hangs, one that refuses and one without a name: each leaves
// its own reason, within the time given.
func TestAFailureHidesNoOther(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())

	prober := redis.NewProber()
	prober.Address = func(_, component string, ordinal int32, _ int) string {
		switch {
		case component == naming.Sentinel:
			return closed.Addr().String()
		case ordinal == 1:
			return silent.Addr().String()
		default:
			return "no-such-member.invalid:6379"
		}
	}
	config := redis.Config{Namespace: "paws", Replicas: 2, Sentinels: 1, Timeout: 300 * time.Millisecond}
	defer prober.Forget(config)
	start := time.Now()
	facts := prober.Probe(context.Background(), config)
	require.Less(t, time.Since(start), 2*time.Second)
	require.Equal(t, redis.ServerFacts{Name: "redis-1", Err: "does not answer"}, facts.Servers[0])
	require.Contains(t, []string{"has no address", "does not answer"}, facts.Servers[1].Err)
	require.Equal(t, redis.SentinelFacts{Name: "sentinel-1", Err: "refuses connections"}, facts.Sentinels[0])
}
