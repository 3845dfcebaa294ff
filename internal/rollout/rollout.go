// Package rollout decides in which order the members of a replicated server are
// replaced: one at a time, only while all others are well, the leader last and
// only after it handed over.
package rollout

import "slices"

// Member is one pod of a StatefulSet.
type Member struct {
	Name string
	// Outdated: its revision is not the one the StatefulSet wants.
	Outdated bool
	// Healthy: it does all that it should.
	Healthy bool
	// Leader: it leads its cluster.
	Leader bool
}

// Action is what to do next.
type Action string

const (
	// None: every member is of the wanted revision.
	None Action = "None"
	// Wait: a member must become healthy first.
	Wait Action = "Wait"
	// Replace: delete the pod of Member, its StatefulSet makes it anew.
	Replace Action = "Replace"
	// HandOver: let another member lead before Member is replaced.
	HandOver Action = "HandOver"
)

// Next decides the next action and the member it concerns. A member that is
// outdated and itself unhealthy is replaced at once: waiting for it could be
// for ever, and it serves nobody.
func Next(members []Member) (Action, string) {
	if !slices.ContainsFunc(members, func(m Member) bool { return m.Outdated }) {
		return None, ""
	}
	for _, m := range members {
		if m.Outdated && !m.Healthy {
			return Replace, m.Name
		}
	}
	for _, m := range members {
		if !m.Healthy {
			return Wait, m.Name
		}
	}
	for _, m := range slices.Backward(members) {
		if m.Outdated && !m.Leader {
			return Replace, m.Name
		}
	}
	for _, m := range members {
		if m.Outdated && m.Leader {
			if len(members) == 1 {
				return Replace, m.Name
			}
			return HandOver, m.Name
		}
	}
	return None, ""
}
