package install

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

func TestDataOfAnotherShapeIsRefused(t *testing.T) {
	root := t.TempDir()
	full, err := Environment(configOf(project.ProfileFull))
	require.NoError(t, err)
	fast, err := Environment(configOf(project.ProfileFast))
	require.NoError(t, err)
	require.NoError(t, CheckShape(root, full), "no data yet")
	require.NoError(t, Folders(root, Claims(full)))
	require.NoError(t, NoteShape(root, full))
	require.NoError(t, CheckShape(root, full))
	err = CheckShape(root, fast)
	require.ErrorContains(t, err, "is of 3 etcd members, 1 are asked for")
	require.Equal(t, problem.ExitValidation, problem.Exit(err))
	full.Spec.Postgres.Version = "15"
	require.ErrorContains(t, CheckShape(root, full), "is of PostgreSQL 17, 15 is asked for")
}
