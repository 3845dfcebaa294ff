package redis_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/redis"
)

func host(name string) string { return name + ".redis.paws.svc" }

// healthyFacts are three servers, redis-1 the master, and three Sentinels.
func healthyFacts() redis.Facts {
	master := redis.ServerFacts{Name: "redis-1", Role: "master", MinReplicas: 1, Offset: 1000, Replicas: map[string]redis.ReplicaFacts{
		host("redis-2"): {Online: true, Offset: 1000},
		host("redis-3"): {Online: true, Offset: 990, LagSeconds: 1},
	}}
	f := redis.Facts{Servers: []redis.ServerFacts{
		master,
		{Name: "redis-2", Role: "slave", MasterHost: host("redis-1"), LinkUp: true, MinReplicas: 1},
		{Name: "redis-3", Role: "slave", MasterHost: host("redis-1"), LinkUp: true, MinReplicas: 1},
	}}
	for i := 1; i <= 3; i++ {
		f.Sentinels = append(f.Sentinels, redis.SentinelFacts{
			Name: fmt.Sprintf("sentinel-%d", i), Master: host("redis-1"), Flags: "master",
			OtherSentinels: 2, Replicas: 2, ConfiguredQuorum: 2, DownAfterMilliseconds: 5000,
		})
	}
	return f
}

func lagging(f *redis.Facts, seconds int64) {
	f.Servers[0].Replicas[host("redis-3")] = redis.ReplicaFacts{Online: true, Offset: 10, LagSeconds: seconds}
}

func TestVerdictOnServers(t *testing.T) {
	const healthy, degraded, unhealthy = v1alpha1.Healthy, v1alpha1.Degraded, v1alpha1.Unhealthy
	cases := map[string]struct {
		change  func(*redis.Facts)
		verdict v1alpha1.Health
		reason  string
		summary string
		member  string // redis-3's message
	}{
		"all well": {func(*redis.Facts) {}, healthy, v1alpha1.ReasonHealthy, "master: redis-1, 2 replicas online", ""},
		"a replica does not answer": {func(f *redis.Facts) {
			f.Servers[2] = redis.ServerFacts{Name: "redis-3", Err: "does not answer"}
		}, degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, 2 replicas online", "does not answer"},
		"the master does not answer": {func(f *redis.Facts) {
			f.Servers[0] = redis.ServerFacts{Name: "redis-1", Err: "does not answer"}
		}, unhealthy, v1alpha1.ReasonNoMaster, "no master, the Sentinels announce redis-1", ""},
		"two masters": {func(f *redis.Facts) {
			f.Servers[2] = redis.ServerFacts{Name: "redis-3", Role: "master"}
		}, unhealthy, v1alpha1.ReasonSplitBrain, "2 masters at once, the Sentinels announce redis-1", "is a master, the Sentinels announce redis-1"},
		"the only master is not the announced one": {func(f *redis.Facts) {
			f.Servers[0] = redis.ServerFacts{Name: "redis-1", Err: "refuses connections"}
			f.Servers[2] = redis.ServerFacts{Name: "redis-3", Role: "master"}
		}, unhealthy, v1alpha1.ReasonNoMaster, "no master, the Sentinels announce redis-1", "is a master, the Sentinels announce redis-1"},
		"no Sentinel announces a master": {func(f *redis.Facts) { f.Sentinels = nil },
			unhealthy, v1alpha1.ReasonNoMaster, "no master, the Sentinels announce none", "follows redis-1, the master is none"},
		"a replica without a link": {func(f *redis.Facts) { f.Servers[2].LinkUp = false },
			degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, 2 replicas online", "has no link to its master"},
		"a replica that copies": {func(f *redis.Facts) { f.Servers[2].LinkUp, f.Servers[2].Syncing = false, true },
			degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, 2 replicas online", "is copying the master's data"},
		"a replica of another": {func(f *redis.Facts) { f.Servers[2].MasterHost = host("redis-2") },
			degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, 2 replicas online", "follows redis-2, the master is redis-1"},
		"too few replicas to write": {func(f *redis.Facts) { f.Servers[0].Replicas = nil },
			unhealthy, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, 0 replicas online: writes are refused below 1", ""},
		"a master that came back": {func(f *redis.Facts) { f.Servers[0].MinReplicas = 1000000 },
			unhealthy, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, 2 replicas online: writes wait until the Sentinels agree", ""},
		"a loading master": {func(f *redis.Facts) { f.Servers[0].Loading = true },
			unhealthy, v1alpha1.ReasonNoMaster, "no master, the Sentinels announce redis-1", ""},
		"a replica some seconds behind": {func(f *redis.Facts) { lagging(f, 4) },
			degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, 2 replicas online", "is 3s behind"},
		"a replica far behind": {func(f *redis.Facts) { lagging(f, 6) },
			unhealthy, v1alpha1.ReasonReplicationLag, "master: redis-1, 2 replicas online, lag: 5s", "is 5s behind"},
		"a full disk": {func(f *redis.Facts) { f.Servers[2].AOFFailed = true },
			degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, 2 replicas online", "cannot write its append-only file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			facts := healthyFacts()
			c.change(&facts)
			got, _, _ := redis.Verdict(environment(nil).Spec.Redis, facts)
			require.Equal(t, c.verdict, got.Health)
			require.Equal(t, c.reason, got.Reason)
			require.Equal(t, c.summary, got.Summary)
			require.Equal(t, c.member, got.Members[2].Message)
			require.Equal(t, c.member == "", got.Members[2].Health == healthy)
		})
	}
}

func TestVerdictOnSentinels(t *testing.T) {
	dead := redis.SentinelFacts{Err: "does not answer"}
	cases := map[string]struct {
		change  func(*redis.Facts)
		verdict v1alpha1.Health
		reason  string
		summary string
		member  string // sentinel-3's message
		master  string
	}{
		"all well": {func(*redis.Facts) {}, v1alpha1.Healthy, v1alpha1.ReasonHealthy, "master: redis-1, quorum: 3/3", "", "redis-1"},
		"one is gone": {func(f *redis.Facts) { f.Sentinels[2] = dead },
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, quorum: 2/3", "does not answer", "redis-1"},
		"two are gone": {func(f *redis.Facts) { f.Sentinels[1], f.Sentinels[2] = dead, dead },
			v1alpha1.Unhealthy, v1alpha1.ReasonQuorumLost, "master: redis-1, quorum: 1/3", "does not answer", "redis-1"},
		"all are gone": {func(f *redis.Facts) { f.Sentinels = []redis.SentinelFacts{dead, dead, dead} },
			v1alpha1.Unhealthy, v1alpha1.ReasonQuorumLost, "master: none, quorum: 0/3", "does not answer", ""},
		"one announces another": {func(f *redis.Facts) { f.Sentinels[2].Master = host("redis-2") },
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, quorum: 2/3", "announces redis-2, the others announce redis-1", "redis-1"},
		"between equals the newest wins": {func(f *redis.Facts) {
			f.Sentinels[0] = dead
			f.Sentinels[2].Master, f.Sentinels[2].Epoch = host("redis-2"), 7
		}, v1alpha1.Unhealthy, v1alpha1.ReasonQuorumLost, "master: redis-2, quorum: 1/3", "", "redis-2"},
		"no quorum can be reached": {func(f *redis.Facts) { f.Sentinels[2].Quorum = "1 usable Sentinels" },
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, quorum: 3/3", "1 usable Sentinels", "redis-1"},
		"the master is down": {func(f *redis.Facts) {
			for i := range f.Sentinels {
				f.Sentinels[i].Flags = "s_down,o_down,master"
			}
		}, v1alpha1.Unhealthy, v1alpha1.ReasonNoMaster, "master: redis-1, quorum: 3/3", "finds the master down (s_down,o_down,master)", "redis-1"},
		"one replaces a master that is back": {func(f *redis.Facts) { f.Sentinels[2].Flags = "master,failover_in_progress" },
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, quorum: 3/3", "is failing over", "redis-1"},
		"one knows too few Sentinels": {func(f *redis.Facts) { f.Sentinels[2].OtherSentinels = 1 },
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, quorum: 3/3", "knows 1 of 2 other Sentinels", "redis-1"},
		"one knows too few replicas": {func(f *redis.Facts) { f.Sentinels[2].Replicas = 0 },
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "master: redis-1, quorum: 3/3", "knows 0 of 2 replicas", "redis-1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			facts := healthyFacts()
			c.change(&facts)
			var got health.Component
			_, got, master := redis.Verdict(environment(nil).Spec.Redis, facts)
			require.Equal(t, c.verdict, got.Health)
			require.Equal(t, c.reason, got.Reason)
			require.Equal(t, c.summary, got.Summary)
			require.Equal(t, c.member, got.Members[2].Message)
			require.Equal(t, c.master, master)
		})
	}
}

func TestASingleServerIsHealthy(t *testing.T) {
	none := int32(0)
	spec := environment(func(r *v1alpha1.RedisSpec) {
		r.Replicas, r.Sentinels, r.Quorum, r.MinReplicasToWrite = 1, 1, 1, &none
	}).Spec.Redis
	facts := redis.Facts{
		Servers:   []redis.ServerFacts{{Name: "redis-1", Role: "master"}},
		Sentinels: []redis.SentinelFacts{{Name: "sentinel-1", Master: host("redis-1"), Flags: "master"}},
	}
	server, sentinel, master := redis.Verdict(spec, facts)
	require.Equal(t, v1alpha1.Healthy, server.Health)
	require.Equal(t, v1alpha1.Healthy, sentinel.Health)
	require.Equal(t, "redis-1", master)
}

func TestNextReset(t *testing.T) {
	cases := map[string]struct {
		change  func(*redis.Facts)
		ordinal int32
		due     bool
	}{
		"nobody remembers too much": {func(*redis.Facts) {}, 0, false},
		"the first that remembers a replica": {func(f *redis.Facts) {
			f.Sentinels[1].Replicas, f.Sentinels[2].Replicas = 3, 3
		}, 2, true},
		"a Sentinel that is gone": {func(f *redis.Facts) { f.Sentinels[0].OtherSentinels = 4 }, 1, true},
		"another was just reset": {func(f *redis.Facts) {
			f.Sentinels[0].Replicas, f.Sentinels[1].Replicas = 0, 3
		}, 0, false},
		"another does not answer": {func(f *redis.Facts) {
			f.Sentinels[0].Err, f.Sentinels[1].Replicas = "does not answer", 3
		}, 0, false},
		"a failover is under way": {func(f *redis.Facts) {
			f.Sentinels[2].Flags, f.Sentinels[1].Replicas = "master,failover_in_progress", 3
		}, 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			facts := healthyFacts()
			c.change(&facts)
			ordinal, due := redis.NextReset(3, 3, facts)
			require.Equal(t, c.due, due)
			require.Equal(t, c.ordinal, ordinal)
		})
	}
}

func TestNeedsConfigure(t *testing.T) {
	facts := healthyFacts()
	require.False(t, redis.NeedsConfigure(2, 5000, facts))
	require.True(t, redis.NeedsConfigure(3, 5000, facts))
	require.True(t, redis.NeedsConfigure(2, 1000, facts))
	for i := range facts.Sentinels {
		facts.Sentinels[i].Err = "does not answer"
	}
	require.False(t, redis.NeedsConfigure(3, 1000, facts), "one that does not answer cannot be told")
}

// The operator took the label from the replica that the leading Sentinel had just
// promoted and labelled, and the Service led nowhere for a second.
func TestRoleLabels(t *testing.T) {
	const dead = "does not answer"
	server := func(name, role, err string) redis.ServerFacts {
		return redis.ServerFacts{Name: name, Role: role, Err: err}
	}
	for name, c := range map[string]struct {
		announced string
		servers   []redis.ServerFacts
		flags     string
		want      map[string]string
	}{
		"at rest": {
			"redis-1", []redis.ServerFacts{server("redis-1", "master", ""), server("redis-2", "slave", ""), server("redis-3", "", dead)}, "master",
			map[string]string{"redis-1": "master", "redis-2": "replica"},
		},
		"promoted, and not yet announced": {
			"redis-1", []redis.ServerFacts{server("redis-1", "", dead), server("redis-2", "master", ""), server("redis-3", "slave", "")}, "master,failover_in_progress",
			map[string]string{"redis-3": "replica"},
		},
		"promoted while the old master hands over": {
			"redis-1", []redis.ServerFacts{server("redis-1", "master", ""), server("redis-2", "master", ""), server("redis-3", "slave", "")}, "master,failover_in_progress",
			map[string]string{"redis-3": "replica"},
		},
		"announced before the failover has ended": {
			"redis-1", []redis.ServerFacts{server("redis-1", "master", ""), server("redis-2", "slave", "")}, "master,failover_in_progress",
			map[string]string{"redis-1": "master", "redis-2": "replica"},
		},
		"an old master is back": {
			"redis-1", []redis.ServerFacts{server("redis-1", "master", ""), server("redis-2", "master", "")}, "master",
			map[string]string{"redis-1": "master", "redis-2": "replica"},
		},
		"no Sentinel answers": {
			"", []redis.ServerFacts{server("redis-1", "master", ""), server("redis-2", "slave", "")}, "",
			map[string]string{"redis-2": "replica"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			sentinels := []redis.SentinelFacts{{Name: "sentinel-1", Flags: "master"}, {Name: "sentinel-2", Flags: c.flags}}
			require.Equal(t, c.want, redis.RoleLabels(redis.Facts{Servers: c.servers, Sentinels: sentinels}, c.announced))
		})
	}
}
