package drillrun

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// A fault that is done to pods is over when others are in their places, and not
// while the API still, or already, has nothing to say against them.
func TestPodsAreSettledOnceAllAreThereAndReady(t *testing.T) {
	member := func(component, name string, ready bool) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{naming.LabelComponent: component}}}
		if ready {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		}
		return p
	}
	leaving := member(naming.Redis, "redis-2", true)
	leaving.DeletionTimestamp = ptr.To(metav1.Now())
	ended := member(naming.Redis, "redis-2", false)
	ended.Status.Phase = corev1.PodFailed
	one, two := member(naming.Redis, "redis-1", true), member(naming.Redis, "redis-2", true)
	spec := &v1alpha1.PawsEnvironmentSpec{Redis: v1alpha1.RedisSpec{Replicas: 2}}
	cases := []struct {
		name string
		pods []corev1.Pod
		why  string
	}{
		{"all are there", []corev1.Pod{one, two}, ""},
		{"the clients' pod counts for nothing", []corev1.Pod{one, two, member("", podName, false)}, ""},
		{"deleted by force, and not made again yet", []corev1.Pod{one}, "1 of 2 members of redis are there"},
		{"made again, and not started yet", []corev1.Pod{one, member(naming.Redis, "redis-2", false)}, "redis-2 is not ready"},
		{"about to go", []corev1.Pod{one, leaving}, "redis-2 is about to go"},
		{"one that has ended is not there", []corev1.Pod{one, ended}, "1 of 2 members of redis are there"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.why, unsettled(c.pods, spec)) })
	}
}
