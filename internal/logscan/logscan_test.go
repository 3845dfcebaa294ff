package logscan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The lines are of the servers' own making.
func TestScan(t *testing.T) {
	for name, c := range map[string]struct {
		log   string
		count int
		last  string
	}{
		"nothing": {"", 0, ""},
		"a quiet PostgreSQL": {
			"2026-11-23 20:00:01.000 UTC [1] LOG:  database system is ready to accept connections\n" +
				"2026-11-23 20:00:02,000 INFO: no action. I am (patroni-1), the leader with the lock", 0, "",
		},
		"PostgreSQL starts": {"2026-11-23 20:00:01.000 UTC [45] FATAL:  the database system is starting up", 0, ""},
		"PostgreSQL refuses a login": {
			"2026-11-23 20:00:01.000 UTC [9] FATAL:  password authentication failed for user \"x\"", 1,
			"2026-11-23 20:00:01.000 UTC [9] FATAL:  password authentication failed for user \"x\"",
		},
		"etcd's warning quotes an error": {`{"level":"warn","ts":"t","msg":"prober detected unhealthy status","error":"dial tcp: refused"}`, 0, ""},
		"etcd's error":                   {`{"level":"error","ts":"t","msg":"failed to publish","error":"timed out"}`, 1, "failed to publish: timed out"},
		"the newest counts": {
			`{"level":"ERROR","service":"backend","message":"first"}` + "\n" + `{"level":"ERROR","service":"backend","message":"second"}`, 2, "second",
		},
		"a word is no level": {"TERRORS and FATALITY are no errors", 0, ""},
		"broken JSON":        {`{"level":"ERROR","message":`, 1, `{"level":"ERROR","message":`},
		"a long line":        {"ERROR " + strings.Repeat("é", 300), 1, "ERROR " + strings.Repeat("é", 153) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			count, last := Scan(strings.NewReader(c.log))
			require.Equal(t, c.count, count)
			require.Equal(t, c.last, last)
		})
	}
}
