package app

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var paths = v1alpha1.AppHealthSpec{Path: "/health", ReadinessPath: "/health/ready", LivenessPath: "/health/live"}

func environmentOf(apps ...v1alpha1.AppSpec) *v1alpha1.PawsEnvironment {
	return &v1alpha1.PawsEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "paws", UID: "1234"},
		Spec: v1alpha1.PawsEnvironmentSpec{
			SecretsRef: v1alpha1.SecretReference{Name: "paws360-secrets"},
			Etcd:       v1alpha1.EtcdSpec{Replicas: 3},
			Postgres:   v1alpha1.PostgresSpec{Replicas: 3},
			Redis:      v1alpha1.RedisSpec{Replicas: 3, Sentinels: 3},
			Apps:       apps,
		},
	}
}

func TestObjectsMatchTheGoldenFiles(t *testing.T) {
	two, optional := int32(2), true
	backend := v1alpha1.AppSpec{
		Name: "course-backend", Image: "pawskind/backend:1", Port: 8080, Replicas: &two, Health: paths,
		MetricsPath: "/metrics", DependsOn: []string{"etcd", "postgres", "redis"},
		SecretEnv: []string{"JWT_SECRET"},
		Env: []corev1.EnvVar{
			{Name: "LOG_LEVEL", Value: "debug"},
			{Name: "NODE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}},
			{Name: "FLAGS", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: "flags"}, Key: "all"}}},
			{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: "tokens"}, Key: "one", Optional: &optional}}},
			{Name: "MEMORY", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{
				Resource: "limits.memory", Divisor: resource.MustParse("1Mi")}}},
		},
	}
	frontend := v1alpha1.AppSpec{
		Name: "frontend", Image: "pawskind/frontend:1", Port: 3000, Health: paths,
		DependsOn: []string{"course-backend"}, Expose: &v1alpha1.ExposeSpec{NodePort: 30300},
	}
	env := environmentOf(backend, frontend)
	for _, app := range env.Spec.Apps {
		t.Run(app.Name, func(t *testing.T) {
			var documents []string
			for _, o := range append([]runtime.ApplyConfiguration{Network(env, app)}, Objects(env, app, Start{})...) {
				data, err := yaml.Marshal(o)
				require.NoError(t, err)
				documents = append(documents, string(data))
			}
			got, golden := strings.Join(documents, "---\n"), filepath.Join("testdata", app.Name+".yaml")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// What an app is told of a dependency, and of no other.
func TestEnvironmentOfEachDependency(t *testing.T) {
	for dependency, want := range map[string][]string{
		"etcd":     {"ETCD_CACERT", "ETCD_ENDPOINTS", "ETCD_PASSWORD", "ETCD_PREFIX", "ETCD_USERNAME", "PORT"},
		"postgres": {"DATABASE_PASSWORD", "DATABASE_URL", "DATABASE_USERNAME", "PORT"},
		"redis":    {"PORT", "REDIS_MASTER_NAME", "REDIS_PASSWORD", "REDIS_SENTINELS", "REDIS_SENTINEL_PASSWORD", "REDIS_SENTINEL_USERNAME", "REDIS_USERNAME"},
		"my-app":   {"MY_APP_URL", "PORT"},
		"nobody":   {"PORT"},
	} {
		t.Run(dependency, func(t *testing.T) {
			env := environmentOf(v1alpha1.AppSpec{Name: "my-app", Port: 80})
			var names []string
			for _, v := range environment(env, v1alpha1.AppSpec{Port: 8080, DependsOn: []string{dependency}}) {
				names = append(names, *v.Name)
				if v.ValueFrom != nil {
					require.Equal(t, "paws360-credentials", *v.ValueFrom.SecretKeyRef.Name)
					require.Nil(t, v.Value, "a password is never a value")
				}
			}
			require.Equal(t, want, names)
		})
	}
}

func TestTheSpecsOwnVariableWins(t *testing.T) {
	vars := environment(environmentOf(), v1alpha1.AppSpec{
		Port: 8080, DependsOn: []string{"postgres"}, SecretEnv: []string{"DATABASE_USERNAME"},
		Env: []corev1.EnvVar{{Name: "DATABASE_URL", Value: "mine"}},
	})
	require.Len(t, vars, 4)
	require.Equal(t, "mine", *vars[1].Value)
	require.Equal(t, "DATABASE_USERNAME", *vars[2].ValueFrom.SecretKeyRef.Key)
}

// Pods follow each other when a secret that they are given is another one, or
// whom they trust, and stay otherwise.
func TestAnAppStartsAnewForWhatItReadsAtItsStart(t *testing.T) {
	env := &v1alpha1.PawsEnvironment{}
	app := v1alpha1.AppSpec{Name: "backend", DependsOn: []string{"redis"}, SecretEnv: []string{"JWT_SECRET"}}
	started := func(start Start) map[string]string { return Deployment(env, app, start).Spec.Template.Annotations }
	first := started(Start{Certificates: "a"})
	for name, c := range map[string]struct {
		start Start
		anew  bool
	}{
		"a secret of its own":          {Start{Certificates: "a", Versions: map[string]int{"JWT_SECRET": 1}}, true},
		"a password of what it uses":   {Start{Certificates: "a", Versions: map[string]int{"REDIS_PASSWORD": 1}}, true},
		"a password of somebody else":  {Start{Certificates: "a", Versions: map[string]int{"POSTGRES_PASSWORD": 1}}, false},
		"another CA":                   {Start{Certificates: "b"}, true},
		"a secret that never was else": {Start{Certificates: "a", Versions: map[string]int{"JWT_SECRET": 0}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.anew, !maps.Equal(first, started(c.start)))
		})
	}
}
