package patroni

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// A parameter's name or value never becomes another setting of Patroni's file:
// not a line of pg_hba, a user, nor another parameter.
func FuzzParametersStayParameters(f *testing.F) {
	for _, seed := range [][2]string{
		{"work_mem", "8MB"},
		{"work_mem", "'; shared_preload_libraries = 'evil"},
		{"work_mem", "8MB\n  pg_hba:\n  - host all all all trust"},
		{"a: b\npg_hba", "- local all all trust"},
		{"archive_command", "$(reboot) `reboot` ${PATH} %p"},
		{"x", "!!python/object/apply:os.system [reboot]"},
		{"*alias", "&anchor"}, {"", ""}, {"null", "~"}, {"1", "0o17"}, {"no", "yes"},
		{"#", "# comment"}, {"tab\t", "\x00\u0085\u2028"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		name = folded(name)
		env := &v1alpha1.PawsEnvironment{ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "paws"}}
		env.Spec.Postgres = v1alpha1.PostgresSpec{Version: "17", Replicas: 3, SynchronousMode: v1alpha1.SynchronousQuorum}
		var without, with map[string]any
		require.NoError(t, yaml.UnmarshalStrict([]byte(configFile(env, 3)), &without))
		env.Spec.Postgres.Parameters = map[string]string{name: value}
		require.NoError(t, yaml.UnmarshalStrict([]byte(configFile(env, 3)), &with))
		given := nested(with, "bootstrap", "dcs", "postgresql", "parameters")
		require.Contains(t, given, valid(name))
		require.Equal(t, folded(value), folded(given[valid(name)].(string)))
		delete(given, valid(name))
		delete(nested(without, "bootstrap", "dcs", "postgresql", "parameters"), valid(name))
		require.Equal(t, without, with)
	})
}

// folded makes U+0085 a space, as YAML does within a line.
func folded(s string) string { return strings.ReplaceAll(valid(s), "\u0085", " ") }

// valid is the string as JSON can hold it, as the API server does.
func valid(s string) string { return string([]rune(s)) }
