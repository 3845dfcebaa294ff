package patroni

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// The value that PostgreSQL itself keeps of the password of RFC 7677's example.
const pencil = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

func TestVerifier(t *testing.T) {
	salt, iterations, err := saltOf(pencil)
	require.NoError(t, err)
	made, err := verifier("pencil", salt, iterations)
	require.NoError(t, err)
	require.Equal(t, pencil, made)
	require.True(t, opens(pencil, "pencil"))
	for _, kept := range []string{"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$x:y$z:w", "SCRAM-SHA-256$99999999:W22ZaJ0SNY7soEsUEjb6gQ==$a:b"} {
		require.False(t, opens(kept, "pencil"), kept)
	}
	require.False(t, opens(pencil, "pen"))
	first, err := newVerifier("pencil")
	require.NoError(t, err)
	second, err := newVerifier("pencil")
	require.NoError(t, err)
	require.NotEqual(t, first, second, "each with a salt of its own")
	require.True(t, opens(first, "pencil"))
}

func TestStatementsOfALogin(t *testing.T) {
	got, err := letting(AppLogin("paws360", "x"), false, pencil)
	require.NoError(t, err)
	require.Equal(t, []string{`ALTER ROLE "paws360" LOGIN PASSWORD '` + pencil + `'`}, got)

	got, err = letting(AppLogin("paws360_b", "x"), true, pencil)
	require.NoError(t, err)
	require.Equal(t, []string{
		`CREATE ROLE "paws360_b"`,
		`GRANT "paws360" TO "paws360_b"`,
		`ALTER ROLE "paws360_b" SET role TO "paws360"`,
		`ALTER ROLE "paws360_b" LOGIN PASSWORD '` + pencil + `'`,
	}, got)
}

// Neither a name nor a value gets out of its quotes.
func FuzzLogin(f *testing.F) {
	f.Add(`a"; DROP ROLE postgres; --`, `SCRAM-SHA-256$1:a$b:c'; DROP ROLE postgres; --`)
	f.Fuzz(func(t *testing.T, role, kept string) {
		statements, err := letting(Login{Role: role}, false, kept)
		if err != nil {
			return
		}
		require.Len(t, statements, 1)
		require.NotContains(t, kept, "'")
		require.Equal(t, "ALTER ROLE "+name(role)+" LOGIN PASSWORD '"+kept+"'", statements[0])
	})
}

func TestThePreviousPasswordIsTriedToo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "old" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	p := NewProber()
	p.URL = func(string, string) string { return server.URL }
	require.NoError(t, p.Wake(context.Background(), "paws", "patroni-1", []string{"new", "old"}))
	require.ErrorContains(t, p.Wake(context.Background(), "paws", "patroni-1", []string{"new"}), "401")
}

// Whatever a secret is made of, it is the secret and nothing else to Patroni.
func TestSettingsOfSecrets(t *testing.T) {
	folder := t.TempDir()
	secrets := map[string]string{
		"rotation.serial": "7", "ETCD_PATRONI_USER": "patroni-b",
		"PATRONI_RESTAPI_PASSWORD": `it's: {a} #b`, "ETCD_PATRONI_PASSWORD": `"\n $(id) ` + "`id`", "POSTGRES_PASSWORD": "0123",
		"POSTGRES_REPLICATION_PASSWORD": "', x: y, '",
	}
	for key, value := range secrets {
		require.NoError(t, os.WriteFile(filepath.Join(folder, key), []byte(value), 0o600))
	}
	script, err := filepath.Abs("scripts/secrets.sh")
	require.NoError(t, err)
	command := exec.Command("bash", "-euo", "pipefail", "-c", `. "$0"; settings`, script)
	command.Env = append(os.Environ(), "SECRETS_DIR="+folder)
	out, err := command.Output()
	require.NoError(t, err)
	login := func(user, key string) map[string]any {
		return map[string]any{"username": user, "password": secrets[key]}
	}
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(out, &got))
	require.Equal(t, map[string]any{
		"tags":    map[string]any{"secrets": "7"},
		"restapi": map[string]any{"authentication": login("patroni", "PATRONI_RESTAPI_PASSWORD")},
		"etcd3":   login("patroni-b", "ETCD_PATRONI_PASSWORD"),
		"postgresql": map[string]any{"authentication": map[string]any{
			"superuser": login("postgres", "POSTGRES_PASSWORD"), "replication": login("replicator", "POSTGRES_REPLICATION_PASSWORD"),
			"rewind": login("rewind", "POSTGRES_REPLICATION_PASSWORD"),
		}},
	}, got)
}
