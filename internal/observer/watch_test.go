package observer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// Even looks that wait for a member all the time let a change be told within 5 s.
func TestALongLookDoesNotPutOffTheNext(t *testing.T) {
	require.Equal(t, RestInterval-50*time.Millisecond, rest(RestInterval, 50*time.Millisecond))
	require.Equal(t, breath, rest(BusyInterval, MemberTimeout), "they do not follow each other without a breath")
	missed := MemberTimeout + rest(RestInterval, MemberTimeout) // began before the change
	require.Less(t, missed+MemberTimeout, 4500*time.Millisecond)
}
