package isolation

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// name is what the API server takes as an app's name.
var name = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$`)

// Whatever an app is called and wherever it listens, its policy has a name of
// its own and the members' ports are as closed as without it.
func FuzzAnAppOpensNothingOfOthers(f *testing.F) {
	for _, seed := range []string{"backend", "infra", "monitor", "app", "drill", "tier-app", "default-deny", "app-x", "members", "pki"} {
		f.Add(seed, int32(5432))
	}
	f.Fuzz(func(t *testing.T, app string, number int32) {
		if !name.MatchString(app) || naming.Tier(app) != naming.TierApp || number < 1 || number > 65535 {
			return
		}
		env := environment()
		env.Spec.Apps = nil
		before := decoded(t, env, kindCluster)
		env.Spec.Apps = []v1alpha1.AppSpec{{Name: app, Port: number, Expose: &v1alpha1.ExposeSpec{}}}
		after := decoded(t, env, kindCluster)
		seen := map[string]bool{}
		for _, p := range after {
			require.False(t, seen[p.Name], "two policies are called %s", p.Name)
			seen[p.Name] = true
		}
		require.Len(t, after, len(before)+1)
		for _, p := range before {
			for _, q := range after {
				if p.Name == q.Name {
					require.Equal(t, p.Spec.Ingress, q.Spec.Ingress, p.Name)
				}
			}
		}
	})
}
