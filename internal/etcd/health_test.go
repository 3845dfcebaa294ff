package etcd

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
)

// well is a look at that many healthy members, of which the first leads.
func well(n int32) Facts {
	facts := clusterOf(n).facts(n)
	for i := range facts.Members {
		facts.Members[i].Revision, facts.Members[i].DBSize = 5000, 45<<20
	}
	return facts
}

func TestVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		replicas int32
		change   func(*Facts)
		health   v1alpha1.Health
		reason   string
		summary  string
		member   string // the last member's message
	}{
		"all well": {
			health: v1alpha1.Healthy, reason: v1alpha1.ReasonHealthy,
			summary: "3/3 healthy, quorum OK, size: 45.0 MB",
		},
		"one down": {
			change: func(f *Facts) { f.Members[2] = MemberFacts{Name: "etcd-3", Err: "does not answer"} },
			health: v1alpha1.Degraded, reason: v1alpha1.ReasonMemberUnhealthy,
			summary: "2/3 healthy, quorum OK, size: 45.0 MB", member: "does not answer",
		},
		"two down": {
			change: func(f *Facts) {
				f.Membership = nil
				f.Members[0] = MemberFacts{Name: "etcd-1", Err: "does not answer"}
				f.Members[1] = MemberFacts{Name: "etcd-2", Err: "does not answer"}
				f.Members[2].LeaderID = 0
			},
			health: v1alpha1.Unhealthy, reason: v1alpha1.ReasonQuorumLost,
			summary: "0/3 healthy, quorum lost (0 of 2 needed), size: 45.0 MB", member: "knows no leader",
		},
		"one follows another leader": {
			change: func(f *Facts) { f.Members[2].LeaderID = 0xbad },
			health: v1alpha1.Degraded, reason: v1alpha1.ReasonMemberUnhealthy,
			summary: "2/3 healthy, quorum OK, size: 45.0 MB", member: "follows bad, the majority follows 1",
		},
		"one is far behind": {
			change: func(f *Facts) { f.Members[2].Revision -= RevisionSkew + 1 },
			health: v1alpha1.Degraded, reason: v1alpha1.ReasonMemberUnhealthy,
			summary: "2/3 healthy, quorum OK, size: 45.0 MB", member: "is 1001 revisions behind",
		},
		"one is a little behind": {
			change: func(f *Facts) { f.Members[2].Revision -= RevisionSkew },
			health: v1alpha1.Healthy, reason: v1alpha1.ReasonHealthy,
			summary: "3/3 healthy, quorum OK, size: 45.0 MB",
		},
		"database at the warning": {
			change: func(f *Facts) { f.Members[2].DBSize = DBSizeWarning },
			health: v1alpha1.Healthy, reason: v1alpha1.ReasonHealthy,
			summary: "3/3 healthy, quorum OK, size: 100.0 MB",
		},
		"database above the warning": {
			change: func(f *Facts) { f.Members[2].DBSize = 120 << 20 },
			health: v1alpha1.Degraded, reason: v1alpha1.ReasonDiskPressure,
			summary: "2/3 healthy, quorum OK, size: 120.0 MB", member: "database is 120.0 MB, warning above 100.0 MB",
		},
		"database above the limit": {
			change: func(f *Facts) { f.Members[2].DBSize = 600 << 20 },
			health: v1alpha1.Unhealthy, reason: v1alpha1.ReasonDiskPressure,
			summary: "2/3 healthy, quorum OK, size: 600.0 MB", member: "database is 600.0 MB, critical above 500.0 MB",
		},
		"an alarm": {
			change: func(f *Facts) { f.Members[2].Alarms = []string{"NOSPACE"} },
			health: v1alpha1.Unhealthy, reason: v1alpha1.ReasonDiskPressure,
			summary: "2/3 healthy, quorum OK, size: 45.0 MB", member: "alarm: NOSPACE",
		},
		"a learner": {
			change: func(f *Facts) { f.Members[2].Learner, f.Membership[2].Learner = true, true },
			health: v1alpha1.Degraded, reason: v1alpha1.ReasonMemberUnhealthy,
			summary: "2/3 healthy, quorum OK, size: 45.0 MB", member: "is still learning",
		},
		"a cluster that grows from one has the quorum of one": {
			change: func(f *Facts) {
				f.Membership = f.Membership[:1]
				f.Members[1] = MemberFacts{Name: "etcd-2", Err: "no such host"}
				f.Members[2] = MemberFacts{Name: "etcd-3", Err: "no such host"}
			},
			health: v1alpha1.Degraded, reason: v1alpha1.ReasonMemberUnhealthy,
			summary: "1/3 healthy, quorum OK, size: 45.0 MB", member: "no such host",
		},
		"a single member": {
			replicas: 1,
			change:   func(f *Facts) { *f = well(1) },
			health:   v1alpha1.Healthy, reason: v1alpha1.ReasonHealthy,
			summary: "1/1 healthy, quorum OK, size: 45.0 MB",
		},
	} {
		t.Run(name, func(t *testing.T) {
			facts, replicas := well(3), c.replicas
			if replicas == 0 {
				replicas = 3
			}
			if c.change != nil {
				c.change(&facts)
			}
			got := Verdict(replicas, facts)
			require.Equal(t, c.health, got.Health)
			require.Equal(t, c.reason, got.Reason)
			require.Equal(t, c.summary, got.Summary)
			require.Equal(t, c.member, got.Members[len(got.Members)-1].Message)
		})
	}
}

func TestVerdictNamesRoles(t *testing.T) {
	facts := well(3)
	facts.Members[1].Learner = true
	facts.Members[2] = MemberFacts{Name: "etcd-3", Err: "does not answer"}
	require.Equal(t, []health.Member{
		{Component: naming.Etcd, Name: "etcd-1", Role: "leader", Health: v1alpha1.Healthy},
		{Component: naming.Etcd, Name: "etcd-2", Role: "learner", Health: v1alpha1.Degraded, Message: "is still learning"},
		{Component: naming.Etcd, Name: "etcd-3", Health: v1alpha1.Unhealthy, Message: "does not answer"},
	}, Verdict(3, facts).Members)
}
