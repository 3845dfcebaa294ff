package patroni

import (
	"fmt"
	"slices"
	"strings"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
)

// Thresholds of the health check (addendum §5): how many seconds a replica may
// be behind before it is degraded, and before it is unhealthy.
const (
	LagWarning  = 1.0
	LagCritical = 5.0
)

// Verdict judges one look at a PostgreSQL cluster: the component, whether
// commits are synchronous, and who leads.
func Verdict(spec v1alpha1.PostgresSpec, facts Facts) (health.Component, health.Synchronous, string) {
	leaders := facts.Leaders()
	synchronous := judgeSynchronous(spec, facts)
	c := health.Component{Name: naming.Postgres, Title: "Patroni Cluster"}
	for _, m := range facts.Members {
		c.Members = append(c.Members, judgeMember(spec, m, facts, leaders))
	}
	c.Health, c.Reason = judgeCluster(spec, c.Members, leaders, synchronous)
	c.Summary = summary(spec, c.Members, leaders, c.Reason)
	leader := ""
	if len(leaders) == 1 {
		leader = leaders[0].Name
	}
	return c, synchronous, leader
}

func judgeCluster(spec v1alpha1.PostgresSpec, members []health.Member, leaders []MemberFacts, s health.Synchronous) (v1alpha1.Health, string) {
	healthy, lag := 0, 0.0
	for _, m := range members {
		if m.Health == v1alpha1.Healthy {
			healthy++
		}
		if m.LagSeconds != nil {
			lag = max(lag, *m.LagSeconds)
		}
	}
	switch {
	case len(leaders) > 1:
		return v1alpha1.Unhealthy, v1alpha1.ReasonSplitBrain
	case len(leaders) == 0 || leaders[0].SQLErr != "":
		return v1alpha1.Unhealthy, v1alpha1.ReasonNoLeader
	case s.Reason == v1alpha1.ReasonNoSynchronousStandby:
		return v1alpha1.Unhealthy, v1alpha1.ReasonNoSynchronousStandby
	case lag >= LagCritical:
		return v1alpha1.Unhealthy, v1alpha1.ReasonReplicationLag
	case healthy < int(spec.Replicas):
		return v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy
	default:
		return v1alpha1.Healthy, v1alpha1.ReasonHealthy
	}
}

func judgeMember(spec v1alpha1.PostgresSpec, m MemberFacts, facts Facts, leaders []MemberFacts) health.Member {
	member := health.Member{Component: naming.Postgres, Name: m.Name, Role: role(m), LagSeconds: m.LagSeconds}
	switch {
	case m.Err != "":
		member.Health, member.Message = v1alpha1.Unhealthy, m.Err
	case m.State != "running":
		member.Health, member.Message = v1alpha1.Unhealthy, "PostgreSQL is not running but: "+m.State
	case m.Leads():
		member.Health, member.Message = judgeLeader(spec, m, facts, leaders)
	default:
		member.Health, member.Message = judgeReplica(m, leaders)
	}
	return member
}

func judgeLeader(spec v1alpha1.PostgresSpec, m MemberFacts, facts Facts, leaders []MemberFacts) (v1alpha1.Health, string) {
	unseen := facts.Time.Sub(m.DCSLastSeen).Seconds()
	switch {
	case len(leaders) > 1:
		return v1alpha1.Unhealthy, "is one of several leaders: " + names(leaders)
	case m.SQLErr != "":
		return v1alpha1.Unhealthy, "PostgreSQL cannot be asked: " + m.SQLErr
	case m.Paused:
		return v1alpha1.Degraded, "Patroni is paused: nobody takes over when the leader fails"
	case m.Unlocked:
		return v1alpha1.Degraded, "no member holds the leader lock in etcd"
	case !m.DCSLastSeen.IsZero() && unseen > patience(spec.Patroni):
		return v1alpha1.Degraded, fmt.Sprintf("has not reached etcd for %.0fs", unseen)
	case m.PendingRestart:
		return v1alpha1.Healthy, "a changed setting waits for PostgreSQL's restart"
	default:
		return v1alpha1.Healthy, ""
	}
}

// patience is for how many seconds a leader may not have reached etcd. It looks
// every loop_wait, and tries for up to retry_timeout before it demotes itself.
// Source: Patroni documentation, "Dynamic Configuration Settings".
func patience(spec v1alpha1.PatroniSpec) float64 {
	return float64(spec.LoopWait) + float64(spec.RetryTimeout)/2
}

func judgeReplica(m MemberFacts, leaders []MemberFacts) (v1alpha1.Health, string) {
	if len(leaders) == 0 {
		return v1alpha1.Degraded, "has no leader to follow"
	}
	standby, connected := connection(leaders[0], m.Name)
	lag := 0.0
	if m.LagSeconds != nil {
		lag = *m.LagSeconds
	}
	switch {
	case len(leaders) > 1:
		return v1alpha1.Degraded, "has several leaders to follow"
	case leaders[0].SQLErr == "" && !connected:
		return v1alpha1.Unhealthy, "does not stream from the leader"
	case lag >= LagCritical:
		return v1alpha1.Unhealthy, fmt.Sprintf("is %.1fs behind", lag)
	case m.Timeline != 0 && m.Timeline != leaders[0].Timeline:
		return v1alpha1.Degraded, fmt.Sprintf("is on timeline %d, the leader on %d", m.Timeline, leaders[0].Timeline)
	case connected && standby.State != "streaming":
		return v1alpha1.Degraded, "is catching up: " + standby.State
	case m.ReplayPaused:
		return v1alpha1.Degraded, "its replay is paused"
	case lag >= LagWarning:
		return v1alpha1.Degraded, fmt.Sprintf("is %.1fs behind", lag)
	case m.PendingRestart:
		return v1alpha1.Healthy, "a changed setting waits for PostgreSQL's restart"
	default:
		return v1alpha1.Healthy, ""
	}
}

func judgeSynchronous(spec v1alpha1.PostgresSpec, facts Facts) health.Synchronous {
	leaders := facts.Leaders()
	if spec.SynchronousMode == v1alpha1.SynchronousOff {
		return health.Synchronous{Reason: v1alpha1.ReasonSynchronousModeOff,
			Message: "the spec turns synchronous replication off: a commit is acknowledged when only the leader has it"}
	}
	if len(leaders) != 1 {
		return health.Synchronous{Reason: v1alpha1.ReasonNoLeader, Message: "there is not one leader that takes writes"}
	}
	var acknowledge, silent []string
	for _, s := range leaders[0].Standbys {
		switch {
		case s.State != "streaming" || !s.Acknowledges():
		case s.Silent():
			silent = append(silent, s.Name)
		default:
			acknowledge = append(acknowledge, s.Name)
		}
	}
	slices.Sort(acknowledge)
	waiting := uncounted(spec, facts, leaders[0])
	if len(acknowledge) == 0 {
		message := "no standby acknowledges commits: writes wait until one does"
		if len(silent) > 0 {
			slices.Sort(silent)
			message += "; nothing is heard of " + strings.Join(silent, ", ")
		}
		return health.Synchronous{Waiting: waiting, Reason: v1alpha1.ReasonNoSynchronousStandby, Message: message}
	}
	return health.Synchronous{Active: true, Waiting: waiting, Reason: v1alpha1.ReasonStandbyAcknowledges,
		Message: "a commit is acknowledged once one of these has it: " + strings.Join(acknowledge, ", ")}
}

// uncounted are the members that run and stream without being counted on. Others
// stream, too, such as whoever takes a backup: on these Patroni never counts.
func uncounted(spec v1alpha1.PostgresSpec, facts Facts, leader MemberFacts) []string {
	var names []string
	for _, m := range facts.Members {
		standby, connected := connection(leader, m.Name)
		if spec.SynchronousMode == v1alpha1.SynchronousQuorum && m.State == "running" &&
			connected && standby.State == "streaming" && !acknowledges(leader, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}

func summary(spec v1alpha1.PostgresSpec, members []health.Member, leaders []MemberFacts, reason string) string {
	replicas, lag := 0, 0.0
	for _, m := range members {
		if m.Role != "replica" {
			continue
		}
		if m.Health != v1alpha1.Unhealthy {
			replicas++
		}
		if m.LagSeconds != nil {
			lag = max(lag, *m.LagSeconds)
		}
	}
	text := fmt.Sprintf("%d leader + %d replicas, lag: %.1fs", len(leaders), replicas, lag)
	if spec.Replicas == 1 {
		text = fmt.Sprintf("%d leader", len(leaders))
	}
	switch reason {
	case v1alpha1.ReasonSplitBrain:
		text += ", several lead at once: " + names(leaders)
	case v1alpha1.ReasonNoSynchronousStandby:
		text += ", writes wait: no standby acknowledges"
	}
	return text
}

// connection is the standby's best connection to the leader: while it copies the
// leader's data it has others, and one of a pod that died may stay half open.
func connection(leader MemberFacts, name string) (Standby, bool) {
	best, found := Standby{}, false
	for _, s := range leader.Standbys {
		if s.Name == name && (!found || s.State == "streaming") {
			best, found = s, true
		}
	}
	return best, found
}

func role(m MemberFacts) string {
	switch m.Role {
	case "primary":
		return "leader"
	case "", "uninitialized":
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
