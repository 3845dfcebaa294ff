package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/project"
)

// Clients on this machine use what is published, with the project's passwords.
func TestOutsideIsWhatIsPublished(t *testing.T) {
	config := &project.Config{Root: t.TempDir(), Bind: "0.0.0.0"}
	config.Ports.Postgres, config.Ports.Backend = 15432, 18080
	require.NoError(t, os.MkdirAll(filepath.Dir(config.SecretsFile()), 0o755))
	require.NoError(t, os.WriteFile(config.SecretsFile(), []byte("POSTGRES_APP_PASSWORD=secret\nREDIS_PASSWORD=other\n"), 0o600))

	env := &v1alpha1.PawsEnvironment{}
	env.Spec.Postgres.Expose = &v1alpha1.ExposeSpec{NodePort: cluster.NodePortPostgres}
	env.Spec.Apps = []v1alpha1.AppSpec{{Name: "backend", Expose: &v1alpha1.ExposeSpec{NodePort: cluster.NodePortBackend}}}
	o := (&App{Config: config}).outside(env)
	require.Equal(t, "127.0.0.1:15432", o.Postgres)
	require.Equal(t, "http://127.0.0.1:18080", o.Backend)
	require.Empty(t, o.Redis, "it is not published")
	require.Equal(t, "secret", o.Secrets.Database)
	require.Equal(t, "other", o.Secrets.Redis)
}
