package schedule

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedirect(t *testing.T) {
	services := map[string]ServiceAddress{
		"db":    {Instead: map[string]string{"localhost:5432": "127.0.0.1:40001", "127.0.0.1:5432": "127.0.0.1:40001"}},
		"cache": {},
	}
	for text, want := range map[string]string{
		"postgres://u:p@localhost:5432/db?x=1": "postgres://u:p@127.0.0.1:40001/db?x=1",
		"jdbc:postgresql://127.0.0.1:5432/db":  "jdbc:postgresql://127.0.0.1:40001/db",
		"localhost:5432":                       "127.0.0.1:40001",
		"localhost:54321":                      "localhost:54321",
		"mylocalhost:5432":                     "mylocalhost:5432",
		"db.localhost:5432":                    "db.localhost:5432",
		"localhost:6379":                       "localhost:6379",
	} {
		require.Equal(t, want, Redirect(text, services), text)
	}
	require.Equal(t, map[string]string{"DB_PORT": "40001", "PGPORT": "40001", "SIZE": "5432", "URL": "x@127.0.0.1:40001"},
		RedirectEnv(map[string]string{"DB_PORT": "5432", "PGPORT": "5432", "SIZE": "5432", "URL": "x@localhost:5432"}, services))
	require.Equal(t, map[string]string{"PORT": "5432"}, RedirectEnv(map[string]string{"PORT": "5432"}, nil))
}
