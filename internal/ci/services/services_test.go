package services

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

func TestKindOf(t *testing.T) {
	for image, want := range map[string]string{
		"postgres": kindPostgres, "postgres:15-alpine": kindPostgres, "registry.example:5000/library/postgres:17": kindPostgres,
		"bitnami/postgresql:16": kindPostgres, "postgres@sha256:00": kindPostgres,
		"redis:7": kindRedis, "valkey/valkey:8": kindRedis,
		"postgis/postgis:16": "", "redis/redis-stack": "", "mysql:8": "", "registry.example/postgres/other": "",
	} {
		require.Equal(t, want, kindOf(image), image)
	}
}

func TestMajorOf(t *testing.T) {
	for image, want := range map[string]string{
		"postgres:15": "15", "postgres:17.2-alpine": "17", "postgres": "", "postgres:latest": "", "host:5000/postgres": "", "host:5000/postgres:16": "16",
	} {
		require.Equal(t, want, majorOf(image), image)
	}
}

func TestWantedHasTheImagesDefaults(t *testing.T) {
	require.Equal(t, wanted{"postgres", "x", "postgres"}, wantedOf(map[string]string{"POSTGRES_PASSWORD": "x"}))
	require.Equal(t, wanted{"app", "x", "app"}, wantedOf(map[string]string{"POSTGRES_PASSWORD": "x", "POSTGRES_USER": "app"}))
	require.Equal(t, wanted{"app", "", "test"}, wantedOf(map[string]string{"POSTGRES_USER": "app", "POSTGRES_DB": "test"}))
}

func TestMappings(t *testing.T) {
	all, err := mappings(ci.Service{Ports: []string{"15432:5432", "6379", "80/tcp"}})
	require.NoError(t, err)
	require.Equal(t, []mapping{{15432, 5432}, {0, 6379}, {0, 80}}, all)
	for _, wrong := range []string{"", "a:b", "1:2:3", "53:53/udp", "99999", "5432:0"} {
		_, err := mappings(ci.Service{Name: "db", Ports: []string{wrong}})
		require.ErrorContains(t, err, "ERR_CI_024", wrong)
	}
	ports, err := askedPorts([]ci.Service{{Ports: []string{"6379:6379", "5432"}}, {Ports: []string{"5432:5432", "6379:1"}}})
	require.NoError(t, err)
	require.Equal(t, []int{5432, 6379}, ports)
}

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                      nil,
		"  ":                                    nil,
		`--health-cmd pg_isready --tmpfs /x`:    {"--health-cmd", "pg_isready", "--tmpfs", "/x"},
		`--health-cmd "redis-cli ping" -e a\ b`: {"--health-cmd", "redis-cli ping", "-e", "a b"},
		"--a='x \"y\"'\n  --b \"\"":             {`--a=x "y"`, "--b", ""},
	} {
		got, err := words(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	_, err := words(`--a "b`)
	require.Error(t, err)
}

func TestRunArguments(t *testing.T) {
	s := ci.Service{Name: "db", Image: "mysql:8", Options: `--health-cmd "mysqladmin ping" --health-retries 5`}
	args, err := runArguments(ci.Job{Key: "test (1)"}, s, []mapping{{3307, 3306}, {0, 33060}}, "n", "/tmp/e")
	require.NoError(t, err)
	require.Equal(t, []string{"run", "--detach", "--name", "n", "--label", "io.paws360.pawskind.ci=test (1)", "--env-file", "/tmp/e",
		"--publish", "127.0.0.1:3307:3306", "--publish", "127.0.0.1::33060",
		"--health-cmd", "mysqladmin ping", "--health-retries", "5", "mysql:8"}, args)
}

func TestEnvFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	file, err := envFile(map[string]string{"B": "x y", "A": "1"})
	require.NoError(t, err)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "A=1\nB=x y\n", string(content))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	file, err = envFile(map[string]string{"KEY": "a\nb"})
	require.ErrorContains(t, err, "KEY has more than one line")
	require.NoFileExists(t, file)
}

func TestStateOfAContainer(t *testing.T) {
	health := func(status string) *struct{ Status string } { return &struct{ Status string }{status} }
	for name, test := range map[string]struct {
		state
		ready bool
		fails string
	}{
		"no health check": {state{Status: "running"}, true, ""},
		"podman without":  {state{Status: "running", Healthcheck: health("")}, true, ""},
		"starting":        {state{Status: "running", Health: health("starting")}, false, ""},
		"healthy":         {state{Status: "running", Health: health("healthy")}, true, ""},
		"podman healthy":  {state{Status: "running", Healthcheck: health("healthy")}, true, ""},
		"unhealthy":       {state{Status: "running", Health: health("unhealthy")}, false, "it is unhealthy"},
		"not yet":         {state{Status: "created"}, false, ""},
		"ended":           {state{Status: "exited", ExitCode: 3}, false, "it ended with status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			ready, err := test.verdict()
			require.Equal(t, test.ready, ready)
			if test.fails != "" {
				require.EqualError(t, err, test.fails)
			}
		})
	}
}

func TestPublishedPort(t *testing.T) {
	port, err := publishedPort("127.0.0.1:32768\n[::1]:32769\n")
	require.NoError(t, err)
	require.Equal(t, 32768, port)
	_, err = publishedPort("")
	require.Error(t, err)
}

func TestJobsThatAskForOnePortTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Provider
		var log bytes.Buffer
		first, err := p.take(t.Context(), 5432, io.Discard)
		require.NoError(t, err)
		other, err := p.take(t.Context(), 6379, io.Discard)
		require.NoError(t, err)
		other()
		got := make(chan func())
		go func() {
			release, _ := p.take(t.Context(), 5432, &log)
			got <- release
		}()
		synctest.Wait()
		require.Equal(t, "Waiting for port 5432, which another job uses\n", log.String())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = p.take(ctx, 5432, io.Discard)
		require.ErrorIs(t, err, context.Canceled)
		first()
		(<-got)()
	})
}

func TestWithoutEnvironmentOrEngine(t *testing.T) {
	config, err := project.Load(t.TempDir(), nil, nil)
	require.NoError(t, err)
	p := Of(config, FromEnvironment)
	begin := func(image string) error {
		_, stop, err := p.Start(t.Context(), ci.Job{Key: "test", Services: []ci.Service{{Name: "db", Image: image}}}, io.Discard)
		stop()
		return err
	}
	err = begin("postgres:15")
	require.ErrorContains(t, err, "ERR_CI_023")
	require.ErrorContains(t, err, "make local-start")
	require.ErrorContains(t, err, "--services container")
	require.Equal(t, problem.ExitNetwork, problem.Exit(err))
	p.Engine = func(context.Context) (*engine.Engine, error) { return nil, engine.ErrNone }
	require.ErrorContains(t, begin("mysql:8"), "the service db cannot run as a container of mysql:8: neither docker nor podman is installed")
	p.From = FromContainer
	require.ErrorContains(t, begin("postgres:15"), "ERR_CI_024")
}

func TestAPortThatIsTakenHasAnotherInstead(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	asked := taken.Addr().(*net.TCPAddr).Port
	var undo stack
	defer undo.run()
	echo := func(_ context.Context, c net.Conn) { _, _ = io.Copy(c, c) }
	address, err := open([]mapping{{asked, 5432}}, 5432, echo, &undo)
	require.NoError(t, err)
	got := address.Ports["5432"]
	require.NotEqual(t, asked, got)
	conn, err := net.Dial("tcp", address.Instead[taken.Addr().String()])
	require.NoError(t, err)
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "hello\n", line)
	undo.run()
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "what is open ends with the job")
	services := map[string]schedule.ServiceAddress{"db": address}
	require.NotContains(t, schedule.Redirect("postgres://u@"+taken.Addr().String()+"/db", services), taken.Addr().String())
}

func TestRedisCommandsAreRewritten(t *testing.T) {
	p := &redisProxy{space: keyspace{number: 3, user: "u", password: "p"}}
	for command, want := range map[string]string{
		"GET key":                          "GET key",
		"auth anything":                    "AUTH u p",
		"AUTH default anything":            "AUTH u p",
		"HELLO 3":                          "HELLO 3",
		"HELLO 3 AUTH default x SETNAME n": "HELLO 3 AUTH u p SETNAME n",
		"select 0":                         "SELECT 3",
		"SELECT 5":                         "SELECT 5",
		"FLUSHALL ASYNC":                   "FLUSHDB ASYNC",
	} {
		require.Equal(t, strings.Fields(want), p.rewrite(strings.Fields(command)), command)
	}
}

// FuzzDecode: what was encoded is read back, and nonsense ends in an error.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"))
	f.Add([]byte("PING\r\n\r\n*0\r\n"))
	f.Add([]byte("*1\r\n$-1\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := bufio.NewReader(bytes.NewReader(text))
		for {
			command, err := decode(in)
			if err != nil {
				return
			}
			if len(command) == 0 {
				continue
			}
			again, err := decode(bufio.NewReader(bytes.NewReader(encode(command))))
			require.NoError(t, err)
			require.Equal(t, command, again)
		}
	})
}

func TestTheLatestIsUndoneFirstAndOnce(t *testing.T) {
	var undo stack
	var order []int
	for i := range 3 {
		undo.add(func() { order = append(order, i) })
	}
	undo.run()
	undo.run()
	require.Equal(t, []int{2, 1, 0}, order)
}
