// Package e2e runs the built pawskind against a real engine, cluster, databases
// and browser, as a user would. The tests share one cluster and run in the order
// of their files: before it exists, while it runs, and when it ends.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/test/rights"
)

const (
	clusterName = "pawskind-e2e"
	node        = clusterName + "-control-plane"

	frontendPort = 13100
	backendPort  = 18180
	postgresPort = 15532
	redisPort    = 16479
)

var (
	// checkout is the repository; home is the folder of the tests' own project.
	checkout, home string
	// engineName is docker or podman: the one that pawskind uses.
	engineName string
	// kept is what the last tests look for leaks in.
	kept record
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	var err error
	if checkout, err = filepath.Abs("../.."); err != nil {
		return 1, err
	}
	used, err := engine.Detect(context.Background(), os.Getenv("PAWSKIND_PROVIDER"))
	if err != nil {
		return 1, err
	}
	engineName = used.Kind
	if home, err = os.MkdirTemp("", "pawskind-e2e-"); err != nil {
		return 1, err
	}
	config := fmt.Sprintf("name: %s\nsource: %s\nports:\n  frontend: %d\n  backend: %d\n  postgres: %d\n  redis: %d\n",
		clusterName, checkout, frontendPort, backendPort, postgresPort, redisPort)
	if judged() {
		config += "auditPolicy: audit.yaml\n"
		if err := os.WriteFile(filepath.Join(home, "audit.yaml"), []byte(rights.Policy), 0o644); err != nil {
			return 1, err
		}
	}
	if err := os.WriteFile(filepath.Join(home, "pawskind.yaml"), []byte(config), 0o644); err != nil {
		return 1, err
	}
	cleanUp() // what an earlier run may have left
	if judged() {
		defer kept.watch()()
	}
	code := m.Run()
	if code != 0 && os.Getenv("PAWSKIND_E2E_KEEP") != "" {
		fmt.Fprintln(os.Stderr, "the cluster stays; its project is", home)
		return code, nil
	}
	cleanUp()
	return code, os.RemoveAll(home)
}

// judged tells whether what the run does to the API, and what it leaves behind, is
// looked at in the end.
func judged() bool { return os.Getenv("PAWSKIND_E2E_JUDGED") != "" }

// cleanUp removes the tests' cluster and data, also when the programs are broken.
func cleanUp() {
	out, _ := exec.Command(engineName, "ps", "-aq", "--filter", "label=io.x-k8s.kind.cluster="+clusterName).Output()
	if ids := strings.Fields(string(out)); len(ids) > 0 {
		_ = exec.Command(engineName, append([]string{"rm", "-f", "-v"}, ids...)...).Run()
	}
}

// result is what a command did.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// all is everything that the command printed.
func (r result) all() string { return r.stdout + r.stderr }

// pawskind runs the program in the tests' project.
func pawskind(t *testing.T, args ...string) result {
	t.Helper()
	return command(t, home, nil, filepath.Join(checkout, "bin/pawskind"), args...)
}

func command(t *testing.T, folder string, env []string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = folder, append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	start := time.Now()
	err := c.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(start)}
	r.code = c.ProcessState.ExitCode()
	kept.output(filepath.Base(name), args, r.all())
	if err != nil && c.ProcessState == nil {
		t.Fatalf("running %s: %v", name, err)
	}
	t.Logf("%s %s: exit %d after %.1fs", filepath.Base(name), strings.Join(args, " "), r.code, r.took.Seconds())
	return r
}

// ok runs pawskind and wants exit status 0.
func ok(t *testing.T, args ...string) result {
	t.Helper()
	r := pawskind(t, args...)
	require.Zero(t, r.code, "pawskind %v:\n%s", args, r.all())
	return r
}

// kubectl runs the node's kubectl.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryKubectl(t, args...)
	require.NoError(t, err, "kubectl %v: %s", args, out)
	return out
}

// tryKubectl gives what kubectl printed: on success without its remarks, such as
// which of a pod's containers it took.
func tryKubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	words := append([]string{"exec", "-i", node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"}, args...)
	var out, remarks bytes.Buffer
	c := exec.CommandContext(t.Context(), engineName, words...)
	c.Stdout, c.Stderr = &out, &remarks
	err := c.Run()
	if err != nil {
		out.Write(remarks.Bytes())
	}
	return strings.TrimSpace(out.String()), err
}

// in runs a command in a pod of the environment.
func in(t *testing.T, pod string, words ...string) string {
	t.Helper()
	return kubectl(t, append([]string{"-n", "paws360", "exec", pod, "--"}, words...)...)
}

// onNode runs a command on the cluster's node.
func onNode(t *testing.T, words ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), engineName, append([]string{"exec", node}, words...)...).CombinedOutput()
	require.NoError(t, err, "%v on the node: %s", words, out)
	return strings.TrimSpace(string(out))
}

// report asks for the health of everything; the exit status is returned beside it.
func report(t *testing.T) (health.Report, int) {
	t.Helper()
	r := pawskind(t, "health", "-o", "json")
	var h health.Report
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &h), "health -o json: %s", r.all())
	return h, r.code
}

// healthy waits until every member is healthy.
func healthy(t *testing.T, within time.Duration) {
	t.Helper()
	r := pawskind(t, "health", "--wait", "--timeout", within.String())
	require.Zero(t, r.code, "not healthy within %s:\n%s", within, r.all())
}

// eventually waits for a condition.
func eventually(t *testing.T, within time.Duration, what string, check func() bool) {
	t.Helper()
	require.Eventually(t, check, within, 300*time.Millisecond, what)
}

// keep puts what a person may want to look at into the folder PAWSKIND_E2E_PICTURES.
func keep(t *testing.T, name string, content []byte) {
	t.Helper()
	folder := os.Getenv("PAWSKIND_E2E_PICTURES")
	if folder == "" {
		return
	}
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o644))
}

// secret reads a value of the project's secrets file.
func secret(t *testing.T, key string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(home, ".local/secrets.env"))
	require.NoError(t, err)
	for _, line := range strings.Split(string(content), "\n") {
		if value, found := strings.CutPrefix(line, key+"="); found {
			return value
		}
	}
	t.Fatalf("secrets.env has no %s", key)
	return ""
}

func databaseURL(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/paws360", secret(t, "POSTGRES_PASSWORD"), postgresPort)
}

// database connects to the leader through the host's port, as a developer's
// tools do.
func database(t *testing.T) *pgx.Conn {
	t.Helper()
	url := databaseURL(t)
	var conn *pgx.Conn
	eventually(t, 30*time.Second, "a connection to the leader", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var err error
		conn, err = pgx.Connect(ctx, url)
		return err == nil
	})
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// cache connects to the Redis master through the host's port.
func cache(t *testing.T) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", redisPort), Username: "paws360", Password: secret(t, "REDIS_PASSWORD")})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
