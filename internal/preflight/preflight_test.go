package preflight

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

// fine is a machine on which there is nothing to say.
func fine() Facts {
	return Facts{
		Engine:      &engine.Engine{Kind: "docker", Version: "28.1.0", CPUs: 8, MemoryBytes: 16 * giga, CgroupVersion: "2"},
		EngineState: EngineWorks, Profile: project.ProfileFull, Nodes: 1,
		Disks: []Disk{{Path: "/data", Free: 50 * giga, Device: 1}},
		Ports: []Port{
			{Number: 3000, Purpose: "the frontend", Key: "ports.frontend"},
			{Number: 5432, Purpose: "PostgreSQL", Key: "ports.postgres"},
		},
		InotifyInstances: 1024, InotifyWatches: 524288,
		Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(*Facts)
		severity Severity
		want     string
		exit     int
	}{
		"engine missing": {func(f *Facts) { f.Engine, f.EngineState = nil, EngineMissing }, Error,
			"[SYSTEM] ERR_SYS_013: no container engine is installed | Install Docker (20.10 or newer) or Podman (4.0 or newer)", 3},
		"engine stopped": {func(f *Facts) { f.Engine, f.EngineState, f.EngineMessage = nil, EngineStopped, "no answer" }, Error,
			"[SYSTEM] ERR_SYS_014: the container engine does not answer: no answer | ", 3},
		"engine denied": {func(f *Facts) { f.Engine, f.EngineState, f.EngineMessage = nil, EngineDenied, "no" }, Error, "ERR_SYS_016", 3},
		"docker old": {func(f *Facts) { f.Engine.Version = "19.03.8" }, Error,
			"ERR_SYS_015: docker 19.03.8 is too old: 20.10 or newer is needed", 2},
		"podman old": {func(f *Facts) { f.Engine.Kind, f.Engine.Version = "podman", "3.4.4" }, Error, "podman 3.4.4 is too old: 4.0", 2},
		// TC-022
		"8 GB": {func(f *Facts) { f.Engine.MemoryBytes = 8 * giga }, Warning,
			"[SYSTEM] ERR_SYS_001: Insufficient RAM detected. 8GB available, 16GB required. Environment may not start or perform poorly. | ", 3},
		"4 GB":           {func(f *Facts) { f.Engine.MemoryBytes = 4 * giga }, Error, "cannot run in less than 6GB", 3},
		"fast with 4 GB": {func(f *Facts) { f.Engine.MemoryBytes, f.Profile = 4*giga, project.ProfileFast }, Warning, "4GB available, 8GB required", 3},
		"two cores":      {func(f *Facts) { f.Engine.CPUs = 2 }, Warning, "ERR_SYS_003: 2 CPU cores available, 4 recommended", 3},
		"little disk":    {func(f *Facts) { f.Disks[0].Free = 3 * giga }, Warning, "ERR_SYS_002: Low disk space, cleanup recommended: 3.0 GB free at /data", 3},
		"no disk":        {func(f *Facts) { f.Disks[0].Free = giga }, Error, "Insufficient disk space, cannot start: 1000 MB free at /data", 3},
		// TC-006
		"port in use": {func(f *Facts) { f.Ports[1].InUse, f.Ports[1].Holder = true, Holder{Name: "nc", PID: 123} }, Error,
			"[NETWORK] ERR_NET_001: Port 5432 required for PostgreSQL is already in use by nc (pid 123) | Stop it: kill 123, or set ports.postgres in pawskind.yaml", 3},
		"port of a container": {func(f *Facts) { f.Ports[0].InUse, f.Ports[0].Holder = true, Holder{Container: "web"} }, Error,
			"Port 3000 required for the frontend is already in use by container web", 3},
		"port of nobody seen": {func(f *Facts) { f.Ports[0].InUse = true }, Error, "in use by another process | Find it: sudo lsof -i:3000", 3},
		"port twice":          {func(f *Facts) { f.Ports[1].Number = 3000 }, Error, "Port 3000 is chosen for the frontend and for PostgreSQL", 3},
		"inotify":             {func(f *Facts) { f.Nodes, f.InotifyInstances = 3, 128 }, Warning, "ERR_SYS_004: inotify allows 128 instances", 3},
		"cgroup v1":           {func(f *Facts) { f.Engine.CgroupVersion = "1" }, Info, "ERR_SYS_006", 2},
		"clock":               {func(f *Facts) { f.Latest = f.Now.Add(time.Hour) }, Error, "ERR_SYS_005: the clock says 2026-01-02 03:04:05 and is behind the project's own files by 1h0m0s", 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := fine()
			test.change(&f)
			found := Judge(f)
			require.Len(t, found, 1)
			require.Equal(t, test.severity, found[0].Severity)
			require.Contains(t, found[0].Error(), test.want)
			require.Equal(t, test.exit, found[0].Exit())
		})
	}
}

func TestNothingToSay(t *testing.T) {
	f := fine()
	require.Empty(t, Judge(f))
	f.InotifyInstances = 128
	require.Empty(t, Judge(f), "one node needs few inotify instances")
	f.Engine.MemoryBytes = 15_600 * mega
	require.Empty(t, Judge(f), "a 16 GB machine shows a little less")
}

func TestAllProblemsAtOnce(t *testing.T) {
	f := fine()
	f.Engine.CPUs, f.Disks[0].Free = 2, giga
	f.Ports[0].InUse, f.Ports[1].InUse = true, true
	found := Judge(f)
	require.Len(t, Errors(found), 3)
	require.Len(t, Warnings(found), 1)
	require.Equal(t, Warning, found[3].Severity, "errors come first")
	require.Equal(t, problem.ExitResource, problem.Exit(Errors(found)))
}

func TestStateOf(t *testing.T) {
	for text, want := range map[string]EngineState{
		"docker info: exit status 1: Got permission denied while trying to connect": EngineDenied,
		"docker info: Cannot connect to the Docker daemon at unix:///x":             EngineStopped,
		"podman info: exit status 125: Error: something":                            EngineFails,
	} {
		state, _ := StateOf(errors.New(text))
		require.Equal(t, want, state, text)
	}
	state, _ := StateOf(engine.ErrNone)
	require.Equal(t, EngineMissing, state)
}

func TestAPortInUseIsSeen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	p := Port{Number: listener.Addr().(*net.TCPAddr).Port}
	look(context.Background(), nil, "127.0.0.1", &p)
	require.True(t, p.InUse)
	require.Equal(t, os.Getpid(), p.Holder.PID)

	require.NoError(t, listener.Close())
	p = Port{Number: p.Number}
	look(context.Background(), nil, "127.0.0.1", &p)
	require.False(t, p.InUse)
}

func TestListeners(t *testing.T) {
	table := `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1538 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0
`
	inodes := map[string]bool{}
	listeners(bufio.NewScanner(strings.NewReader(table)), 5432, inodes)
	require.Equal(t, map[string]bool{"4711": true}, inodes)
}

func TestPublisherIn(t *testing.T) {
	table := "web\t0.0.0.0:3000->3000/tcp, 127.0.0.1:15432->5432/tcp\ndb\t127.0.0.1:5432->5432/tcp\nidle\t5432/tcp\n"
	require.Equal(t, "db", publisherIn(table, 5432))
	require.Equal(t, "web", publisherIn(table, 3000))
	require.Empty(t, publisherIn(table, 432))
}

func TestFromLsof(t *testing.T) {
	require.Equal(t, Holder{Name: "nc", PID: 12}, fromLsof("p12\ncnc\nf3\n"))
}
