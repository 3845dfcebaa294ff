package ci

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci/cache"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

// The project's own pipeline has the stages of the requirements, in their order,
// and each job says what it reads.
func TestOwnPipelineHasTheStages(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	plan, err := workflow.Read(root, ".github/workflows/ci.yml", "push", nil)
	require.NoError(t, err)
	needs, paths := map[string][]string{}, map[string][]string{}
	for _, j := range plan.Jobs {
		needs[j.Key], paths[j.Key] = j.Needs, j.Paths
		require.NotEmpty(t, j.Paths, j.Key)
	}
	units := []string{"unit (pawskind)", "unit (backend)", "unit (frontend)"}
	require.Equal(t, map[string][]string{
		"lint": nil, units[0]: {"lint"}, units[1]: {"lint"}, units[2]: {"lint"},
		"integration": units, "build": units, "deploy": {"integration", "build"}, "smoke": {"build", "deploy"},
	}, needs)
	require.Equal(t, []string{"test/apps/backend/**"}, paths["unit (backend)"])
	for _, j := range plan.Jobs {
		if j.Key == "integration" {
			require.Len(t, j.Services, 2)
		}
	}
}

// A change runs again what reads it, and what depends on that; nothing else.
func TestOwnPipelineKnowsWhatAChangeAffects(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	plan, err := workflow.Read(root, ".github/workflows/ci.yml", "push", nil)
	require.NoError(t, err)
	for changed, want := range map[string]string{
		"test/apps/frontend/src/lib/log.ts": "unit (frontend), integration, build, deploy, smoke",
		"test/apps/backend/pom.xml":         "unit (backend), integration, build, deploy, smoke",
		"test/ci/apps/checks.go":            "lint, unit (pawskind), unit (backend), unit (frontend), integration, build, deploy, smoke",
		"README.md":                         "",
	} {
		require.Equal(t, want, strings.Join(cache.Affected(plan, []string{changed}), ", "), changed)
	}
}
