package redis_test

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// A password never becomes another setting or user of a server or a Sentinel,
// nor a command of the shell that writes their files.
func FuzzPasswordsStayPasswords(f *testing.F) {
	for _, seed := range []string{
		"x", `"`, `\`, `\"`, "a b", "x\nprotected-mode no", "x\r\nuser default on nopass ~* +@all", "\" \nport 1\n\"",
		"$(touch /tmp/pwned)", "`id`", "${PATH}", "CONF\nport 1", "'; id; '", "%s%n", "*", "-e", "tab\t", "\u00e9\u2028", `\n`, "sentinel monitor mymaster evil 6379 1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if strings.ContainsRune(password, 0) || strings.HasSuffix(password, "\n") || password == "" || !utf8.ValidString(password) {
			t.Skip("the operator takes no such password")
		}
		for script, key := range map[string]string{"redis-start.sh": "REDIS_REPLICATION_PASSWORD", "sentinel-start.sh": "REDIS_MONITOR_PASSWORD"} {
			b := newBed(t)
			plain := b.run(script, strings.TrimSuffix(script, "-start.sh")+"-1")
			require.NoError(t, os.RemoveAll(b.data))
			require.NoError(t, os.Mkdir(b.data, 0o755))
			b.secret(key, password)
			hostile := b.run(script, strings.TrimSuffix(script, "-start.sh")+"-1")
			before, after := strings.Split(plain, "\n"), strings.Split(hostile, "\n")
			require.Len(t, after, len(before), hostile)
			for i, line := range after {
				if line == before[i] {
					continue
				}
				words := arguments(t, line)
				switch words[0] {
				case "user":
					require.Equal(t, "#"+sha(password), words[len(words)-1])
					words[len(words)-1] = "#" + sha(strings.ToLower(key)+`"\'`)
					require.Equal(t, before[i], strings.Join(words, " "))
				default:
					require.Equal(t, password, words[len(words)-1])
					require.Equal(t, arguments(t, before[i])[:len(words)-1], words[:len(words)-1])
				}
			}
		}
	})
}

// arguments reads a line of a configuration file as Redis does.
// Source: Redis, sds.c, sdssplitargs.
func arguments(t *testing.T, line string) []string {
	t.Helper()
	var words []string
	for rest := strings.TrimLeft(line, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if rest[0] != '"' {
			end := strings.IndexAny(rest+" ", " \t")
			words, rest = append(words, rest[:end]), rest[end:]
			continue
		}
		var word strings.Builder
		i := 1
		for ; rest[i] != '"'; i++ {
			require.Less(t, i, len(rest)-1, "a quote has no end: %s", line)
			if rest[i] == '\\' {
				i++
				word.WriteString(strings.NewReplacer("n", "\n", "r", "\r").Replace(rest[i : i+1]))
				continue
			}
			word.WriteByte(rest[i])
		}
		words, rest = append(words, word.String()), rest[i+1:]
		require.True(t, rest == "" || rest[0] == ' ', "nothing may stand beside a quote: %s", line)
	}
	return words
}
