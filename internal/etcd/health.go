package etcd

import (
	"fmt"
	"strings"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
)

// Thresholds of the health check (addendum §5): the database's size in bytes
// from which a member is degraded or unhealthy, and how many revisions a member
// may be behind another that was asked at the same moment.
const (
	DBSizeWarning  = 100 << 20
	DBSizeCritical = 500 << 20
	RevisionSkew   = 1000
)

// Verdict judges one look at an etcd cluster of the given size.
func Verdict(replicas int32, facts Facts) health.Component {
	c := health.Component{Name: naming.Etcd, Title: "etcd Cluster", Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy}
	leader, voters := agreedLeader(facts)
	newest := newestRevision(facts)
	healthy, size := 0, int64(0)
	for _, m := range facts.Members {
		member := judge(m, leader, newest)
		if member.Health == v1alpha1.Healthy {
			healthy++
		}
		size = max(size, m.DBSize)
		c.Members = append(c.Members, member)
	}
	quorum := quorum(replicas, facts.Membership)
	state := "quorum OK"
	switch {
	case voters < quorum:
		c.Health, c.Reason = v1alpha1.Unhealthy, v1alpha1.ReasonQuorumLost
		state = fmt.Sprintf("quorum lost (%d of %d needed)", voters, quorum)
	case size > DBSizeCritical || hasAlarm(facts):
		c.Health, c.Reason = v1alpha1.Unhealthy, v1alpha1.ReasonDiskPressure
	case healthy < int(replicas) && size > DBSizeWarning:
		c.Health, c.Reason = v1alpha1.Degraded, v1alpha1.ReasonDiskPressure
	case healthy < int(replicas):
		c.Health, c.Reason = v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy
	}
	c.Summary = fmt.Sprintf("%d/%d healthy, %s, size: %s", healthy, replicas, state, megabytes(size))
	return c
}

func judge(m MemberFacts, leader uint64, newest int64) health.Member {
	member := health.Member{Component: naming.Etcd, Name: m.Name, Role: role(m, leader), Health: v1alpha1.Healthy}
	set := func(verdict v1alpha1.Health, format string, args ...any) {
		member.Health, member.Message = verdict, fmt.Sprintf(format, args...)
	}
	switch {
	case m.Err != "":
		set(v1alpha1.Unhealthy, "%s", m.Err)
	case m.LeaderID == 0:
		set(v1alpha1.Unhealthy, "knows no leader")
	case m.LeaderID != leader:
		set(v1alpha1.Unhealthy, "follows %x, the majority follows %x", m.LeaderID, leader)
	case len(m.Alarms) > 0:
		set(v1alpha1.Unhealthy, "alarm: %s", strings.Join(m.Alarms, "; "))
	case m.DBSize > DBSizeCritical:
		set(v1alpha1.Unhealthy, "database is %s, critical above %s", megabytes(m.DBSize), megabytes(DBSizeCritical))
	case m.DBSize > DBSizeWarning:
		set(v1alpha1.Degraded, "database is %s, warning above %s", megabytes(m.DBSize), megabytes(DBSizeWarning))
	case m.Learner:
		set(v1alpha1.Degraded, "is still learning")
	case newest-m.Revision > RevisionSkew:
		set(v1alpha1.Degraded, "is %d revisions behind", newest-m.Revision)
	}
	return member
}

func role(m MemberFacts, leader uint64) string {
	switch {
	case m.Err != "":
		return ""
	case m.Learner:
		return "learner"
	case m.ID == leader && leader != 0:
		return "leader"
	default:
		return "follower"
	}
}

// agreedLeader is the leader that most voters follow, and how many do.
func agreedLeader(facts Facts) (leader uint64, voters int) {
	follow := map[uint64]int{}
	for _, m := range facts.Members {
		if m.Err == "" && m.LeaderID != 0 && !m.Learner {
			follow[m.LeaderID]++
			if follow[m.LeaderID] > voters {
				leader, voters = m.LeaderID, follow[m.LeaderID]
			}
		}
	}
	return leader, voters
}

// quorum is how many voters the cluster needs as it is now: while it grows or
// shrinks that is not what the wanted size would need.
func quorum(replicas int32, members []Member) int {
	voters := 0
	for _, m := range members {
		if !m.Learner {
			voters++
		}
	}
	if voters == 0 {
		voters = int(replicas)
	}
	return voters/2 + 1
}

func newestRevision(facts Facts) int64 {
	var newest int64
	for _, m := range facts.Members {
		newest = max(newest, m.Revision)
	}
	return newest
}

func hasAlarm(facts Facts) bool {
	for _, m := range facts.Members {
		if len(m.Alarms) > 0 {
			return true
		}
	}
	return false
}

func megabytes(bytes int64) string {
	return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
}
