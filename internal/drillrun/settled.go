package drillrun

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

// settled tells whether nothing that was asked for is still being done.
func settled(env *v1alpha1.PawsEnvironment) bool {
	return env.Status.ObservedGeneration == env.Generation && !meta.IsStatusConditionTrue(env.Status.Conditions, v1alpha1.ConditionReconciling)
}

// unsettled says which pod is not what it will be: it is about to go, is not
// there, or is not ready. Until then another one may answer as if all was well: a
// pod that is deleted by force is gone from the API at once, and its processes go
// on for two seconds.
func unsettled(list []corev1.Pod, spec *v1alpha1.PawsEnvironmentSpec) string {
	there := map[string]int32{}
	for i := range list {
		pod := &list[i]
		component := pod.Labels[naming.LabelComponent]
		switch {
		case component == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		case !pod.DeletionTimestamp.IsZero():
			return pod.Name + " is about to go"
		case !pods.IsReady(pod):
			return pod.Name + " is not ready"
		default:
			there[component]++
		}
	}
	for _, asked := range []struct {
		component string
		members   int32
	}{
		{naming.Etcd, spec.Etcd.Replicas}, {naming.Postgres, spec.Postgres.Replicas},
		{naming.Redis, spec.Redis.Replicas}, {naming.Sentinel, spec.Redis.Sentinels},
	} {
		if there[asked.component] < asked.members {
			return fmt.Sprintf("%d of %d members of %s are there", there[asked.component], asked.members, asked.component)
		}
	}
	return ""
}
