package redis_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/redis"
)

func TestReplicasAreLevelWithTheirMaster(t *testing.T) {
	cases := map[string]struct {
		change func(*redis.Facts)
		level  bool
	}{
		"all have everything":              {func(*redis.Facts) {}, true},
		"one is behind":                    {func(f *redis.Facts) { f.Servers[2].Offset = 999 }, false},
		"one has no link":                  {func(f *redis.Facts) { f.Servers[2].LinkUp = false }, false},
		"one follows another":              {func(f *redis.Facts) { f.Servers[2].MasterHost = host("redis-2") }, false},
		"one that is gone does not count":  {func(f *redis.Facts) { f.Servers[2] = redis.ServerFacts{Name: "redis-3", Err: "does not answer"} }, true},
		"none is there":                    {func(f *redis.Facts) { f.Servers = f.Servers[:1] }, false},
		"the master itself does not reign": {func(f *redis.Facts) { f.Servers[0].Role = "slave" }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			facts := healthyFacts()
			facts.Servers[1].Offset, facts.Servers[2].Offset = 1000, 1000
			c.change(&facts)
			require.Equal(t, c.level, redis.Level(facts, "redis-1"))
		})
	}
}

func TestAFailoverThatNobodyLeadsFails(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	prober := redis.NewProber()
	prober.Address = func(string, string, int32, int) string { return closed.Addr().String() }
	config := redis.Config{Namespace: "paws", Replicas: 1, Sentinels: 2, Timeout: 300 * time.Millisecond}
	defer prober.Forget(config)
	require.ErrorContains(t, prober.Failover(context.Background(), config), "telling sentinel-2 to failover")
}

// go-redis makes no connection for a second once as many failed as the pool is large.
func TestAMemberThatReturnedIsReachedAtOnce(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := server.Addr().String()
	require.NoError(t, server.Close())
	prober := redis.NewProber()
	prober.Address = func(string, string, int32, int) string { return address }
	config := redis.Config{Namespace: "paws", Replicas: 1, Sentinels: 1, Timeout: time.Second}
	defer prober.Forget(config)
	for range 3 {
		require.ErrorIs(t, prober.ResetOne(t.Context(), config, 1), syscall.ECONNREFUSED)
	}
	server, err = net.Listen("tcp", address)
	require.NoError(t, err)
	defer func() { _ = server.Close() }()
	go func() {
		for conn, err := server.Accept(); err == nil; conn, err = server.Accept() {
			_ = conn.Close()
		}
	}()
	err = prober.ResetOne(t.Context(), config, 1)
	require.Error(t, err, "it hangs up")
	require.NotErrorIs(t, err, syscall.ECONNREFUSED, "it was asked")
}

// All members are replaced together once nobody that could become the master
// lacks anything, with or without Sentinels that answer.
func TestWhoHoldsWritesBack(t *testing.T) {
	master := redis.ServerFacts{Name: "redis-1", Role: "master"}
	replica := redis.ServerFacts{Name: "redis-2", Role: "slave"}
	second := redis.ServerFacts{Name: "redis-2", Role: "master"}
	gone := redis.ServerFacts{Name: "redis-2", Err: "does not answer"}
	for name, c := range map[string]struct {
		servers []redis.ServerFacts
		ordinal int32
		alone   bool
	}{
		"a master and a replica":      {[]redis.ServerFacts{master, replica}, 1, false},
		"the others are replaced":     {[]redis.ServerFacts{master, gone}, 1, true},
		"two masters":                 {[]redis.ServerFacts{master, second}, 0, false},
		"the master is replaced":      {[]redis.ServerFacts{{Name: "redis-1", Err: "does not answer"}, replica}, 0, false},
		"one server is the whole set": {[]redis.ServerFacts{master}, 1, true},
	} {
		facts := redis.Facts{Servers: c.servers}
		require.Equal(t, c.ordinal, redis.OnlyMaster(facts), name)
		require.Equal(t, c.alone, redis.Alone(facts, "redis-1"), name)
	}
}
