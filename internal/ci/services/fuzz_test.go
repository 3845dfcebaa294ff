package services

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a workflow names its user, database and password never becomes SQL of its own.
func FuzzNamesStayNamesInSQL(f *testing.F) {
	for _, seed := range []string{
		"app", `a"b`, `"; DROP DATABASE paws360; --`, "'; ALTER ROLE app SUPERUSER; --", `\'`, `\`, "", "a b", "é", "SUPERUSER", "$$", "E'",
	} {
		f.Add(seed, seed, seed)
	}
	f.Fuzz(func(t *testing.T, user, database, password string) {
		if strings.ContainsRune(user+database+password, 0) {
			t.Skip("pgx refuses it: the protocol ends a string with it")
		}
		s := scratch{user: user, database: database, password: password}
		var got []string
		for _, statement := range s.statements(ours, ours) {
			got = append(got, tokens(t, statement.sql))
		}
		name, owner := "<"+database+">", "<"+user+">"
		require.Equal(t, []string{
			"DROP DATABASE " + name + " WITH (FORCE)",
			"ALTER ROLE " + owner + " LOGIN CREATEDB NOSUPERUSER PASSWORD {" + password + "}",
			"COMMENT ON ROLE " + owner + " IS {" + madeHere + "}",
			"CREATE DATABASE " + name + " OWNER " + owner,
			"COMMENT ON DATABASE " + name + " IS {" + madeHere + "}",
		}, got)
	})
}

// tokens reads SQL as PostgreSQL does with standard_conforming_strings on, and
// gives it with <identifiers> and {literals} as they are meant.
// Source: PostgreSQL, "Lexical Structure".
func tokens(t *testing.T, sql string) string {
	t.Helper()
	var out strings.Builder
	for i := 0; i < len(sql); i++ {
		quote := sql[i]
		if quote != '"' && quote != '\'' {
			out.WriteByte(quote)
			continue
		}
		around := map[byte]string{'"': "<>", '\'': "{}"}[quote]
		out.WriteByte(around[0])
		for i++; ; i++ {
			require.Less(t, i, len(sql), "a quote has no end: %s", sql)
			if sql[i] == quote {
				if i+1 == len(sql) || sql[i+1] != quote {
					break
				}
				i++
			}
			out.WriteByte(sql[i])
		}
		out.WriteByte(around[1])
	}
	return out.String()
}
