package controllers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/observer"
	"github.com/paws360/pawskind/internal/rollout"
)

func TestRolloutMembers(t *testing.T) {
	pod := func(name, revision string, ready corev1.ConditionStatus) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"controller-revision-hash": revision}},
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	leaving := pod("etcd-4", "old", corev1.ConditionTrue)
	now := metav1.Now()
	leaving.DeletionTimestamp = &now
	pods := []corev1.Pod{
		pod("etcd-1", "new", corev1.ConditionTrue),
		pod("etcd-2", "old", corev1.ConditionTrue),
		pod("etcd-3", "old", corev1.ConditionFalse),
		leaving,
		pod("etcd-5", "new", corev1.ConditionTrue),
		pod("etcd-6", "new", corev1.ConditionTrue),
	}
	verdicts := health.Component{Members: []health.Member{
		{Name: "etcd-1", Health: v1alpha1.Healthy},
		{Name: "etcd-2", Health: v1alpha1.Healthy},
		{Name: "etcd-3", Health: v1alpha1.Healthy},
		{Name: "etcd-4", Health: v1alpha1.Healthy},
		{Name: "etcd-5", Health: v1alpha1.Degraded},
	}}
	require.Equal(t, []rollout.Member{
		{Name: "etcd-1", Healthy: true},
		{Name: "etcd-2", Healthy: true, Outdated: true, Leader: true},
		{Name: "etcd-3", Outdated: true}, // not ready
		{Name: "etcd-4"},                 // is being replaced
		{Name: "etcd-5"},                 // degraded is not healthy
		{Name: "etcd-6"},                 // nobody looked at it
	}, rolloutMembers(pods, verdicts, "new", "etcd-2"))
}

// A second member was replaced while the first was gone and not yet made again.
func TestSeenAll(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pod := func(name string, created, ready time.Duration) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(start.Add(created))},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, LastTransitionTime: metav1.NewTime(start.Add(ready))},
			}},
		}
	}
	all := []corev1.Pod{pod("etcd-1", 0, 3*time.Second), pod("etcd-2", 0, 20*time.Second)}
	for name, c := range map[string]struct {
		list []corev1.Pod
		want int
		look time.Duration
		seen bool
	}{
		"a later look counts":                           {all, 2, 21 * time.Second, true},
		"a look within the second of a change does not": {all, 2, 20*time.Second + 900*time.Millisecond, false},
		"a look before a member came does not":          {all, 2, 10 * time.Second, false},
		"a missing member is waited for":                {all, 3, time.Minute, false},
		"one that is about to go may be there":          {all, 1, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.seen, seenAll(c.list, c.want, start.Add(c.look)))
		})
	}
}

func TestWhoLeads(t *testing.T) {
	s := &scope{}
	require.Empty(t, etcdLeader(s))
	s.snapshot = &observer.Snapshot{Etcd: etcd.Facts{Members: []etcd.MemberFacts{
		{Name: "etcd-1", Err: "does not answer"},
		{Name: "etcd-2", ID: 2, LeaderID: 3, Learner: true},
		{Name: "etcd-3", ID: 3, LeaderID: 3},
	}}}
	require.Equal(t, "etcd-3", etcdLeader(s))
	require.Equal(t, int32(3), leaderOrdinal(s.snapshot.Etcd))
	require.Equal(t, int32(1), leaderOrdinal(etcd.Facts{}))
}

func TestOr(t *testing.T) {
	require.Equal(t, "given", or("given", "default"))
	require.Equal(t, "default", or("", "default"))
}

// A status that says "settled" in the moment after a change would have whoever
// waits for it go on too early.
func TestAChangeIsTakenUpWhenKubernetesHasSeenIt(t *testing.T) {
	for name, c := range map[string]struct {
		applied, cached, observed int64
		taken                     bool
	}{
		"nothing was applied":           {cached: 3, observed: 3, taken: true},
		"the cache is of before":        {applied: 4, cached: 3, observed: 3},
		"the controller has to come":    {applied: 4, cached: 4, observed: 3},
		"the controller has been there": {applied: 4, cached: 4, observed: 4, taken: true},
		"somebody else changed it":      {applied: 4, cached: 5, observed: 4},
	} {
		t.Run(name, func(t *testing.T) {
			set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "paws", Name: "patroni", Generation: c.cached}}
			set.Status.ObservedGeneration = c.observed
			a := newApplier(nil)
			a.set(objectKey{appsv1.SchemeGroupVersion.WithKind("StatefulSet"), client.ObjectKeyFromObject(set)}, record{generation: c.applied})
			require.Equal(t, c.taken, a.takenUp(set))
		})
	}
}
