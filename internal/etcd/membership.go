package etcd

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/internal/naming"
)

// Action is one change of the membership or of the number of pods.
type Action string

// The actions by which a cluster is scaled, one at a time.
const (
	// ActionNone: pods and membership are as asked.
	ActionNone Action = "None"
	// ActionAdd: announce the member of Ordinal to the cluster as a learner.
	ActionAdd Action = "Add"
	// ActionGrow: start the pods up to Ordinal.
	ActionGrow Action = "Grow"
	// ActionPromote: let the learner MemberID vote.
	ActionPromote Action = "Promote"
	// ActionRemove: take MemberID, of Ordinal, out of the cluster.
	ActionRemove Action = "Remove"
	// ActionRestart: give the pod of Ordinal its new identity and start it anew.
	ActionRestart Action = "Restart"
	// ActionShrink: stop the pods above Ordinal.
	ActionShrink Action = "Shrink"
	// ActionWait: the cluster is not fit to be changed now.
	ActionWait Action = "Wait"
)

// Step is the next thing to do, with what it is done to.
type Step struct {
	Action   Action
	Ordinal  int32
	MemberID uint64
	Why      string
}

// bootstrapped is how etcd refuses to start as a member of that name without the
// member's data: it may have voted, and would not know.
const bootstrapped = "has already been bootstrapped"

// LostData are the ordinals of members that cannot start because their data is
// gone. A pod goes on telling how it last ended while its container, which has
// joined anew since, runs: one that runs has its data, though it may not answer.
func LostData(list []corev1.Pod) []int32 {
	var lost []int32
	for i := range list {
		pod := &list[i]
		for _, c := range pod.Status.ContainerStatuses {
			for _, end := range []*corev1.ContainerStateTerminated{c.State.Terminated, c.LastTerminationState.Terminated} {
				if end != nil && c.State.Running == nil && strings.Contains(end.Message, bootstrapped) {
					lost = append(lost, podOrdinal(pod.Name))
				}
			}
		}
	}
	slices.Sort(lost)
	return slices.Compact(lost)
}

func podOrdinal(name string) int32 {
	var ordinal int32
	_, _ = fmt.Sscanf(name, "etcd-%d", &ordinal)
	return ordinal
}

// ReplaceLost is the next step for members whose data is gone: each leaves the
// membership, and comes back as a learner with a new identity (etcd
// documentation, "Replacing a failed member"). False when there is none.
func ReplaceLost(namespace string, lost []int32, facts Facts) (Step, bool) {
	if len(lost) == 0 || len(facts.Membership) == 0 {
		return Step{}, false
	}
	ordinal := lost[0]
	name := naming.Member(naming.Etcd, ordinal)
	old := slices.IndexFunc(facts.Membership, func(m Member) bool { return ordinalOf(namespace, m) == ordinal })
	switch {
	case old >= 0 && facts.Membership[old].Learner:
		return Step{Action: ActionRestart, Ordinal: ordinal, MemberID: facts.Membership[old].ID}, true
	case !facts.othersUp(namespace, ordinal):
		return Step{Action: ActionWait, Ordinal: ordinal, Why: name + " has lost its data, and another member is down"}, true
	case old >= 0:
		return Step{Action: ActionRemove, Ordinal: ordinal, MemberID: facts.Membership[old].ID}, true
	}
	return Step{Action: ActionAdd, Ordinal: ordinal}, true
}

// othersUp tells whether every listed member but that one answered and knows a leader.
func (f Facts) othersUp(namespace string, ordinal int32) bool {
	for _, m := range f.Membership {
		o := ordinalOf(namespace, m)
		if o == ordinal {
			continue
		}
		if answer, ok := f.Member(naming.Member(naming.Etcd, o)); !ok || answer.Err != "" || answer.LeaderID == 0 {
			return false
		}
	}
	return true
}

// NextStep decides how the cluster comes one step nearer to the desired number
// of members, given how many pods its StatefulSet runs. Members are added as
// learners and promoted once they follow, so that a joining member never
// counts for quorum before it can vote (etcd documentation, "Learner"); they
// leave the membership before their pod stops.
func NextStep(namespace string, desired, pods int32, facts Facts) Step {
	members := facts.Membership
	if len(members) == 0 {
		return Step{Action: ActionWait, Why: "no member answers with the member list"}
	}
	for _, m := range members {
		if m.Learner {
			return stepForLearner(namespace, desired, pods, m, facts)
		}
	}
	if extra, ordinal, ok := highestAbove(namespace, desired, members); ok {
		if !facts.AllUp(desired) {
			return Step{Action: ActionWait, Why: "members that stay are not all healthy"}
		}
		return Step{Action: ActionRemove, MemberID: extra.ID, Ordinal: ordinal}
	}
	if pods > desired {
		return Step{Action: ActionShrink, Ordinal: desired}
	}
	if int32(len(members)) < desired {
		if !facts.AllUp(int32(len(members))) {
			return Step{Action: ActionWait, Why: "a member is down: none is added meanwhile"}
		}
		return Step{Action: ActionAdd, Ordinal: lowestMissing(namespace, desired, members)}
	}
	if pods < desired {
		return Step{Action: ActionGrow, Ordinal: desired}
	}
	return Step{Action: ActionNone}
}

func stepForLearner(namespace string, desired, pods int32, learner Member, facts Facts) Step {
	ordinal := ordinalOf(namespace, learner)
	if ordinal > desired { // it has no vote, so nothing is lost, and it may never start
		return Step{Action: ActionRemove, Ordinal: ordinal, MemberID: learner.ID}
	}
	if pods < ordinal {
		return Step{Action: ActionGrow, Ordinal: ordinal, MemberID: learner.ID}
	}
	if m, ok := facts.Member(naming.Member(naming.Etcd, ordinal)); ok && m.Err == "" {
		return Step{Action: ActionPromote, Ordinal: ordinal, MemberID: learner.ID}
	}
	return Step{Action: ActionWait, Ordinal: ordinal, MemberID: learner.ID, Why: fmt.Sprintf("learner %s has not started yet", naming.Member(naming.Etcd, ordinal))}
}

func highestAbove(namespace string, desired int32, members []Member) (member Member, ordinal int32, found bool) {
	for _, m := range members {
		if o := ordinalOf(namespace, m); o > desired && o > ordinal {
			member, ordinal, found = m, o, true
		}
	}
	return member, ordinal, found
}

func lowestMissing(namespace string, desired int32, members []Member) int32 {
	have := map[int32]bool{}
	for _, m := range members {
		have[ordinalOf(namespace, m)] = true
	}
	for o := int32(1); o <= desired; o++ {
		if !have[o] {
			return o
		}
	}
	return desired
}

// ordinalOf is the ordinal behind a member's peer URL; 0 for a stranger's. The
// URL is used and not the name: a member that was added has no name before it
// has started.
func ordinalOf(namespace string, m Member) int32 {
	for _, url := range m.PeerURLs {
		var ordinal int32
		host := strings.TrimPrefix(url, "https://")
		if n, _ := fmt.Sscanf(host, "etcd-%d.", &ordinal); n == 1 && url == PeerURL(namespace, ordinal) {
			return ordinal
		}
	}
	return 0
}

// Joining is the bootstrap for the members as they are listed, in which the
// learner of the given ordinal starts with its identity.
func Joining(namespace string, members []Member) Bootstrap {
	b := Bootstrap{Existing: true, Identities: map[string]string{}}
	for _, m := range members {
		o := ordinalOf(namespace, m)
		if o == 0 {
			continue
		}
		b.Ordinals = append(b.Ordinals, o)
		if m.Learner {
			b.Identities[naming.Member(naming.Etcd, o)] = fmt.Sprintf("%x", m.ID)
		}
	}
	return b
}

// Joined is the bootstrap once every member votes. None has an identity to take
// up any more: whoever starts without data has lost it.
func Joined(namespace string, members []Member) Bootstrap {
	b := Joining(namespace, members)
	b.Identities = map[string]string{}
	return b
}
