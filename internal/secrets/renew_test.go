package secrets

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
)

func TestWhatWasBeforeIsKeptUntilAllIsRenewed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.env")
	before, err := Ensure(file)
	require.NoError(t, err)
	require.NoError(t, Renew(file, []string{naming.KeyJWTSecret, naming.KeyRedisPassword}))
	after, err := Read(file)
	require.NoError(t, err)
	require.NotEqual(t, before[naming.KeyJWTSecret], after[naming.KeyJWTSecret])
	require.Equal(t, before[naming.KeyPostgresPassword], after[naming.KeyPostgresPassword])
	require.NoError(t, Check(file))

	unfinished, err := Unfinished(file)
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		naming.KeyJWTSecret: before[naming.KeyJWTSecret], naming.KeyRedisPassword: before[naming.KeyRedisPassword],
	}, unfinished)
	info, err := os.Stat(previousFile(file))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, Renewed(file))
	unfinished, err = Unfinished(file)
	require.NoError(t, err)
	require.Empty(t, unfinished)
	require.NoError(t, Renewed(file), "nothing to forget")
}

// A run that is killed between its two writes has changed nothing.
func TestKilledBeforeTheNewValues(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.env")
	values, err := Ensure(file)
	require.NoError(t, err)
	require.NoError(t, write(previousFile(file), replace(nil, values)))
	unfinished, err := Unfinished(file)
	require.NoError(t, err)
	require.Empty(t, unfinished)
}
