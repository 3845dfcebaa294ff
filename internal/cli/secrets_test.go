package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/secrets"
)

func TestSecretsAreGeneratedCheckedAndShown(t *testing.T) {
	var out, notes bytes.Buffer
	a := appIn(t, &UI{Out: &out, Err: &notes, Format: Text})
	require.ErrorContains(t, a.SecretsValidate(), "Missing secret: POSTGRES_PASSWORD. Run: make local-gen-secrets")
	require.NoError(t, a.SecretsGen())
	require.Contains(t, out.String(), "Generated 14 secrets")
	require.FileExists(t, filepath.Join(a.Config.Local(), "secrets.env.template"))
	require.NoError(t, a.SecretsValidate())

	values, err := secrets.Read(a.Config.SecretsFile())
	require.NoError(t, err)
	for _, value := range values {
		require.NotContains(t, out.String()+notes.String(), value)
	}
	out.Reset()
	require.NoError(t, a.SecretsShow(naming.KeyRedisPassword))
	require.Equal(t, values[naming.KeyRedisPassword]+"\n", out.String())
	require.ErrorContains(t, a.SecretsShow("NOTHING"), "ERR_SECRET_006")
	a.Format = JSON
	require.Equal(t, problem.ExitValidation, problem.Exit(a.SecretsShow(naming.KeyRedisPassword)))
	a.Format = Text

	require.NoError(t, os.Chmod(a.Config.SecretsFile(), 0o644))
	require.NoError(t, a.SecretsValidate())
	require.Contains(t, notes.String(), "was readable for other users")
}

func TestUpWantsAllSecretsOrNone(t *testing.T) {
	a := appIn(t, &UI{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Format: Text})
	u := &up{App: a}
	require.NoError(t, u.ensureSecrets(), "a new project needs no step")
	file := a.Config.SecretsFile()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	lost := bytes.Replace(content, []byte("POSTGRES_PASSWORD="), []byte("ELSEWHERE="), 1)
	require.NoError(t, os.WriteFile(file, lost, 0o600))
	require.ErrorContains(t, u.ensureSecrets(), "Missing secret: POSTGRES_PASSWORD. Run: make local-gen-secrets")

	member := filepath.Join(a.Config.ClusterData(), "paws360", "data-etcd-1", "member")
	require.NoError(t, os.MkdirAll(member, 0o700))
	require.ErrorContains(t, u.ensureSecrets(), "ERR_SECRET_002")
	require.ErrorContains(t, a.SecretsGen(), "ERR_SECRET_002", "a new password would open nothing")
}

// Without a stack there is nobody to tell: the file alone changes.
func TestRotatingWithoutAStack(t *testing.T) {
	var out bytes.Buffer
	a := appIn(t, &UI{Out: &out, Err: &bytes.Buffer{}, Format: Text, Yes: true})
	require.ErrorContains(t, a.SecretsRotate(t.Context(), nil), "Missing secret")
	require.NoError(t, a.SecretsGen())
	before, err := secrets.Read(a.Config.SecretsFile())
	require.NoError(t, err)
	require.ErrorContains(t, a.SecretsRotate(t.Context(), []string{"NOTHING"}), "ERR_SECRET_006")
	require.NoError(t, a.SecretsRotate(t.Context(), []string{naming.KeyJWTSecret, naming.KeyJWTSecret}))
	after, err := secrets.Read(a.Config.SecretsFile())
	require.NoError(t, err)
	require.NotEqual(t, before[naming.KeyJWTSecret], after[naming.KeyJWTSecret])
	require.Equal(t, before[naming.KeyRedisPassword], after[naming.KeyRedisPassword])
	require.NotContains(t, out.String(), after[naming.KeyJWTSecret])

	member := filepath.Join(a.Config.ClusterData(), "paws360", "data-etcd-1", "member")
	require.NoError(t, os.MkdirAll(member, 0o700))
	require.Error(t, a.SecretsRotate(t.Context(), nil), "data knows the old ones")
	same, err := secrets.Read(a.Config.SecretsFile())
	require.NoError(t, err)
	require.Equal(t, after, same)
}
