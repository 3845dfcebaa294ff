package agent

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if Hog(os.Args) {
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "hold-memory" { // a server with memory of its own
		block := make([]byte, 24<<20)
		for i := range block {
			block[i] = 1
		}
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
		fmt.Println(block[0])
		return
	}
	os.Exit(m.Run())
}

const (
	testUID   = "0f3c2d1e-aaaa-4bbb-8ccc-0123456789ab"
	otherUID  = "1f3c2d1e-aaaa-4bbb-8ccc-0123456789ab"
	testFault = "ns/env/fault/pod-1"
)

// rig is a node of its own: real cgroups below a folder that only it sees.
type rig struct {
	t    *testing.T
	node *Node
	// groups are the cgroup roots of the rig by hierarchy.
	groups map[string]string
}

func newRig(t *testing.T, hierarchies ...string) *rig {
	if os.Geteuid() != 0 {
		t.Skip("this test does a real fault to processes of this machine, for which one must be root")
	}
	base := fmt.Sprintf("pawskind-agent-test-%d-%s", os.Getpid(), strings.ReplaceAll(strings.ToLower(t.Name()), "/", "-"))
	r := &rig{t: t, groups: map[string]string{}, node: &Node{Proc: "/proc", Cgroup: t.TempDir(), StateDir: filepath.Join(t.TempDir(), "state")}}
	for _, name := range hierarchies {
		dir := filepath.Join("/sys/fs/cgroup", name, base)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.Symlink(dir, filepath.Join(r.node.Cgroup, name)))
		r.groups[name] = dir
		t.Cleanup(func() { removeGroups(t, dir) })
	}
	t.Cleanup(func() { _ = r.node.RestoreAll(context.Background()) })
	return r
}

// again is the agent after a crash: nothing is left of it but what it wrote.
func (r *rig) again() *Node {
	n := &Node{Proc: r.node.Proc, Cgroup: r.node.Cgroup, StateDir: r.node.StateDir, NodeNet: r.node.NodeNet}
	r.node = n
	return n
}

func removeGroups(t *testing.T, dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeGroups(t, filepath.Join(dir, e.Name()))
		}
	}
	require.NoError(t, until(5*time.Second, func() (bool, error) {
		err := os.Remove(dir)
		return err == nil || os.IsNotExist(err), nil
	}), dir)
}

func podPath(uid string) string { return "kubelet/kubepods/burstable/pod" + uid }

// server is a process in a container of a pod.
type testServer struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	raw *os.File
}

func (r *rig) start(uid, container string, attr *syscall.SysProcAttr, name string, args ...string) *testServer {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = attr
	in, err := cmd.StdinPipe()
	require.NoError(r.t, err)
	reader, writer, err := os.Pipe()
	require.NoError(r.t, err)
	cmd.Stdout, cmd.Stderr = writer, os.Stderr
	require.NoError(r.t, cmd.Start())
	_ = writer.Close()
	for _, dir := range r.groups {
		group := filepath.Join(dir, podPath(uid), container)
		require.NoError(r.t, os.MkdirAll(group, 0o755))
		require.NoError(r.t, write(filepath.Join(group, "cgroup.procs"), strconv.Itoa(cmd.Process.Pid)))
	}
	r.t.Cleanup(func() {
		_ = r.node.RestoreAll(context.Background())
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = reader.Close()
	})
	return &testServer{Cmd: cmd, in: in, out: bufio.NewReader(reader), raw: reader}
}

// answers tells whether the process sends back what it is sent.
func (s *testServer) answers(t *testing.T, within time.Duration) bool {
	t.Helper()
	_, err := io.WriteString(s.in, "ping\n")
	require.NoError(t, err)
	return s.says("ping", within)
}

func (s *testServer) says(word string, within time.Duration) bool {
	_ = s.raw.SetReadDeadline(time.Now().Add(within))
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			return false
		}
		if !strings.HasPrefix(line, "pawskind: ") || strings.HasPrefix(word, "pawskind: ") { // the agent's own lines
			return strings.TrimSpace(line) == word
		}
	}
}

func (r *rig) file(hierarchy, uid, rest string) string {
	return filepath.Join(r.groups[hierarchy], podPath(uid), rest)
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := read(file)
	require.NoError(t, err)
	return text
}

func fault(kind string) Fault {
	return Fault{ID: testFault, Kind: kind, PodUID: testUID, Pod: "pod-1"}
}

func one(t *testing.T, n *Node, f Fault, state string) Status {
	t.Helper()
	got := n.Reconcile(t.Context(), []Fault{f})
	require.Len(t, got, 1)
	require.Equal(t, state, got[0].State, got[0].Message)
	require.Equal(t, f.ID, got[0].ID)
	require.False(t, got[0].Since.IsZero())
	return got[0]
}

func none(t *testing.T, n *Node) {
	t.Helper()
	require.Empty(t, n.Reconcile(t.Context(), nil))
	entries, err := os.ReadDir(n.StateDir)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}
