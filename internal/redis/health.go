package redis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
)

// LagCritical is how many seconds a replica may be behind before it is
// unhealthy (addendum §5).
const LagCritical = 5.0

// Verdict judges one look at Redis and Sentinel: both components, and the
// member that the Sentinels announce as the master.
func Verdict(spec v1alpha1.RedisSpec, facts Facts) (redis, sentinel health.Component, master string) {
	announced, votes := announcedMaster(facts)
	master = memberOf(announced)
	return judgeServers(spec, facts, master), judgeSentinels(spec, facts, announced, votes), master
}

func judgeServers(spec v1alpha1.RedisSpec, facts Facts, master string) health.Component {
	c := health.Component{Name: naming.Redis, Title: "Redis", Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy}
	var reigning *ServerFacts
	masters, healthy, lag := 0, 0, 0.0
	for i, s := range facts.Servers {
		m := judgeServer(s, facts, master)
		if mistaken, found := facts.mistakenReplica(i); found {
			m.Health, m.Message = v1alpha1.Unhealthy, mistaken.String()
		}
		c.Members = append(c.Members, m)
		if m.Health == v1alpha1.Healthy {
			healthy++
		}
		if m.LagSeconds != nil && s.Err == "" {
			lag = max(lag, *m.LagSeconds)
		}
		if s.Err == "" && s.Role == "master" {
			masters++
			if s.Name == master && !s.Loading {
				reigning = &facts.Servers[i]
			}
		}
	}
	set := func(verdict v1alpha1.Health, reason, format string, args ...any) {
		c.Health, c.Reason, c.Summary = verdict, reason, fmt.Sprintf(format, args...)
	}
	switch {
	case masters > 1:
		set(v1alpha1.Unhealthy, v1alpha1.ReasonSplitBrain, "%d masters at once, the Sentinels announce %s", masters, orNone(master))
		return c
	case reigning == nil:
		set(v1alpha1.Unhealthy, v1alpha1.ReasonNoMaster, "no master, the Sentinels announce %s", orNone(master))
		return c
	}
	online := reigning.Online()
	c.Summary = fmt.Sprintf("master: %s, %d replicas online", master, online)
	switch {
	case reigning.MinReplicas > max(online, minReplicas(spec)):
		set(v1alpha1.Unhealthy, v1alpha1.ReasonMemberUnhealthy, "%s: writes wait until the Sentinels agree", c.Summary)
	case online < minReplicas(spec):
		set(v1alpha1.Unhealthy, v1alpha1.ReasonMemberUnhealthy, "%s: writes are refused below %d", c.Summary, minReplicas(spec))
	case lag >= LagCritical:
		set(v1alpha1.Unhealthy, v1alpha1.ReasonReplicationLag, "%s, lag: %.0fs", c.Summary, lag)
	case healthy < int(spec.Replicas):
		set(v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "%s", c.Summary)
	}
	return c
}

func judgeServer(s ServerFacts, facts Facts, master string) health.Member {
	m := health.Member{Component: naming.Redis, Name: s.Name, Role: role(s), Health: v1alpha1.Healthy}
	set := func(verdict v1alpha1.Health, format string, args ...any) {
		m.Health, m.Message = verdict, fmt.Sprintf(format, args...)
	}
	if s.Role == "slave" {
		m.LagSeconds = facts.lag(master, s.Name)
	}
	switch {
	case s.Err != "":
		set(v1alpha1.Unhealthy, "%s", s.Err)
	case s.Loading:
		set(v1alpha1.Degraded, "is loading its data")
	case s.AOFFailed:
		set(v1alpha1.Unhealthy, "cannot write its append-only file")
	case s.Role == "master" && s.Name != master:
		set(v1alpha1.Unhealthy, "is a master, the Sentinels announce %s", orNone(master))
	case s.Role == "master":
	case memberOf(s.MasterHost) != master:
		set(v1alpha1.Unhealthy, "follows %s, the master is %s", orNone(memberOf(s.MasterHost)), orNone(master))
	case s.Syncing:
		set(v1alpha1.Degraded, "is copying the master's data")
	case !s.LinkUp:
		set(v1alpha1.Unhealthy, "has no link to its master")
	case m.LagSeconds != nil && *m.LagSeconds >= LagCritical:
		set(v1alpha1.Unhealthy, "is %.0fs behind", *m.LagSeconds)
	case m.LagSeconds != nil && *m.LagSeconds > 1: // replicas tell whole seconds, and a busy one tells late
		set(v1alpha1.Degraded, "is %.0fs behind", *m.LagSeconds)
	}
	return m
}

func judgeSentinels(spec v1alpha1.RedisSpec, facts Facts, announced string, votes int) health.Component {
	c := health.Component{Name: naming.Sentinel, Title: "Redis Sentinel", Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy}
	healthy, down := 0, false
	for i, s := range facts.Sentinels {
		m := judgeSentinel(spec, s, announced)
		if mistaken, found := facts.mistakenSentinel(i); found {
			m.Health, m.Message = v1alpha1.Unhealthy, mistaken.String()
		}
		if m.Health == v1alpha1.Healthy {
			healthy++
		}
		down = down || strings.Contains(s.Flags, "o_down")
		c.Members = append(c.Members, m)
	}
	majority := int(spec.Sentinels)/2 + 1
	switch {
	case votes < max(majority, int(spec.Quorum)):
		c.Health, c.Reason = v1alpha1.Unhealthy, v1alpha1.ReasonQuorumLost
	case down:
		c.Health, c.Reason = v1alpha1.Unhealthy, v1alpha1.ReasonNoMaster
	case healthy < int(spec.Sentinels):
		c.Health, c.Reason = v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy
	}
	c.Summary = fmt.Sprintf("master: %s, quorum: %d/%d", orNone(memberOf(announced)), votes, spec.Sentinels)
	return c
}

func judgeSentinel(spec v1alpha1.RedisSpec, s SentinelFacts, announced string) health.Member {
	m := health.Member{Component: naming.Sentinel, Name: s.Name, Role: "sentinel", Health: v1alpha1.Healthy}
	set := func(verdict v1alpha1.Health, format string, args ...any) {
		m.Health, m.Message = verdict, fmt.Sprintf(format, args...)
	}
	switch {
	case s.Err != "":
		set(v1alpha1.Unhealthy, "%s", s.Err)
	case s.Master != announced:
		set(v1alpha1.Unhealthy, "announces %s, the others announce %s", memberOf(s.Master), memberOf(announced))
	case s.Quorum != "":
		set(v1alpha1.Unhealthy, "%s", s.Quorum)
	case strings.Contains(s.Flags, "down"):
		set(v1alpha1.Degraded, "finds the master down (%s)", s.Flags)
	case s.failingOver(): // the master may have come back meanwhile
		set(v1alpha1.Degraded, "is failing over")
	case s.OtherSentinels < int(spec.Sentinels)-1:
		set(v1alpha1.Degraded, "knows %d of %d other Sentinels", s.OtherSentinels, spec.Sentinels-1)
	case s.Replicas < int(spec.Replicas)-1:
		set(v1alpha1.Degraded, "knows %d of %d replicas", s.Replicas, spec.Replicas-1)
	}
	return m
}

// RoleLabels are the roles that the servers' pods are to carry, by member. Who says
// that it is a master is left alone while it is not sure that it is the one: the
// Sentinel that leads a failover labels the replica that it promoted before any of
// them announces it.
func RoleLabels(facts Facts, announced string) map[string]string {
	labels := map[string]string{}
	var masters []string
	for _, s := range facts.Servers {
		switch {
		case s.Err != "" || s.Role == "":
		case s.Role == "master":
			masters = append(masters, s.Name)
		default:
			labels[s.Name] = naming.RoleReplica
		}
	}
	if !slices.Contains(masters, announced) || len(masters) > 1 && slices.ContainsFunc(facts.Sentinels, SentinelFacts.failingOver) {
		return labels
	}
	for _, name := range masters {
		labels[name] = naming.RoleReplica
	}
	labels[announced] = naming.RoleMaster
	return labels
}

// announcedMaster is the host that most Sentinels announce, and how many do.
// Between equals the newest configuration wins, as it does among Sentinels.
func announcedMaster(facts Facts) (host string, votes int) {
	count, epoch := map[string]int{}, map[string]int64{}
	for _, s := range facts.Sentinels {
		if s.Err == "" && s.Master != "" {
			count[s.Master]++
			epoch[s.Master] = max(epoch[s.Master], s.Epoch)
		}
	}
	for candidate, n := range count {
		newer := cmp.Or(cmp.Compare(epoch[candidate], epoch[host]), cmp.Compare(candidate, host)) > 0
		if n > votes || n == votes && newer {
			host, votes = candidate, n
		}
	}
	return host, votes
}

func memberOf(host string) string {
	name, _, _ := strings.Cut(host, ".")
	return name
}

func role(s ServerFacts) string {
	if s.Role == "slave" {
		return naming.RoleReplica
	}
	return s.Role
}

func orNone(name string) string {
	if name == "" {
		return "none"
	}
	return name
}
