package etcd

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

	"github.com/paws360/pawskind/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func environment(replicas int32) *v1alpha1.PawsEnvironment {
	return &v1alpha1.PawsEnvironment{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: ns, UID: "1234"},
		Spec: v1alpha1.PawsEnvironmentSpec{
			Etcd: v1alpha1.EtcdSpec{Replicas: replicas, Storage: v1alpha1.StorageSpec{Size: "1Gi"}},
		},
	}
}

func objects(env *v1alpha1.PawsEnvironment, b Bootstrap) []runtime.ApplyConfiguration {
	bootstrap := BootstrapMap(env, b)
	bootstrap.Data["start.sh"] = "(the script of this name)"
	return append(Network(env), bootstrap, StatefulSet(env, "pawskind/etcd:1", env.Spec.Etcd.Replicas, ""))
}

func TestObjectsMatchTheGoldenFiles(t *testing.T) {
	joining := clusterOf(3)
	joining.do(Step{Action: ActionAdd, Ordinal: 4})
	for name, list := range map[string][]runtime.ApplyConfiguration{
		"new":     objects(environment(3), NewCluster(3)),
		"joining": objects(environment(5), Joining(ns, joining.members))[2:3],
	} {
		t.Run(name, func(t *testing.T) {
			var documents []string
			for _, o := range list {
				data, err := yaml.Marshal(o)
				require.NoError(t, err)
				documents = append(documents, string(data))
			}
			got, golden := strings.Join(documents, "---\n"), filepath.Join("testdata", name+".yaml")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestScalingChangesNoPod(t *testing.T) {
	template := func(env *v1alpha1.PawsEnvironment) any {
		return StatefulSet(env, "image", env.Spec.Etcd.Replicas, "").Spec.Template
	}
	require.Equal(t, template(environment(3)), template(environment(5)))
}

// A member reads whom to trust at its start: another CA replaces the members.
func TestAnotherCAReplacesThePods(t *testing.T) {
	template := func(certificates string) any {
		return StatefulSet(environment(3), "image", 3, certificates).Spec.Template
	}
	require.NotEqual(t, template("old"), template("old and new"))
}
