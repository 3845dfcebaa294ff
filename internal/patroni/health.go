package patroni

import (
	"fmt"
	"strings"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
)

// Verdict judges one look at a PostgreSQL cluster: the component, whether
// commits are synchronous, and who leads.
func Verdict(spec v1alpha1.PostgresSpec, facts Facts) (health.Component, health.Synchronous, string) {
	c := health.Component{Name: naming.Postgres, Title: "Patroni Cluster", Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy}
	leaders := leadersOf(facts)
	synchronous := synchronous(spec, facts, leaders)
	healthy, replicas, lag := 0, 0, 0.0
	for _, m := range facts.Members {
		member := judge(m, facts, leaders)
		if member.Health == v1alpha1.Healthy {
			healthy++
			if member.Role == "replica" {
				replicas++
			}
		}
		if member.LagSeconds != nil {
			lag = max(lag, *member.LagSeconds)
		}
		c.Members = append(c.Members, member)
	}
	c.Health, c.Reason = judgeCluster(spec, facts, leaders, synchronous, healthy, lag)
	c.Summary = fmt.Sprintf("%d leader + %d replicas, lag: %.1fs", len(leaders), replicas, lag)
	leader := ""
	if len(leaders) == 1 {
		leader = leaders[0].Name
	} else if len(leaders) > 1 {
		c.Summary = fmt.Sprintf("%d members lead at once: %s", len(leaders), names(leaders))
	}
	return c, synchronous, leader
}

func judgeCluster(spec v1alpha1.PostgresSpec, facts Facts, leaders []MemberFacts, s health.Synchronous, healthy int, lag float64) (v1alpha1.Health, string) {
	switch {
	case len(leaders) > 1:
		return v1alpha1.Unhealthy, v1alpha1.ReasonSplitBrain
	case len(leaders) == 0 || facts.LeaderErr != "":
		return v1alpha1.Unhealthy, v1alpha1.ReasonNoLeader
	case !s.Active && s.Reason == v1alpha1.ReasonNoSynchronousStandby:
		return v1alpha1.Unhealthy, v1alpha1.ReasonNoSynchronousStandby
	case lag >= 5:
		return v1alpha1.Unhealthy, v1alpha1.ReasonReplicationLag
	case healthy < int(spec.Replicas):
		return v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy
	default:
		return v1alpha1.Healthy, v1alpha1.ReasonHealthy
	}
}

func judge(m MemberFacts, facts Facts, leaders []MemberFacts) health.Member {
	member := health.Member{Component: naming.Postgres, Name: m.Name, Role: role(m), Health: v1alpha1.Healthy}
	set := func(verdict v1alpha1.Health, format string, args ...any) {
		member.Health, member.Message = verdict, fmt.Sprintf(format, args...)
	}
	standby, streams := standbyOf(facts, m.Name)
	if member.Role == "replica" && streams {
		member.LagSeconds = &standby.LagSeconds
	}
	switch {
	case m.Err != "":
		set(v1alpha1.Unhealthy, "%s", m.Err)
	case m.State != "running" && m.State != "streaming":
		set(v1alpha1.Unhealthy, "PostgreSQL is %s", m.State)
	case member.Role == "leader" && len(leaders) > 1:
		set(v1alpha1.Unhealthy, "leads beside %s", names(leaders))
	case member.Role == "leader" && facts.LeaderErr != "":
		set(v1alpha1.Unhealthy, "leads but PostgreSQL cannot be asked: %s", facts.LeaderErr)
	case member.Role == "leader" && m.Paused:
		set(v1alpha1.Degraded, "Patroni is paused: no failover happens")
	case member.Role == "leader":
	case len(leaders) == 0:
		set(v1alpha1.Degraded, "has no leader to follow")
	case len(leaders) == 1 && m.Timeline != leaders[0].Timeline && m.Timeline != 0:
		set(v1alpha1.Unhealthy, "is on timeline %d, the leader on %d", m.Timeline, leaders[0].Timeline)
	case facts.LeaderErr == "" && !streams:
		set(v1alpha1.Unhealthy, "does not stream from the leader")
	case streams && standby.State != "streaming":
		set(v1alpha1.Degraded, "is catching up (%s)", standby.State)
	case streams && standby.LagSeconds >= 5:
		set(v1alpha1.Unhealthy, "is %.1fs behind", standby.LagSeconds)
	case streams && standby.LagSeconds >= 1:
		set(v1alpha1.Degraded, "is %.1fs behind", standby.LagSeconds)
	}
	return member
}

func synchronous(spec v1alpha1.PostgresSpec, facts Facts, leaders []MemberFacts) health.Synchronous {
	if spec.SynchronousMode == v1alpha1.SynchronousOff {
		return health.Synchronous{Reason: v1alpha1.ReasonSynchronousModeOff, Message: "the spec turns synchronous replication off"}
	}
	if len(leaders) != 1 || facts.LeaderErr != "" {
		return health.Synchronous{Reason: v1alpha1.ReasonNoLeader, Message: "no leader takes writes"}
	}
	var acknowledge []string
	for _, s := range facts.Standbys {
		if s.State == "streaming" && (s.SyncState == "sync" || s.SyncState == "quorum") {
			acknowledge = append(acknowledge, s.Name)
		}
	}
	if len(acknowledge) == 0 {
		return health.Synchronous{Reason: v1alpha1.ReasonNoSynchronousStandby, Message: "no standby acknowledges: writes wait for one"}
	}
	return health.Synchronous{
		Active: true, Reason: v1alpha1.ReasonStandbyAcknowledges,
		Message: "any 1 of " + strings.Join(acknowledge, ", ") + " acknowledges each commit",
	}
}

func leadersOf(facts Facts) []MemberFacts {
	var leaders []MemberFacts
	for _, m := range facts.Members {
		if m.Role == "primary" && m.State == "running" {
			leaders = append(leaders, m)
		}
	}
	return leaders
}

func standbyOf(facts Facts, name string) (Standby, bool) {
	for _, s := range facts.Standbys {
		if s.Name == name {
			return s, true
		}
	}
	return Standby{}, false
}

func role(m MemberFacts) string {
	switch m.Role {
	case "primary", "master":
		return "leader"
	case "":
		return ""
	default:
		return "replica"
	}
}

func names(members []MemberFacts) string {
	list := make([]string, 0, len(members))
	for _, m := range members {
		list = append(list, m.Name)
	}
	return strings.Join(list, ", ")
}
