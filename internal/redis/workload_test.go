package redis_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/redis"
)

var certificates = redis.Certificates{Roots: "roots", Fingerprint: "fingerprint"}

var update = flag.Bool("update", false, "rewrite the golden files")

func environment(change func(*v1alpha1.RedisSpec)) *v1alpha1.PawsEnvironment {
	one := int32(1)
	env := &v1alpha1.PawsEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "paws", UID: "1234"},
		Spec: v1alpha1.PawsEnvironmentSpec{
			SecretsRef: v1alpha1.SecretReference{Name: "paws360-secrets"},
			Redis: v1alpha1.RedisSpec{
				Replicas: 3, Sentinels: 3, Quorum: 2, DownAfterMilliseconds: 5000, MinReplicasToWrite: &one,
				Storage: v1alpha1.StorageSpec{Size: "1Gi"},
			},
		},
	}
	if change != nil {
		change(&env.Spec.Redis)
	}
	return env
}

func render(t *testing.T, objects []runtime.ApplyConfiguration) string {
	t.Helper()
	documents := make([]string, 0, len(objects))
	for _, o := range objects {
		if m, ok := o.(*coreac.ConfigMapApplyConfiguration); ok {
			for name := range m.Data {
				if name != "settings.sh" {
					m.Data[name] = "(the script of this name)"
				}
			}
		}
		if s, ok := o.(*appsac.StatefulSetApplyConfiguration); ok {
			for name := range s.Spec.Template.Annotations {
				s.Spec.Template.Annotations[name] = "(a hash)"
			}
		}
		data, err := yaml.Marshal(o)
		require.NoError(t, err)
		documents = append(documents, string(data))
	}
	return strings.Join(documents, "---\n")
}

func TestObjectsMatchTheGoldenFiles(t *testing.T) {
	class, none := "fast", int32(0)
	cases := map[string]*v1alpha1.PawsEnvironment{
		"defaults": environment(nil),
		"single": environment(func(r *v1alpha1.RedisSpec) {
			r.Replicas, r.Sentinels, r.Quorum, r.MinReplicasToWrite = 1, 1, 1, &none
			r.Storage.StorageClassName = &class
			r.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100Mi")}}
			r.Expose = &v1alpha1.ExposeSpec{NodePort: 30379}
		}),
	}
	cases["tls"] = environment(func(r *v1alpha1.RedisSpec) { r.TLS = true })
	for name, env := range cases {
		t.Run(name, func(t *testing.T) {
			got := render(t, redis.Objects(env, "pawskind/redis:8", certificates))
			golden := filepath.Join("testdata", name+".yaml")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// Settings that running Sentinels are told must not restart any pod.
func TestSentinelSettingsLeaveThePodsAlone(t *testing.T) {
	pods := func(env *v1alpha1.PawsEnvironment) string {
		var all string
		for _, o := range redis.Objects(env, "image", certificates) {
			if s, ok := o.(*appsac.StatefulSetApplyConfiguration); ok {
				data, err := yaml.Marshal(s.Spec.Template)
				require.NoError(t, err)
				all += string(data)
			}
		}
		return all
	}
	changed := environment(func(r *v1alpha1.RedisSpec) {
		r.Sentinels, r.Quorum, r.DownAfterMilliseconds, r.Replicas = 5, 3, 1000, 5
	})
	require.Equal(t, pods(environment(nil)), pods(changed))
}

// A server reads new certificates by itself; a Sentinel can't, and is replaced.
func TestCertificatesReplaceOnlySentinelsThatSpeakTLS(t *testing.T) {
	templates := func(tls bool, c redis.Certificates) map[string]string {
		all := map[string]string{}
		for _, o := range redis.Objects(environment(func(r *v1alpha1.RedisSpec) { r.TLS = tls }), "image", c) {
			if s, ok := o.(*appsac.StatefulSetApplyConfiguration); ok {
				data, err := yaml.Marshal(s.Spec.Template)
				require.NoError(t, err)
				all[*s.Name] = string(data)
			}
		}
		return all
	}
	for _, other := range []redis.Certificates{{Roots: "roots", Fingerprint: "other"}, {Roots: "other", Fingerprint: "fingerprint"}} {
		require.Equal(t, templates(false, certificates), templates(false, other))
		before, after := templates(true, certificates), templates(true, other)
		require.Equal(t, before["redis"], after["redis"])
		require.NotEqual(t, before["sentinel"], after["sentinel"])
	}
}

// An environment can be read in /proc, and stays as it was when the process began.
func TestPasswordsAreInNoEnvironment(t *testing.T) {
	for _, o := range redis.Objects(environment(nil), "image", certificates) {
		set, ok := o.(*appsac.StatefulSetApplyConfiguration)
		if !ok {
			continue
		}
		for _, v := range set.Spec.Template.Spec.Containers[0].Env {
			require.True(t, v.ValueFrom == nil || v.ValueFrom.SecretKeyRef == nil, *v.Name)
		}
	}
}
