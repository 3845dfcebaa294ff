package main

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// secured is the environment whose protection is measured: the databases alone,
// Redis by TLS.
const secured = `apiVersion: paws360.io/v1alpha1
kind: PawsEnvironment
metadata: {name: paws360}
spec:
  redis: {tls: true}
`

//go:embed security.yaml
var clients string

const namespace = "paws360"

// way is how a benchmark's client comes to the server: with what protects the
// way, or without.
type way string

const (
	protected way = "protected"
	bare      way = "without"
)

// contest is one benchmark, run by both ways in turn, and its throughput in
// operations a second.
type contest struct {
	name  string
	limit float64 // percent that protection may cost; 0 for none
	// prepare comes before the first run; nil for nothing.
	prepare func() error
	run     func(way) (float64, error)
}

// security measures what TLS and authentication cost in throughput through the
// Services. Both ways lead to the same servers at the same time, so that nothing
// but the protection of the client's connection differs: a second way in is
// opened on the leader of PostgreSQL and on Redis' servers, in this cluster only.
// Replication stays as it is, encrypted.
func (b *bench) security(pairs, seconds int) error {
	file := filepath.Join(b.home, "environment.yaml")
	if err := os.WriteFile(file, []byte(secured), 0o644); err != nil {
		return err
	}
	if err := b.pawskind("reset", "--confirm", "yes-delete-all-data"); err != nil {
		return err
	}
	if err := b.pawskind("up", "--yes", "--set", "environment="+file); err != nil {
		return err
	}
	if err := b.openBareWays(); err != nil {
		return err
	}
	for _, c := range b.contests(seconds) {
		if err := b.compete(c, pairs); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (b *bench) contests(seconds int) []contest {
	tpcb := func(w way) (float64, error) { return b.pgbench(w, seconds) }
	return []contest{
		{"pgbench, TPC-B-like, scale 40, 8 clients", 15, func() error { return b.fill(40) }, tpcb},
		{"pgbench, select only, scale 40, 8 clients", 15, b.vacuum, func(w way) (float64, error) { return b.pgbench(w, seconds, "-S") }},
		// Ten rows that each transaction changes one of: clients wait for one another, and
		// so for each other's round trips.
		{"pgbench, TPC-B-like, scale 10, 8 clients", 15, func() error { return b.fill(10) }, tpcb},
		{"redis-benchmark SET, 50 clients, redis.tls", 0, nil, func(w way) (float64, error) { return b.redisBenchmark(w, true, "set") }},
		{"redis-benchmark GET, 50 clients, redis.tls", 0, nil, func(w way) (float64, error) { return b.redisBenchmark(w, true, "get") }},
		{"redis-benchmark SET, 50 clients, passwords alone", 15, nil, func(w way) (float64, error) { return b.redisBenchmark(w, false, "set") }},
		{"redis-benchmark GET, 50 clients, passwords alone", 15, nil, func(w way) (float64, error) { return b.redisBenchmark(w, false, "get") }},
	}
}

// compete lets both ways take turns, and each be the first as often as the
// other: what drifts concerns both.
func (b *bench) compete(c contest, pairs int) error {
	if c.prepare != nil {
		if err := c.prepare(); err != nil {
			return err
		}
	}
	if _, err := c.run(protected); err != nil { // the first run is slower than those that follow
		return err
	}
	for i := range pairs {
		order := []way{protected, bare}
		if i%2 == 1 {
			order = []way{bare, protected}
		}
		seen := map[way]float64{}
		for _, w := range order {
			value, err := c.run(w)
			if err != nil {
				return err
			}
			seen[w] = value
		}
		b.results.pair(c.name, c.limit, seen[protected], seen[bare])
		fmt.Fprintf(os.Stderr, "  %s: %.0f protected, %.0f without\n", c.name, seen[protected], seen[bare])
	}
	return nil
}

// openBareWays starts the clients, and opens the second ways: PostgreSQL's leader
// lets the application in by plain text and without a password, and Redis'
// servers listen on one more port, whose clients need no password.
func (b *bench) openBareWays() error {
	images := map[string]string{}
	for _, pod := range []string{"patroni-1", "redis-1"} {
		image, err := b.kubectl("get", "pod", pod, "-o", "jsonpath={.spec.containers[0].image}")
		if err != nil {
			return err
		}
		images[pod] = image
	}
	manifests := strings.NewReplacer("PATRONI_IMAGE", images["patroni-1"], "REDIS_IMAGE", images["redis-1"]).Replace(clients)
	apply := exec.CommandContext(b.ctx, b.engine, "exec", "-i", name+"-control-plane", "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "-n", namespace, "apply", "-f", "-")
	apply.Stdin, apply.Stderr = strings.NewReader(manifests), os.Stderr
	if err := apply.Run(); err != nil {
		return fmt.Errorf("starting the clients: %w", err)
	}
	if _, err := b.kubectl("wait", "pod/bench", "--for=condition=Ready", "--timeout=60s"); err != nil {
		return err
	}
	leader, err := b.kubectl("get", "pod", "-l", "paws360.io/role=primary", "-o", "name")
	if err != nil {
		return err
	}
	if _, err := b.kubectl("exec", leader, "--", "bash", "-c",
		`echo 'hostnossl all paws360 all trust' >>"$PGDATA/pg_hba.conf" && kill -HUP "$(head -n 1 "$PGDATA/postmaster.pid")"`); err != nil {
		return err
	}
	for _, member := range []string{"redis-1", "redis-2", "redis-3"} {
		for _, command := range []string{"config set port 6380", "acl setuser default on nopass allkeys allcommands"} {
			if _, err := b.kubectl("exec", member, "--", "bash", "-c", "/scripts/cli.sh -e "+command); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) kubectl(words ...string) (string, error) {
	out, err := exec.CommandContext(b.ctx, b.engine, append([]string{"exec", name + "-control-plane", "kubectl",
		"--kubeconfig", "/etc/kubernetes/admin.conf", "-n", namespace}, words...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(words, " "), err, bytes.TrimSpace(out))
	}
	return string(bytes.TrimSpace(out)), nil
}

// inBench runs a command in a container of the clients' pod, which has the
// settings of both ways.
func (b *bench) inBench(container string, w way, words ...string) (string, error) {
	const run = `case $1 in protected) export PGSSLMODE=verify-full PGPASSWORD=$APP_PASSWORD ;; *) export PGSSLMODE=disable ;; esac; shift; exec "$@"`
	return b.kubectl(append([]string{"exec", "bench", "-c", container, "--", "bash", "-c", run, "bash", string(w)}, words...)...)
}

// fill makes the tables of pgbench.
func (b *bench) fill(scale int) error {
	_, err := b.inBench("postgres", protected, "pgbench", "-q", "-i", "-s", strconv.Itoa(scale))
	return err
}

// vacuum does what autovacuum would do beside a contest that follows many writes.
func (b *bench) vacuum() error {
	_, err := b.inBench("postgres", protected, "psql", "-qc", "VACUUM ANALYZE")
	return err
}

var tps = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

func (b *bench) pgbench(w way, seconds int, more ...string) (float64, error) {
	out, err := b.inBench("postgres", w, append([]string{"pgbench", "-n", "-c", "8", "-j", "2", "-M", "prepared", "-T", strconv.Itoa(seconds)}, more...)...)
	if err != nil {
		return 0, err
	}
	found := tps.FindStringSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("pgbench told no throughput: %s", out)
	}
	return strconv.ParseFloat(found[1], 64)
}

// redisBenchmark compares TLS and password with neither or, without tls, the
// password alone with none, both by plain text.
func (b *bench) redisBenchmark(w way, tls bool, test string) (float64, error) {
	words := "redis-benchmark -h redis-bench -p 6380 -c 50 -n 150000 --csv -t " + test
	switch {
	case w == protected && tls:
		words = `redis-benchmark -h redis-master -p 6379 --tls --cacert "$CA_FILE" --user paws360 -a "$APP_PASSWORD" -c 50 -n 150000 --csv -t ` + test
	case w == protected:
		words += ` --user paws360 -a "$APP_PASSWORD"`
	}
	out, err := b.inBench("redis", w, "bash", "-c", words)
	if err != nil {
		return 0, err
	}
	return throughput(out)
}

// throughput reads the second column of what redis-benchmark --csv prints.
func throughput(out string) (float64, error) {
	reader := csv.NewReader(strings.NewReader(out))
	reader.FieldsPerRecord = -1
	reader.LazyQuotes = true
	records, err := reader.ReadAll()
	if err != nil {
		return 0, fmt.Errorf("reading what redis-benchmark said: %w", err)
	}
	for _, record := range records {
		if len(record) < 2 {
			continue
		}
		if value, err := strconv.ParseFloat(record[1], 64); err == nil {
			return value, nil
		}
	}
	return 0, fmt.Errorf("redis-benchmark told no throughput: %s", out)
}
