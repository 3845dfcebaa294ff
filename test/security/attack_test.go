// Package security attacks the running stack of this checkout. Start it with
// `make local-start`, and run this by `make test-security`.
package security

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/attackrun"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/project"
)

// target is the environment of the project in the folder PAWSKIND_PROJECT, or
// in the checkout.
func target(ctx context.Context, t *testing.T) attackrun.Target {
	t.Helper()
	folder := os.Getenv("PAWSKIND_PROJECT")
	if folder == "" {
		folder = "../.."
	}
	folder, err := filepath.Abs(folder)
	require.NoError(t, err)
	config, err := project.Load(folder, variables(), nil)
	require.NoError(t, err)
	used, err := engine.Detect(ctx, os.Getenv("PAWSKIND_PROVIDER"))
	require.NoError(t, err)
	found, err := attackrun.On(ctx, config, used)
	require.NoError(t, err, "the stack must be up: make local-start")
	return found
}

// variables are those of the program that change a project, such as PAWSKIND_NAME.
func variables() map[string]string {
	all := map[string]string{}
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "PAWSKIND_") {
			all[name] = value
		}
	}
	return all
}

// TC-031 and TC-032: each cell of the matrix is tried for real.
func TestTC031And032NobodyGetsInWithoutTheRightTo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	results, err := attackrun.Run(ctx, target(ctx, t))
	require.NoError(t, err)
	require.Empty(t, attackrun.Failures(results))
}
