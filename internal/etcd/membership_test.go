package etcd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/internal/naming"
)

const ns = "paws"

// cluster is etcd as its members would show it: the member list, how many pods
// run, and which of them are down.
type cluster struct {
	members []Member
	pods    int32
	down    []int32
}

func clusterOf(voters int32) *cluster {
	c := &cluster{pods: voters}
	for o := int32(1); o <= voters; o++ {
		c.members = append(c.members, Member{ID: uint64(o), PeerURLs: []string{PeerURL(ns, o)}})
	}
	return c
}

// facts is one look at the pods, or at as many members as are desired.
func (c *cluster) facts(desired int32) Facts {
	facts := Facts{Membership: slices.Clone(c.members)}
	for o := int32(1); o <= max(c.pods, desired); o++ {
		m := MemberFacts{Name: naming.Member(naming.Etcd, o), Err: "does not answer"}
		at := slices.IndexFunc(c.members, func(m Member) bool { return ordinalOf(ns, m) == o })
		if o <= c.pods && at >= 0 && !slices.Contains(c.down, o) {
			m = MemberFacts{Name: m.Name, ID: c.members[at].ID, LeaderID: 1, Learner: c.members[at].Learner}
		}
		facts.Members = append(facts.Members, m)
	}
	return facts
}

// do carries a step out.
func (c *cluster) do(s Step) {
	at := slices.IndexFunc(c.members, func(m Member) bool { return m.ID == s.MemberID })
	switch s.Action {
	case ActionAdd:
		c.members = append(c.members, Member{ID: uint64(s.Ordinal), PeerURLs: []string{PeerURL(ns, s.Ordinal)}, Learner: true})
	case ActionGrow, ActionShrink:
		c.pods = s.Ordinal
	case ActionPromote:
		c.members[at].Learner = false
	case ActionRemove:
		c.members = slices.Delete(c.members, at, at+1)
	}
}

// scale takes steps until there is none, or one waits, and names them.
func (c *cluster) scale(t *testing.T, desired int32) string {
	t.Helper()
	var taken []string
	for range 30 {
		s := NextStep(ns, desired, c.pods, c.facts(desired))
		if s.Action == ActionNone {
			return strings.Join(taken, " ")
		}
		taken = append(taken, fmt.Sprintf("%s-%d", s.Action, s.Ordinal))
		if s.Action == ActionWait {
			return strings.Join(taken, " ")
		}
		c.do(s)
	}
	t.Fatalf("scaling to %d never ends: %v", desired, taken)
	return ""
}

func TestScalingGoesMemberByMember(t *testing.T) {
	c := clusterOf(3)
	require.Empty(t, c.scale(t, 3))

	require.Equal(t, "Add-4 Grow-4 Promote-4 Add-5 Grow-5 Promote-5", c.scale(t, 5))
	require.Len(t, c.members, 5)
	require.Equal(t, int32(5), c.pods)

	require.Equal(t, "Remove-5 Remove-4 Shrink-3", c.scale(t, 3), "members leave before their pods stop")
	require.Len(t, c.members, 3)
	require.Equal(t, int32(3), c.pods)

	one := clusterOf(1)
	require.Equal(t, "Add-2 Grow-2 Promote-2 Add-3 Grow-3 Promote-3", one.scale(t, 3))
	require.Equal(t, "Remove-3 Remove-2 Shrink-1", one.scale(t, 1))
}

func TestReplaceLost(t *testing.T) {
	removed := clusterOf(3)
	removed.members = slices.Delete(removed.members, 1, 2)
	learning := clusterOf(3)
	learning.members[1].Learner = true
	down := func(c *cluster, ordinals ...int32) *cluster { c.down = ordinals; return c }
	for name, c := range map[string]struct {
		cluster *cluster
		want    Step
	}{
		"it leaves the membership":                 {down(clusterOf(3), 2), Step{Action: ActionRemove, Ordinal: 2, MemberID: 2}},
		"not while another member is down":         {down(clusterOf(3), 2, 3), Step{Action: ActionWait, Ordinal: 2, Why: "etcd-2 has lost its data, and another member is down"}},
		"it is announced anew":                     {down(removed, 2), Step{Action: ActionAdd, Ordinal: 2}},
		"its pod is started with the new identity": {down(learning, 2), Step{Action: ActionRestart, Ordinal: 2, MemberID: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			step, losing := ReplaceLost(ns, []int32{2}, c.cluster.facts(3))
			require.True(t, losing)
			require.Equal(t, c.want, step)
		})
	}
	_, losing := ReplaceLost(ns, nil, clusterOf(3).facts(3))
	require.False(t, losing)
}

// The message is etcd's own.
func TestLostDataIsKnownByEtcdsWords(t *testing.T) {
	const words = `{"level":"fatal","msg":"discovery failed","error":"member 8211f1d0f64f3269 has already been bootstrapped"}`
	ended := func(message string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: message}}
	}
	waits := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	runs := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for name, c := range map[string]struct {
		now, before corev1.ContainerState
		lost        bool
	}{
		"ended for want of it":                  {now: ended(words), lost: true},
		"waits to be started again":             {now: waits, before: ended(words), lost: true},
		"ended of something else":               {now: waits, before: ended("disk full")},
		"joined anew and runs, ready or frozen": {now: runs, before: ended(words)},
		"never ended":                           {now: runs},
	} {
		t.Run(name, func(t *testing.T) {
			lost := LostData([]corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "etcd-2"}, Status: corev1.PodStatus{
				ContainerStatuses: []corev1.ContainerStatus{{State: c.now, LastTerminationState: c.before}},
			}}})
			if c.lost {
				require.Equal(t, []int32{2}, lost)
			} else {
				require.Empty(t, lost)
			}
		})
	}
}

func TestNextStep(t *testing.T) {
	learning := func(pods int32, down ...int32) *cluster {
		c := clusterOf(3)
		c.do(Step{Action: ActionAdd, Ordinal: 4})
		c.pods, c.down = pods, down
		return c
	}
	with := func(c *cluster, change func(*cluster)) *cluster { change(c); return c }
	for name, c := range map[string]struct {
		cluster *cluster
		desired int32
		want    Step
	}{
		"nobody answers": {
			with(clusterOf(3), func(c *cluster) { c.members = nil }), 3,
			Step{Action: ActionWait, Why: "no member answers with the member list"},
		},
		"none is added while one is down": {
			with(clusterOf(3), func(c *cluster) { c.down = []int32{2} }), 5,
			Step{Action: ActionWait, Why: "a member is down: none is added meanwhile"},
		},
		"none is removed while one that stays is down": {
			with(clusterOf(5), func(c *cluster) { c.down = []int32{2} }), 3,
			Step{Action: ActionWait, Why: "members that stay are not all healthy"},
		},
		"one that leaves may be down": {
			with(clusterOf(5), func(c *cluster) { c.down = []int32{5} }), 3,
			Step{Action: ActionRemove, Ordinal: 5, MemberID: 5},
		},
		"one that is down changes nothing that is as asked": {
			with(clusterOf(3), func(c *cluster) { c.down = []int32{2} }), 3,
			Step{Action: ActionNone},
		},
		"a member that was announced gets its pod": {
			learning(3), 5,
			Step{Action: ActionGrow, Ordinal: 4, MemberID: 4},
		},
		"a learner votes once it answers": {
			learning(4), 5,
			Step{Action: ActionPromote, Ordinal: 4, MemberID: 4},
		},
		"a learner that does not start is waited for": {
			learning(4, 4), 5,
			Step{Action: ActionWait, Ordinal: 4, MemberID: 4, Why: "learner etcd-4 has not started yet"},
		},
		"a learner that is no longer asked for leaves, started or not": {
			learning(4, 4), 3,
			Step{Action: ActionRemove, Ordinal: 4, MemberID: 4},
		},
		"pods are started for members that are there": {
			with(clusterOf(3), func(c *cluster) { c.pods = 2 }), 3,
			Step{Action: ActionGrow, Ordinal: 3},
		},
		"a gap is filled first": {
			with(clusterOf(3), func(c *cluster) {
				c.members[1], c.members = c.members[2], c.members[:2]
				c.members[1].PeerURLs = []string{PeerURL(ns, 2)}
			}), 3,
			Step{Action: ActionAdd, Ordinal: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, NextStep(ns, c.desired, c.cluster.pods, c.cluster.facts(c.desired)))
		})
	}
}

func TestOrdinalOf(t *testing.T) {
	for url, want := range map[string]int32{
		PeerURL(ns, 1):                         1,
		PeerURL(ns, 12):                        12,
		PeerURL("other", 1):                    0,
		"http://etcd-1.etcd.paws.svc:9999":     0,
		"http://etcd-x.etcd.paws.svc:2380":     0,
		"http://10.0.0.1:2380":                 0,
		"https://etcd-1.etcd.paws.svc:2380":    0,
		"http://etcd-1.etcd.paws.svc.x.y:2380": 0,
	} {
		require.Equal(t, want, ordinalOf(ns, Member{PeerURLs: []string{url}}), url)
	}
	require.Zero(t, ordinalOf(ns, Member{}))
	require.Equal(t, int32(2), ordinalOf(ns, Member{PeerURLs: []string{"http://10.0.0.1:2380", PeerURL(ns, 2)}}))
}

func TestJoiningTellsALearnerItsIdentity(t *testing.T) {
	c := clusterOf(3)
	c.members = append(c.members,
		Member{ID: 0xabc, PeerURLs: []string{PeerURL(ns, 4)}, Learner: true},
		Member{ID: 99, PeerURLs: []string{"http://stranger:2380"}})
	require.Equal(t, Bootstrap{
		Ordinals: []int32{1, 2, 3, 4}, Existing: true, Identities: map[string]string{"etcd-4": "abc"},
	}, Joining(ns, c.members))
}

// A learner whose pod was not told who it is would never start.
func TestTold(t *testing.T) {
	bootstrap := map[string]string{"identity-etcd-3": "1f"}
	require.True(t, Told(bootstrap, 3, 0x1f))
	require.False(t, Told(bootstrap, 3, 0x2f), "that was an earlier one")
	require.False(t, Told(bootstrap, 2, 0x1f))
	require.False(t, Told(nil, 3, 0x1f))
}
