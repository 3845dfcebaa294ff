package secrets

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadMakesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.env")
	values, err := Read(file)
	require.NoError(t, err)
	require.Empty(t, values)
	require.NoFileExists(t, file)

	require.NoError(t, os.WriteFile(file, []byte("# mine\nTOKEN='a b'\n"), 0o600))
	values, err = Read(file)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"TOKEN": "a b"}, values)
}
