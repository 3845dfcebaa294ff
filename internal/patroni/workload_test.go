package patroni_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	coreac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/patroni"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func environment(change func(*v1alpha1.PawsEnvironment)) *v1alpha1.PawsEnvironment {
	env := &v1alpha1.PawsEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "paws", UID: "1234"},
		Spec: v1alpha1.PawsEnvironmentSpec{
			SecretsRef: v1alpha1.SecretReference{Name: "paws360-secrets"},
			Postgres: v1alpha1.PostgresSpec{
				Version: "17", Replicas: 3, SynchronousMode: v1alpha1.SynchronousQuorum,
				Patroni: v1alpha1.PatroniSpec{TTL: 30, LoopWait: 10, RetryTimeout: 10},
				Storage: v1alpha1.StorageSpec{Size: "5Gi"},
			},
		},
	}
	if change != nil {
		change(env)
	}
	return env
}

func render(t *testing.T, objects []runtime.ApplyConfiguration) string {
	t.Helper()
	documents := make([]string, 0, len(objects))
	for _, o := range objects {
		if m, ok := o.(*coreac.ConfigMapApplyConfiguration); ok {
			for name := range m.Data {
				if strings.HasSuffix(name, ".sh") {
					m.Data[name] = "(the script of this name)"
				}
			}
		}
		data, err := yaml.Marshal(o)
		require.NoError(t, err)
		documents = append(documents, string(data))
	}
	return strings.Join(documents, "---\n")
}

func TestObjectsMatchTheGoldenFiles(t *testing.T) {
	class, start := "fast", int32(0)
	cases := map[string]*v1alpha1.PawsEnvironment{
		"defaults": environment(nil),
		"single": environment(func(e *v1alpha1.PawsEnvironment) {
			p := &e.Spec.Postgres
			p.Version, p.Replicas, p.SynchronousMode = "15", 1, v1alpha1.SynchronousOff
			p.Storage.StorageClassName = &class
			p.Patroni = v1alpha1.PatroniSpec{TTL: 20, LoopWait: 5, RetryTimeout: 5, PrimaryStartTimeout: &start}
			p.Parameters = map[string]string{"work_mem": "16MB"}
			p.Expose = &v1alpha1.ExposeSpec{NodePort: 30432}
		}),
	}
	for name, env := range cases {
		t.Run(name, func(t *testing.T) {
			got := render(t, patroni.Objects(env, "pawskind/patroni:17", 3, ""))
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

func template(t *testing.T, env *v1alpha1.PawsEnvironment, etcdReplicas int32) string {
	t.Helper()
	objects := patroni.Objects(env, "image", etcdReplicas, "")
	return render(t, objects[len(objects)-1:])
}

func config(t *testing.T, env *v1alpha1.PawsEnvironment) map[string]any {
	t.Helper()
	for _, o := range patroni.Objects(env, "image", 3, "") {
		if m, ok := o.(*coreac.ConfigMapApplyConfiguration); ok {
			parsed := map[string]any{}
			require.NoError(t, yaml.Unmarshal([]byte(m.Data["patroni.yml"]), &parsed))
			return parsed
		}
	}
	t.Fatal("no ConfigMap")
	return nil
}

func TestSettingsThatPatroniAppliesByItselfRestartNoPod(t *testing.T) {
	before := template(t, environment(nil), 3)
	after := template(t, environment(func(e *v1alpha1.PawsEnvironment) {
		e.Spec.Postgres.Patroni.TTL = 60
		e.Spec.Postgres.SynchronousMode = v1alpha1.SynchronousOn
		e.Spec.Postgres.Parameters = map[string]string{"max_connections": "200"}
	}), 5)
	require.Equal(t, before, after)
}

func TestSpecValuesCannotBecomeSettings(t *testing.T) {
	evil := "1\nscope: other\npostgresql: {listen: '*:1'}"
	parsed := config(t, environment(func(e *v1alpha1.PawsEnvironment) {
		e.Spec.Postgres.Parameters = map[string]string{"work_mem": evil, "a: b\nscope": "x"}
	}))
	require.Equal(t, "paws360", parsed["scope"])
	dcs := parsed["bootstrap"].(map[string]any)["dcs"].(map[string]any)
	given := dcs["postgresql"].(map[string]any)["parameters"].(map[string]any)
	require.Equal(t, evil, given["work_mem"])
	require.Equal(t, "x", given["a: b\nscope"])
}

func TestSynchronousModes(t *testing.T) {
	cases := []struct {
		mode   v1alpha1.SynchronousMode
		want   any
		strict bool
	}{
		{v1alpha1.SynchronousQuorum, "quorum", true},
		{v1alpha1.SynchronousOn, true, true},
		{v1alpha1.SynchronousOff, false, false},
	}
	for _, c := range cases {
		t.Run(string(c.mode), func(t *testing.T) {
			got := patroni.DynamicConfig(environment(func(e *v1alpha1.PawsEnvironment) { e.Spec.Postgres.SynchronousMode = c.mode }))
			require.Equal(t, c.want, got["synchronous_mode"])
			require.Equal(t, c.strict, got["synchronous_mode_strict"])
		})
	}
}

func TestDrift(t *testing.T) {
	want := map[string]any{
		"ttl": int32(30), "synchronous_mode": "quorum",
		"postgresql": map[string]any{"use_slots": true, "parameters": map[string]any{"max_connections": "100"}},
	}
	cases := map[string]struct{ have, patch map[string]any }{
		"the same, numbers and text alike": {
			have: map[string]any{"ttl": 30.0, "synchronous_mode": "quorum",
				"postgresql": map[string]any{"use_slots": true, "parameters": map[string]any{"max_connections": 100.0}}},
		},
		"a foreign setting stays": {
			have: map[string]any{"ttl": 30.0, "synchronous_mode": "quorum", "pause": true,
				"postgresql": map[string]any{"use_slots": true, "parameters": map[string]any{"max_connections": "100"}}},
		},
		"a foreign parameter goes": {
			have: map[string]any{"ttl": 30.0, "synchronous_mode": "quorum",
				"postgresql": map[string]any{"use_slots": true, "parameters": map[string]any{"max_connections": "100", "fsync": "off"}}},
			patch: map[string]any{"postgresql": map[string]any{"parameters": map[string]any{"fsync": nil}}},
		},
		"changed and missing": {
			have: map[string]any{"ttl": 20.0, "postgresql": map[string]any{"use_slots": true}},
			patch: map[string]any{"ttl": 30.0, "synchronous_mode": "quorum",
				"postgresql": map[string]any{"parameters": map[string]any{"max_connections": "100"}}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.patch, patroni.Drift(want, c.have))
		})
	}
}
