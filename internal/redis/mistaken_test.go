package redis_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/redis"
)

// named gives every server a run id, which all Sentinels found where it is.
func named(f redis.Facts) redis.Facts {
	for i := range f.Servers {
		f.Servers[i].RunID = "run of " + f.Servers[i].Name
	}
	for i := range f.Sentinels {
		f.Sentinels[i].Reached = map[string]string{}
		for _, s := range f.Servers {
			f.Sentinels[i].Reached[host(s.Name)] = s.RunID
		}
	}
	return f
}

func TestAMemberThatTakesOneServerForAnotherIsFound(t *testing.T) {
	sentinel := []redis.Mistaken{{Component: naming.Sentinel, Ordinal: 2, Taken: "redis-3", For: "redis-1"}}
	replica := []redis.Mistaken{{Component: naming.Redis, Ordinal: 3, Taken: "redis-2", For: "redis-1"}}
	copies := map[string]redis.ReplicaFacts{host("redis-3"): {Online: true}}
	for name, c := range map[string]struct {
		change func(*redis.Facts)
		want   []redis.Mistaken
	}{
		"nobody is mistaken": {func(*redis.Facts) {}, nil},
		"a Sentinel takes a replica for the master": {func(f *redis.Facts) {
			f.Sentinels[1].Reached[host("redis-1")] = "run of redis-3"
		}, sentinel},
		"a Sentinel remembers a server's life before": {func(f *redis.Facts) {
			f.Sentinels[1].Reached[host("redis-1")] = "another run"
		}, nil},
		"whom it reached does not answer": {func(f *redis.Facts) {
			f.Sentinels[1].Reached[host("redis-1")] = ""
			f.Servers[2] = redis.ServerFacts{Name: "redis-3", Err: "does not answer"}
		}, nil},
		"a replica copies from another":           {func(f *redis.Facts) { f.Servers[1].Replicas = copies }, replica},
		"a replica was told to copy from another": {func(f *redis.Facts) { f.Servers[1].Replicas, f.Servers[2].MasterHost = copies, host("redis-2") }, nil},
		"a failover is not over": {func(f *redis.Facts) {
			f.Servers[1].Role, f.Servers[1].MasterHost, f.Servers[1].Replicas = "master", "", copies
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			facts := named(healthyFacts())
			c.change(&facts)
			require.Equal(t, c.want, redis.AllMistaken(facts))
		})
	}
}

func TestAMistakenMemberIsUnhealthy(t *testing.T) {
	facts := named(healthyFacts())
	facts.Sentinels[1].Reached[host("redis-1")] = "run of redis-3"
	facts.Servers[1].Replicas = map[string]redis.ReplicaFacts{host("redis-3"): {Online: true}}
	servers, sentinels, _ := redis.Verdict(environment(nil).Spec.Redis, facts)
	require.Equal(t, v1alpha1.Degraded, servers.Health)
	require.Equal(t, "takes redis-2 for redis-1", servers.Members[2].Message)
	require.Equal(t, v1alpha1.Degraded, sentinels.Health)
	require.Equal(t, "takes redis-3 for redis-1", sentinels.Members[1].Message)
}
