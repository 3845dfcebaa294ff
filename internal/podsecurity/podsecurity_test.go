package podsecurity_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/config"
	"github.com/paws360/pawskind/internal/app"
	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/patroni"
	"github.com/paws360/pawskind/internal/podsecurity"
	"github.com/paws360/pawskind/internal/redis"
)

// environment is one with apps that ask for everything an app can ask for.
func environment() *v1alpha1.PawsEnvironment {
	env := install.Default("paws")
	env.UID = "1234"
	env.Spec.Etcd = v1alpha1.EtcdSpec{Replicas: 3, Storage: v1alpha1.StorageSpec{Size: "1Gi"}}
	env.Spec.Postgres = v1alpha1.PostgresSpec{Version: "17", Replicas: 3, SynchronousMode: v1alpha1.SynchronousQuorum,
		Storage: v1alpha1.StorageSpec{Size: "1Gi"}}
	env.Spec.Redis = v1alpha1.RedisSpec{Replicas: 3, Sentinels: 3, Quorum: 2, TLS: true, Storage: v1alpha1.StorageSpec{Size: "1Gi"}}
	env.Spec.SecretsRef.Name = "paws360-secrets"
	env.Spec.Apps = append(env.Spec.Apps, v1alpha1.AppSpec{
		Name: "ledger", Image: "ledger:1", Port: 80, DependsOn: []string{naming.Etcd, naming.Postgres, naming.Redis, "backend"},
		SecretEnv: []string{"TOKEN"}, Env: []corev1.EnvVar{{Name: "A", Value: "b"}},
	})
	return env
}

func workloads(env *v1alpha1.PawsEnvironment) []runtime.ApplyConfiguration {
	list := []runtime.ApplyConfiguration{etcd.StatefulSet(env, "image", 3, "ca")}
	list = append(list, patroni.Workload(env, "image", 3, "ca")...)
	list = append(list, redis.Workload(env, "image", redis.Certificates{Roots: "ca"})...)
	for _, a := range env.Spec.Apps {
		list = append(list, app.Objects(env, a, app.Start{})...)
	}
	return list
}

// template reads the pod template of a workload, whatever its kind.
func template(t *testing.T, object any) (string, *corev1.PodTemplateSpec) {
	t.Helper()
	content, err := json.Marshal(object)
	require.NoError(t, err)
	var workload appsv1.Deployment // a StatefulSet and a DaemonSet have these fields, too
	require.NoError(t, json.Unmarshal(content, &workload))
	return workload.Kind + " " + workload.Name, &workload.Spec.Template
}

func TestEveryPodOfAnEnvironmentIsRestricted(t *testing.T) {
	judged := 0
	for _, object := range workloads(environment()) {
		name, pod := template(t, object)
		if len(pod.Spec.Containers) == 0 {
			continue
		}
		judged++
		broken, err := podsecurity.Violations(&pod.ObjectMeta, &pod.Spec, naming.RoleServiceAccount)
		require.NoError(t, err)
		require.Empty(t, broken, name)
	}
	require.Equal(t, 7, judged, "etcd, patroni, redis, sentinel and three apps")
}

func TestTheOperatorIsRestricted(t *testing.T) {
	objects, err := install.Decode(config.Manifests())
	require.NoError(t, err)
	judged := 0
	for _, object := range objects {
		if object.GetKind() != "Deployment" {
			continue
		}
		judged++
		name, pod := template(t, object)
		broken, err := podsecurity.Violations(&pod.ObjectMeta, &pod.Spec, "pawskind-manager")
		require.NoError(t, err)
		require.Empty(t, broken, name)
	}
	require.Equal(t, 1, judged)
}

// The namespaces refuse a pod that is not restricted, by the API server's own hand.
func TestNamespacesEnforceTheLevel(t *testing.T) {
	objects, err := install.Objects(environment(), map[string]string{}, nil)
	require.NoError(t, err)
	require.Equal(t, "Namespace", objects[0].GetKind())
	require.Equal(t, "restricted", objects[0].GetLabels()["pod-security.kubernetes.io/enforce"])
}

func TestEachRuleIsSeen(t *testing.T) {
	good := func() *corev1.PodSpec {
		_, pod := template(t, app.Deployment(environment(), environment().Spec.Apps[0], app.Start{}))
		return &pod.Spec
	}
	for name, c := range map[string]struct {
		spoil func(*corev1.PodSpec)
		says  string
	}{
		"root":         {func(p *corev1.PodSpec) { p.SecurityContext.RunAsUser = ptr.To[int64](0) }, "runAsUser=0"},
		"may be root":  {func(p *corev1.PodSpec) { p.SecurityContext.RunAsNonRoot = nil }, "runAsNonRoot"},
		"no seccomp":   {func(p *corev1.PodSpec) { p.SecurityContext.SeccompProfile = nil }, "seccompProfile"},
		"escalation":   {func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil }, "allowPrivilegeEscalation"},
		"capabilities": {func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.Capabilities = nil }, "unrestricted capabilities"},
		"added": {func(p *corev1.PodSpec) {
			p.Containers[0].SecurityContext.Capabilities.Add = []corev1.Capability{"NET_BIND_SERVICE"}
		}, "adds capabilities"},
		"writable":     {func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.ReadOnlyRootFilesystem = nil }, "can write to its root"},
		"token":        {func(p *corev1.PodSpec) { p.AutomountServiceAccountToken = nil }, "token is mounted"},
		"host network": {func(p *corev1.PodSpec) { p.HostNetwork = true }, "hostNetwork"},
		"host path": {func(p *corev1.PodSpec) {
			p.Volumes = append(p.Volumes, corev1.Volume{Name: "x", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}})
		}, "hostPath"},
		"no limit": {func(p *corev1.PodSpec) { p.Containers[0].Resources.Limits = nil }, "no memory limit"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := good()
			c.spoil(pod)
			broken, err := podsecurity.Violations(&metav1.ObjectMeta{}, pod)
			require.NoError(t, err)
			require.Len(t, broken, 1)
			require.Contains(t, broken[0], c.says)
		})
	}
}
