package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// get reads an object of the namespace; false when there is none.
func get(t *testing.T, namespace, name string, object client.Object) bool {
	t.Helper()
	err := kube.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, object)
	if err != nil && !apierrors.IsNotFound(err) {
		t.Logf("reading %s: %v", name, err)
	}
	return err == nil
}

// condition waits until a condition has the reason, and returns it.
func condition(t *testing.T, namespace, kind, reason string) metav1.Condition {
	t.Helper()
	var found metav1.Condition
	eventually(t, kind+" "+reason, func() bool {
		env := &v1alpha1.PawsEnvironment{}
		if !get(t, namespace, "local", env) {
			return false
		}
		if c := meta.FindStatusCondition(env.Status.Conditions, kind); c != nil {
			found = *c
		}
		return found.Reason == reason
	})
	return found
}

// started creates an environment and waits for its StatefulSets.
func started(t *testing.T, change func(*v1alpha1.PawsEnvironmentSpec)) string {
	t.Helper()
	env := environment(namespace(t))
	if change != nil {
		change(&env.Spec)
	}
	require.NoError(t, kube.Create(t.Context(), env))
	for _, name := range []string{"etcd", "patroni", "redis", "sentinel"} {
		eventually(t, name+" is made", func() bool { return get(t, env.Namespace, name, &appsv1.StatefulSet{}) })
	}
	return env.Namespace
}

func TestAnEnvironmentGetsItsObjects(t *testing.T) {
	ns := started(t, nil)
	for _, name := range []string{"etcd", "patroni", "patroni-leader", "patroni-replica", "redis", "redis-master", "sentinel"} {
		require.True(t, get(t, ns, name, &corev1.Service{}), "Service %s", name)
	}
	for _, name := range []string{"etcd", "patroni", "redis", "sentinel"} {
		require.True(t, get(t, ns, name, &policyv1.PodDisruptionBudget{}), "PodDisruptionBudget %s", name)
	}
	set := &appsv1.StatefulSet{}
	require.True(t, get(t, ns, "patroni", set))
	require.Equal(t, "PawsEnvironment", metav1.GetControllerOf(set).Kind)
	require.Equal(t, "pg17", set.Spec.Template.Spec.Containers[0].Image)
	for _, entry := range set.ManagedFields {
		if entry.Operation == metav1.ManagedFieldsOperationApply {
			require.Equal(t, naming.FieldOwner, entry.Manager)
		}
	}
	require.NotNil(t, meta.FindStatusCondition(status(t, ns).Conditions, v1alpha1.ConditionReady))
}

func status(t *testing.T, ns string) v1alpha1.PawsEnvironmentStatus {
	t.Helper()
	env := &v1alpha1.PawsEnvironment{}
	require.True(t, get(t, ns, "local", env))
	return env.Status
}

func TestAForeignEditIsRepairedAndTold(t *testing.T) {
	ns := started(t, nil)
	set := &appsv1.StatefulSet{}
	require.True(t, get(t, ns, "redis", set))
	before := set.DeepCopy()
	set.Spec.Template.Spec.Containers[0].Image = "another"
	require.NoError(t, kube.Patch(t.Context(), set, client.MergeFrom(before), client.FieldOwner("somebody")))
	eventually(t, "the image is as the spec asks again", func() bool {
		return get(t, ns, "redis", set) && set.Spec.Template.Spec.Containers[0].Image == "redis"
	})
	eventually(t, "an event tells of it", func() bool { return hasEvent(t, ns, "Repaired", "StatefulSet redis") })
}

func TestADeletedObjectComesBack(t *testing.T) {
	ns := started(t, nil)
	service := &corev1.Service{}
	require.True(t, get(t, ns, "redis-master", service))
	uid := service.UID
	require.NoError(t, kube.Delete(t.Context(), service))
	eventually(t, "redis-master is there again", func() bool {
		fresh := &corev1.Service{}
		return get(t, ns, "redis-master", fresh) && fresh.UID != uid
	})
}

func hasEvent(t *testing.T, ns, reason, note string) bool {
	t.Helper()
	list := &eventsv1.EventList{}
	require.NoError(t, kube.List(t.Context(), list, client.InNamespace(ns)))
	for _, e := range list.Items {
		if e.Reason == reason && strings.Contains(e.Note, note) {
			return true
		}
	}
	return false
}

func TestASecondEnvironmentOfANamespaceIsStalled(t *testing.T) {
	ns := started(t, nil)
	second := environment(ns)
	second.Name = "other"
	require.NoError(t, kube.Create(t.Context(), second))
	eventually(t, "it is stalled", func() bool {
		env := &v1alpha1.PawsEnvironment{}
		get(t, ns, "other", env)
		c := meta.FindStatusCondition(env.Status.Conditions, v1alpha1.ConditionStalled)
		return c != nil && c.Reason == v1alpha1.ReasonNamespaceOccupied && strings.Contains(c.Message, "local")
	})
}

func TestMissingPasswordsAreNamed(t *testing.T) {
	env := environment(namespace(t))
	secret := &corev1.Secret{}
	require.True(t, get(t, env.Namespace, "paws360-secrets", secret))
	delete(secret.Data, naming.KeyRedisPassword)
	require.NoError(t, kube.Update(t.Context(), secret))
	require.NoError(t, kube.Create(t.Context(), env))
	c := condition(t, env.Namespace, v1alpha1.ConditionStalled, v1alpha1.ReasonSecretInvalid)
	require.Contains(t, c.Message, naming.KeyRedisPassword)
	require.False(t, get(t, env.Namespace, "etcd", &appsv1.StatefulSet{}), "nothing is started without passwords")
}

func TestASuspendedEnvironmentIsLeftAlone(t *testing.T) {
	env := environment(namespace(t))
	env.Spec.Suspend = true
	require.NoError(t, kube.Create(t.Context(), env))
	condition(t, env.Namespace, v1alpha1.ConditionStalled, v1alpha1.ReasonSuspended)
	require.False(t, get(t, env.Namespace, "etcd", &appsv1.StatefulSet{}))
}

func TestAppsThatNeedEachOtherAreStalled(t *testing.T) {
	env := environment(namespace(t))
	env.Spec.Apps = []v1alpha1.AppSpec{app("a", "b"), app("b", "a")}
	require.NoError(t, kube.Create(t.Context(), env))
	c := condition(t, env.Namespace, v1alpha1.ConditionStalled, v1alpha1.ReasonDependencyCycle)
	require.Contains(t, c.Message, "a → b → a")
}

func TestAnAppStartsAndLeavesWithTheSpec(t *testing.T) {
	ns := started(t, func(s *v1alpha1.PawsEnvironmentSpec) {
		s.Apps = []v1alpha1.AppSpec{app("free"), app("bound", "postgres")}
	})
	eventually(t, "free starts", func() bool { return get(t, ns, "free", &appsv1.Deployment{}) })
	require.False(t, get(t, ns, "bound", &appsv1.Deployment{}), "bound waits for PostgreSQL")
	env := &v1alpha1.PawsEnvironment{}
	require.True(t, get(t, ns, "local", env))
	before := env.DeepCopy()
	env.Spec.Apps = env.Spec.Apps[1:]
	require.NoError(t, kube.Patch(t.Context(), env, client.MergeFrom(before)))
	eventually(t, "free is gone with its Service", func() bool {
		return !get(t, ns, "free", &appsv1.Deployment{}) && !get(t, ns, "free", &corev1.Service{})
	})
}
