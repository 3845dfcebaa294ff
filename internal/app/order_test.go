package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
)

func TestCycle(t *testing.T) {
	on := func(name string, dependsOn ...string) v1alpha1.AppSpec {
		return v1alpha1.AppSpec{Name: name, DependsOn: dependsOn}
	}
	for name, c := range map[string]struct {
		apps []v1alpha1.AppSpec
		want string
	}{
		"no apps":             {nil, ""},
		"a chain":             {[]v1alpha1.AppSpec{on("a", "b"), on("b", "c"), on("c", "postgres")}, ""},
		"two ways to one":     {[]v1alpha1.AppSpec{on("a", "b", "c"), on("b", "d"), on("c", "d"), on("d")}, ""},
		"itself":              {[]v1alpha1.AppSpec{on("a", "a")}, "a → a"},
		"each other":          {[]v1alpha1.AppSpec{on("a", "b"), on("b", "a")}, "a → b → a"},
		"the way in left out": {[]v1alpha1.AppSpec{on("a", "redis", "b"), on("b", "c"), on("c", "d"), on("d", "b")}, "b → c → d → b"},
		"not from the first":  {[]v1alpha1.AppSpec{on("a"), on("b", "c"), on("c", "b")}, "b → c → b"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Cycle(c.apps)) })
	}
}

func TestMissing(t *testing.T) {
	app := v1alpha1.AppSpec{DependsOn: []string{"postgres", "redis", "backend"}}
	require.Equal(t, []string{"postgres", "backend"}, Missing(app, func(name string) bool { return name == "redis" }))
	require.Empty(t, Missing(app, func(string) bool { return true }))
	require.Empty(t, Missing(v1alpha1.AppSpec{}, func(string) bool { return false }))
}
