package controllers

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

func TestWhoLeadsAndWhoVotes(t *testing.T) {
	s := &scope{}
	require.Empty(t, etcdLeader(s))
	s.snapshot = &observer.Snapshot{Etcd: etcd.Facts{Members: []etcd.MemberFacts{
		{Name: "etcd-1", Err: "does not answer"},
		{Name: "etcd-2", ID: 2, LeaderID: 3, Learner: true},
		{Name: "etcd-3", ID: 3, LeaderID: 3},
	}}}
	require.Equal(t, "etcd-3", etcdLeader(s))
	require.Equal(t, int32(3), anyVoter(s.snapshot.Etcd))
	require.Equal(t, int32(1), anyVoter(etcd.Facts{}))
}

func TestOr(t *testing.T) {
	require.Equal(t, "given", or("given", "default"))
	require.Equal(t, "default", or("", "default"))
}
