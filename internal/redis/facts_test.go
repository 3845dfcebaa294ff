package redis_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/redis"
)

func TestAReplicaThatFollowsAnotherIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*redis.Facts)
		found  bool
	}{
		"all follow the master":           {func(*redis.Facts) {}, false},
		"one follows a replica":           {func(f *redis.Facts) { f.Servers[2].MasterHost = host("redis-2") }, true},
		"one has no master to follow yet": {func(f *redis.Facts) { f.Servers[2].MasterHost = "" }, true},
		"a failover is not over: the announced master is none": {func(f *redis.Facts) {
			f.Servers[0].Role, f.Servers[0].MasterHost, f.Servers[1].Role = "slave", host("redis-2"), "master"
		}, false},
		"the announced master does not answer": {func(f *redis.Facts) {
			f.Servers[0].Err, f.Servers[2].MasterHost = "does not answer", host("redis-2")
		}, false},
		"one Sentinel of three has an opinion": {func(f *redis.Facts) {
			f.Servers[2].MasterHost = host("redis-2")
			f.Sentinels[1].Err, f.Sentinels[2].Err = "does not answer", "does not answer"
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			facts := healthyFacts()
			c.change(&facts)
			ordinal, master, found := redis.Stray(3, facts)
			require.Equal(t, c.found, found)
			if found {
				require.Equal(t, int32(3), ordinal)
				require.Equal(t, host("redis-1"), master)
			}
		})
	}
}
