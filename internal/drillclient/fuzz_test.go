package drillclient

import (
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
)

// A password is no other host, user, database or option of a connection.
func FuzzAPasswordStaysThePasswordOfItsURL(f *testing.F) {
	for _, seed := range []string{
		"x", "a@evil.test/", "a/b", "a?sslmode=disable", "a#b", "a:b", "%2f", "%", "a b", "'", `\`, "a&host=evil.test", ",evil.test:1", "é\u2028",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if !utf8.ValidString(password) {
			t.Skip("no Secret of text is such")
		}
		secrets := Secrets{Database: password, DatabaseUser: naming.DatabaseUser}
		outside := Outside{Postgres: "127.0.0.1:15432", Secrets: secrets}
		settings := Settings{Namespace: "paws", PostgresReplicas: 3}
		for address, hosts := range map[string]int{
			outside.postgresURL():                          1,
			postgresURL(settings, secrets, routeURL):       3,
			postgresURL(settings, secrets, routeService):   1,
			newPostgresLook(settings, secrets, 1, nil).url: 1,
		} {
			config, err := pgx.ParseConfig(address)
			require.NoError(t, err)
			require.Equal(t, password, config.Password)
			require.Equal(t, naming.DatabaseUser, config.User)
			require.Equal(t, naming.Database, config.Database)
			names := map[string]bool{config.Host: true}
			for _, other := range config.Fallbacks {
				names[other.Host] = true
			}
			require.Len(t, names, hosts)
			require.NotContains(t, names, "evil.test")
		}
	})
}
