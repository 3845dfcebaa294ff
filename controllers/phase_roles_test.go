package controllers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/observer"
	"github.com/paws360/pawskind/internal/patroni"
	"github.com/paws360/pawskind/internal/redis"
)

func TestWantedRoles(t *testing.T) {
	require.Equal(t, map[string]string{
		"patroni-1": "replica", "patroni-2": "primary", "redis-1": "master", "redis-2": "replica",
	}, wantedRoles(observer.Snapshot{
		Report: health.Report{Leader: "patroni-2", RedisMaster: "redis-1"},
		Postgres: patroni.Facts{Members: []patroni.MemberFacts{
			{Name: "patroni-1", Role: "replica"}, {Name: "patroni-2", Role: "primary"}, {Name: "patroni-3", Err: "does not answer"},
		}},
		Redis: redis.Facts{Servers: []redis.ServerFacts{
			{Name: "redis-1", Role: "master"}, {Name: "redis-2", Role: "slave"}, {Name: "redis-3", Role: "master", Err: "cut off"},
		}},
	}))
}

// The successor of a killed leader was labelled primary: the look was at the pod
// of its name before it.
func TestRanAt(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(start)}}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	for name, c := range map[string]struct {
		states []corev1.ContainerState
		look   time.Duration
		ran    bool
	}{
		"a later look is at this pod":                   {[]corev1.ContainerState{running}, time.Second, true},
		"a look before the start is not":                {[]corev1.ContainerState{running}, -time.Second, false},
		"one within the second of the start may not be": {[]corev1.ContainerState{running}, 900 * time.Millisecond, false},
		"a container that waits answers nobody":         {[]corev1.ContainerState{waiting}, time.Minute, false},
		"a pod that was just made has none":             {nil, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{}
			for _, state := range c.states {
				pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{State: state})
			}
			require.Equal(t, c.ran, ranAt(pod, start.Add(c.look)))
		})
	}
}

// A look from just before a promotion took the label from the promoted member.
func TestALookTellsNothingAgainstALaterLabel(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pod := func(uid, role string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "paws", Name: "redis-1", UID: types.UID(uid), Labels: map[string]string{"paws360.io/role": role}}}
	}
	var m roleMemory
	require.Equal(t, start, m.since(pod("a", "replica"), start))
	require.Equal(t, start, m.since(pod("a", "replica"), start.Add(time.Second)))
	require.Equal(t, start.Add(2*time.Second), m.since(pod("a", "master"), start.Add(2*time.Second)))
	require.Equal(t, start.Add(3*time.Second), m.since(pod("b", "master"), start.Add(3*time.Second)))
	m.forget("paws")
	require.Equal(t, start.Add(4*time.Second), m.since(pod("b", "master"), start.Add(4*time.Second)))
}

// The whole phase: an earlier look changes no label, and has another one made; a
// later one does, unless the pod has changed since it was read.
func TestRolesAreMendedByLaterLooksAlone(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	env := &v1alpha1.PawsEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "paws", Name: "paws360"}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "paws", Name: "redis-2", UID: "a", Labels: naming.Selector(env, naming.Redis)},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(start.Add(-time.Hour))}}},
		}},
	}
	pod.Labels[naming.LabelRole] = naming.RoleMaster
	api := fake.NewClientBuilder().WithScheme(scheme).WithObjects(pod).Build()
	r := &Reconciler{Client: api, Watcher: observer.NewWatcher(nil), now: func() time.Time { return start }}
	mended := func(look time.Time) (role string, requeue time.Duration) {
		s := &scope{env: env, snapshot: &observer.Snapshot{
			Report: health.Report{Time: look, RedisMaster: "redis-1"},
			Redis:  redis.Facts{Servers: []redis.ServerFacts{{Name: "redis-2", Role: "slave"}}},
		}}
		require.NoError(t, r.repairRoles(t.Context(), s))
		seen := &corev1.Pod{}
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(pod), seen))
		return seen.Labels[naming.LabelRole], s.requeue
	}
	role, requeue := mended(start.Add(-100 * time.Millisecond))
	require.Equal(t, naming.RoleMaster, role)
	require.Equal(t, time.Second, requeue)

	read := &corev1.Pod{}
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(pod), read))
	role, requeue = mended(start.Add(100 * time.Millisecond))
	require.Equal(t, naming.RoleReplica, role)
	require.Zero(t, requeue)

	done, err := r.labelRole(t.Context(), read, naming.RoleReplica)
	require.NoError(t, err)
	require.False(t, done, "it was read before the change")
}
