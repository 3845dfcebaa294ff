package observer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/patroni"
)

// The reconciler is woken by what it must act upon, and not by figures.
func TestDigest(t *testing.T) {
	look := func(change func(*Snapshot)) string {
		lag := 0.1
		s := Snapshot{
			Report: health.Report{Leader: "patroni-1", Components: []health.Component{{Name: "postgres", Members: []health.Member{{Name: "patroni-2", LagSeconds: &lag}}}}},
		}
		s.Postgres.Members = []patroni.MemberFacts{{Name: "patroni-1"}, {Name: "patroni-2"}}
		change(&s)
		return digest(s)
	}
	same := look(func(*Snapshot) {})
	require.Equal(t, same, look(func(s *Snapshot) { *s.Report.Components[0].Members[0].LagSeconds = 0.2 }))
	require.Equal(t, same, look(func(s *Snapshot) { s.Report.Components[0].Members[0].Message = "0.2 s behind" }))
	require.NotEqual(t, same, look(func(s *Snapshot) { s.Report.Leader = "patroni-2" }))
	require.NotEqual(t, same, look(func(s *Snapshot) { s.Postgres.Members[1].PendingRestart = true }), "a setting waits for a restart")
}

// Even looks that wait for a member all the time let a change be told within 5 s,
// and others with more than a second to spare.
func TestALongLookDoesNotPutOffTheNext(t *testing.T) {
	require.Equal(t, RestInterval-50*time.Millisecond, rest(RestInterval, 50*time.Millisecond))
	require.Equal(t, breath, rest(BusyInterval, MemberTimeout), "they do not follow each other without a breath")
	missed := MemberTimeout + rest(RestInterval, MemberTimeout) // began before the change
	require.Less(t, missed+MemberTimeout, 4500*time.Millisecond)
	require.LessOrEqual(t, RestInterval+MemberTimeout, 3500*time.Millisecond)
}

// Who is cut off goes on for seconds before anything is seen of it.
func TestMembersAreAskedOftenWhileAFaultHolds(t *testing.T) {
	well := Snapshot{Report: health.Report{Overall: v1alpha1.Healthy}}
	env := &v1alpha1.PawsEnvironment{}
	require.False(t, busy(env, well, time.Minute))
	require.True(t, busy(env, well, time.Second), "something changed")
	require.True(t, busy(env, Snapshot{Report: health.Report{Overall: v1alpha1.Degraded}}, time.Minute))
	env.Spec.Chaos = []v1alpha1.FaultSpec{{Name: "cut"}}
	require.True(t, busy(env, well, time.Minute))
}
