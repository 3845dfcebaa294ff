package redis

import (
	"fmt"
	"strings"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
)

// Verdict judges one look at Redis and Sentinel: both components, and the
// member that the Sentinels announce as the master.
func Verdict(spec v1alpha1.RedisSpec, facts Facts) (redis, sentinel health.Component, master string) {
	announced, votes := announcedMaster(facts)
	master = memberOf(announced)
	return servers(spec, facts, master), sentinels(spec, facts, announced, votes), master
}

func servers(spec v1alpha1.RedisSpec, facts Facts, master string) health.Component {
	c := health.Component{Name: naming.Redis, Title: "Redis", Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy}
	masters, healthy, online := 0, 0, 0
	reigns := false
	for _, s := range facts.Servers {
		m := judgeServer(s, master)
		if m.Health == v1alpha1.Healthy {
			healthy++
			if m.Role == "replica" {
				online++
			}
		}
		if s.Err == "" && s.Role == "master" {
			masters++
			reigns = reigns || s.Name == master && !s.Loading
		}
		c.Members = append(c.Members, m)
	}
	switch {
	case masters > 1:
		c.Health, c.Reason = v1alpha1.Unhealthy, v1alpha1.ReasonSplitBrain
	case !reigns:
		c.Health, c.Reason = v1alpha1.Unhealthy, v1alpha1.ReasonNoMaster
	case online < minReplicas(spec):
		c.Health, c.Reason = v1alpha1.Unhealthy, v1alpha1.ReasonMemberUnhealthy
	case healthy < int(spec.Replicas):
		c.Health, c.Reason = v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy
	}
	c.Summary = fmt.Sprintf("master: %s, %d replicas online", orNone(master), online)
	if masters > 1 {
		c.Summary = fmt.Sprintf("%d masters at once, Sentinel announces %s", masters, orNone(master))
	} else if online < minReplicas(spec) && reigns {
		c.Summary += fmt.Sprintf(": writes are refused below %d", minReplicas(spec))
	}
	return c
}

func judgeServer(s ServerFacts, master string) health.Member {
	m := health.Member{Component: naming.Redis, Name: s.Name, Role: role(s), Health: v1alpha1.Healthy}
	set := func(verdict v1alpha1.Health, format string, args ...any) {
		m.Health, m.Message = verdict, fmt.Sprintf(format, args...)
	}
	switch {
	case s.Err != "":
		set(v1alpha1.Unhealthy, "%s", s.Err)
	case s.Loading:
		set(v1alpha1.Degraded, "is loading its data")
	case s.Role == "master" && s.Name != master:
		set(v1alpha1.Unhealthy, "is a master, Sentinel announces %s", orNone(master))
	case s.Role == "master":
	case memberOf(s.MasterHost) != master:
		set(v1alpha1.Unhealthy, "follows %s, the master is %s", memberOf(s.MasterHost), orNone(master))
	case !s.LinkUp:
		set(v1alpha1.Unhealthy, "has no link to its master")
	}
	return m
}

func sentinels(spec v1alpha1.RedisSpec, facts Facts, announced string, votes int) health.Component {
	c := health.Component{Name: naming.Sentinel, Title: "Redis Sentinel", Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy}
	healthy, down := 0, false
	for _, s := range facts.Sentinels {
		m := judgeSentinel(spec, s, announced)
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
		set(v1alpha1.Unhealthy, "announces %s, the majority announces %s", memberOf(s.Master), memberOf(announced))
	case s.Quorum != "":
		set(v1alpha1.Unhealthy, "%s", s.Quorum)
	case strings.Contains(s.Flags, "down"):
		set(v1alpha1.Degraded, "finds the master down (%s)", s.Flags)
	case s.OtherSentinels < int(spec.Sentinels)-1:
		set(v1alpha1.Degraded, "knows %d of %d other Sentinels", s.OtherSentinels, spec.Sentinels-1)
	case s.Replicas < int(spec.Replicas)-1:
		set(v1alpha1.Degraded, "knows %d of %d replicas", s.Replicas, spec.Replicas-1)
	}
	return m
}

// announcedMaster is the host that most Sentinels announce, and how many do.
func announcedMaster(facts Facts) (host string, votes int) {
	count := map[string]int{}
	for _, s := range facts.Sentinels {
		if s.Err == "" && s.Master != "" {
			count[s.Master]++
			if count[s.Master] > votes {
				host, votes = s.Master, count[s.Master]
			}
		}
	}
	return host, votes
}

func memberOf(host string) string {
	name, _, _ := strings.Cut(host, ".")
	return name
}

func role(s ServerFacts) string {
	switch s.Role {
	case "slave":
		return "replica"
	default:
		return s.Role
	}
}

func orNone(name string) string {
	if name == "" {
		return "none"
	}
	return name
}
