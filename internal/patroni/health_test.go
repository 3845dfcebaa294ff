package patroni_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/patroni"
)

func seconds(s float64) *float64 { return &s }

// healthy is one look at a leader with two standbys that stream.
func healthy() patroni.Facts {
	now := time.Unix(1_800_000_000, 0)
	return patroni.Facts{Time: now, Members: []patroni.MemberFacts{
		{Name: "patroni-1", State: "running", Role: "primary", Timeline: 2, DCSLastSeen: now.Add(-3 * time.Second), Standbys: []patroni.Standby{
			{Name: "patroni-2", State: "streaming", SyncState: "quorum"},
			{Name: "patroni-3", State: "streaming", SyncState: "quorum"},
		}},
		{Name: "patroni-2", State: "running", Role: "replica", Timeline: 2, LagSeconds: seconds(0)},
		{Name: "patroni-3", State: "running", Role: "replica", Timeline: 2, LagSeconds: seconds(0.8)},
	}}
}

func TestVerdict(t *testing.T) {
	type want struct {
		health, member v1alpha1.Health // member is patroni-3
		reason         string
		leader         string
		summary        string
		message        string // of patroni-3
		active         bool
		synchronous    string
	}
	cases := map[string]struct {
		spec   func(*v1alpha1.PostgresSpec)
		change func(*patroni.Facts)
		want   want
	}{
		"all well": {want: want{
			v1alpha1.Healthy, v1alpha1.Healthy, v1alpha1.ReasonHealthy, "patroni-1",
			"1 leader + 2 replicas, lag: 0.8s", "", true, v1alpha1.ReasonStandbyAcknowledges,
		}},
		"a replica over a second behind": {
			change: func(f *patroni.Facts) { f.Members[2].LagSeconds = seconds(1) },
			want: want{
				v1alpha1.Degraded, v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 1.0s", "is 1.0s behind", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"a replica five seconds behind": {
			change: func(f *patroni.Facts) { f.Members[2].LagSeconds = seconds(5) },
			want: want{
				v1alpha1.Unhealthy, v1alpha1.Unhealthy, v1alpha1.ReasonReplicationLag, "patroni-1",
				"1 leader + 1 replicas, lag: 5.0s", "is 5.0s behind", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"a replica down": {
			change: func(f *patroni.Facts) {
				f.Members[2] = patroni.MemberFacts{Name: "patroni-3", Err: "does not answer"}
				f.Members[0].Standbys = f.Members[0].Standbys[:1]
			},
			want: want{
				v1alpha1.Degraded, v1alpha1.Unhealthy, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 1 replicas, lag: 0.0s", "does not answer", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"a replica that does not stream": {
			change: func(f *patroni.Facts) { f.Members[0].Standbys = f.Members[0].Standbys[:1] },
			want: want{
				v1alpha1.Degraded, v1alpha1.Unhealthy, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 1 replicas, lag: 0.8s", "does not stream from the leader", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"a replica that is being cloned": {
			change: func(f *patroni.Facts) {
				f.Members[2].State, f.Members[2].LagSeconds = "creating replica", nil
			},
			want: want{
				v1alpha1.Degraded, v1alpha1.Unhealthy, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 1 replicas, lag: 0.0s", "PostgreSQL is not running but: creating replica", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"a replica that catches up": {
			change: func(f *patroni.Facts) { f.Members[0].Standbys[1].State = "catchup" },
			want: want{
				v1alpha1.Degraded, v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "is catching up: catchup", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"a replica that streams beside a connection its last pod left half open": {
			change: func(f *patroni.Facts) {
				left := patroni.Standby{Name: "patroni-3", State: "startup"}
				f.Members[0].Standbys = append([]patroni.Standby{left}, f.Members[0].Standbys...)
			},
			want: want{
				v1alpha1.Healthy, v1alpha1.Healthy, v1alpha1.ReasonHealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"a replica on another timeline": {
			change: func(f *patroni.Facts) { f.Members[2].Timeline = 1 },
			want: want{
				v1alpha1.Degraded, v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "is on timeline 1, the leader on 2", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"no leader": {
			change: func(f *patroni.Facts) { f.Members[0].Role = "replica" },
			want: want{
				v1alpha1.Unhealthy, v1alpha1.Degraded, v1alpha1.ReasonNoLeader, "",
				"0 leader + 3 replicas, lag: 0.8s", "has no leader to follow", false, v1alpha1.ReasonNoLeader,
			},
		},
		"two leaders": {
			change: func(f *patroni.Facts) { f.Members[1].Role = "primary" },
			want: want{
				v1alpha1.Unhealthy, v1alpha1.Degraded, v1alpha1.ReasonSplitBrain, "",
				"2 leader + 1 replicas, lag: 0.8s, several lead at once: patroni-1, patroni-2", "has several leaders to follow",
				false, v1alpha1.ReasonNoLeader,
			},
		},
		"no standby acknowledges": {
			change: func(f *patroni.Facts) {
				for i := range f.Members[0].Standbys {
					f.Members[0].Standbys[i].SyncState = "async"
				}
			},
			want: want{
				v1alpha1.Unhealthy, v1alpha1.Healthy, v1alpha1.ReasonNoSynchronousStandby, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s, writes wait: no standby acknowledges", "", false, v1alpha1.ReasonNoSynchronousStandby,
			},
		},
		"commits wait for standbys that say nothing": {
			change: func(f *patroni.Facts) {
				f.Members[0].Standbys[0].SilentSeconds, f.Members[0].Standbys[1].SilentSeconds = 2.5, 3
			},
			want: want{
				v1alpha1.Unhealthy, v1alpha1.Healthy, v1alpha1.ReasonNoSynchronousStandby, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s, writes wait: no standby acknowledges", "", false, v1alpha1.ReasonNoSynchronousStandby,
			},
		},
		"one standby answers, the other says nothing": {
			change: func(f *patroni.Facts) { f.Members[0].Standbys[1].SilentSeconds = 3 },
			want: want{
				v1alpha1.Healthy, v1alpha1.Healthy, v1alpha1.ReasonHealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"synchronous mode off": {
			spec: func(s *v1alpha1.PostgresSpec) { s.SynchronousMode = v1alpha1.SynchronousOff },
			want: want{
				v1alpha1.Healthy, v1alpha1.Healthy, v1alpha1.ReasonHealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "", false, v1alpha1.ReasonSynchronousModeOff,
			},
		},
		"paused": {
			change: func(f *patroni.Facts) { f.Members[0].Paused = true },
			want: want{
				v1alpha1.Degraded, v1alpha1.Healthy, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"the leader lost etcd": {
			change: func(f *patroni.Facts) { f.Members[0].DCSLastSeen = f.Time.Add(-16 * time.Second) },
			want: want{
				v1alpha1.Degraded, v1alpha1.Healthy, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"the leader's PostgreSQL does not answer": {
			change: func(f *patroni.Facts) { f.Members[0].SQLErr = "does not answer" },
			want: want{
				v1alpha1.Unhealthy, v1alpha1.Healthy, v1alpha1.ReasonNoLeader, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
		"fewer members than the spec asks for": {
			spec: func(s *v1alpha1.PostgresSpec) { s.Replicas = 4 },
			want: want{
				v1alpha1.Degraded, v1alpha1.Healthy, v1alpha1.ReasonMemberUnhealthy, "patroni-1",
				"1 leader + 2 replicas, lag: 0.8s", "", true, v1alpha1.ReasonStandbyAcknowledges,
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec := v1alpha1.PostgresSpec{Replicas: 3, SynchronousMode: v1alpha1.SynchronousQuorum, Patroni: v1alpha1.PatroniSpec{TTL: 30, LoopWait: 10, RetryTimeout: 10}}
			if c.spec != nil {
				c.spec(&spec)
			}
			facts := healthy()
			if c.change != nil {
				c.change(&facts)
			}
			component, synchronous, leader := patroni.Verdict(spec, facts)
			require.Equal(t, c.want, want{
				component.Health, component.Members[2].Health, component.Reason, leader,
				component.Summary, component.Members[2].Message, synchronous.Active, synchronous.Reason,
			})
			require.Equal(t, "Patroni Cluster", component.Title)
			require.NotEmpty(t, synchronous.Message)
		})
	}
}

func TestASingleMemberIsWellWithoutStandbys(t *testing.T) {
	spec := v1alpha1.PostgresSpec{Replicas: 1, SynchronousMode: v1alpha1.SynchronousOff}
	facts := patroni.Facts{Members: healthy().Members[:1]}
	facts.Members[0].Standbys = nil
	component, synchronous, leader := patroni.Verdict(spec, facts)
	require.Equal(t, v1alpha1.Healthy, component.Health)
	require.Equal(t, "1 leader", component.Summary)
	require.Equal(t, "patroni-1", leader)
	require.False(t, synchronous.Active)
}

func TestAMemberThatStreamsAndNoCommitCountsOnIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		mode   v1alpha1.SynchronousMode
		change func(*patroni.Facts)
		want   []string
	}{
		"counted on":            {v1alpha1.SynchronousQuorum, func(*patroni.Facts) {}, nil},
		"not yet":               {v1alpha1.SynchronousQuorum, func(f *patroni.Facts) { f.Members[0].Standbys[1].SyncState = "async" }, []string{"patroni-3"}},
		"one standby is enough": {v1alpha1.SynchronousOn, func(f *patroni.Facts) { f.Members[0].Standbys[1].SyncState = "async" }, nil},
		"it cannot be counted on": {v1alpha1.SynchronousQuorum, func(f *patroni.Facts) {
			f.Members[0].Standbys[1] = patroni.Standby{Name: "patroni-3", State: "catchup", SyncState: "async"}
		}, nil},
		"it copies the leader yet": {v1alpha1.SynchronousQuorum, func(f *patroni.Facts) {
			f.Members[0].Standbys[1].SyncState, f.Members[2].State = "async", "creating replica"
		}, nil},
		"a backup streams":          {v1alpha1.SynchronousQuorum, func(f *patroni.Facts) { stream(f, "pg_basebackup") }, nil},
		"a connection is half open": {v1alpha1.SynchronousQuorum, func(f *patroni.Facts) { stream(f, "patroni-3") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			facts := healthy()
			c.change(&facts)
			_, synchronous, _ := patroni.Verdict(v1alpha1.PostgresSpec{Replicas: 3, SynchronousMode: c.mode}, facts)
			require.True(t, synchronous.Active)
			require.Equal(t, c.want, synchronous.Waiting)
		})
	}
}

// stream adds a connection that no commit counts on.
func stream(f *patroni.Facts, name string) {
	f.Members[0].Standbys = append(f.Members[0].Standbys, patroni.Standby{Name: name, State: "streaming", SyncState: "async"})
}
