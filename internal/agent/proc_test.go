package agent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	systemdPod = "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/" +
		"kubelet-kubepods-burstable-pod0f3c2d1e_aaaa_4bbb_8ccc_0123456789ab.slice"
	inSystemd = "/docker/766ce53d69e9/" + systemdPod + "/cri-containerd-af05.scope"
)

func TestPodOfCgroup(t *testing.T) {
	for path, want := range map[string]string{
		inSystemd: testUID,
		"/kubepods/burstable/pod" + testUID + "/c1":                                        testUID,
		"/kubepods/pod" + testUID:                                                          testUID,
		"/kubepods.slice/kubepods-podd729b01a2abcdd67a1357968276b9951.slice/crio-1.scope":  "d729b01a2abcdd67a1357968276b9951",
		"/../../kubelet/kubepods/besteffort/pod" + testUID + "/c1":                         testUID,
		"/libpod_parent/libpod-363f44d61386198904ed46934a4f557b7c398e10ef3cd0d6bb13d98568": "",
		"/system.slice/podman.service":                                                     "",
	} {
		uid, _, found := podUID(split(path))
		require.Equal(t, want, uid, path)
		require.Equal(t, want != "", found, path)
	}
}

// fakeNode has one process, and the cgroup folders that a node's own root shows.
func fakeNode(t *testing.T, cgroups string, folders ...string) *Node {
	n := &Node{Proc: t.TempDir(), Cgroup: t.TempDir(), StateDir: t.TempDir()}
	for _, dir := range folders {
		require.NoError(t, os.MkdirAll(filepath.Join(n.Cgroup, dir), 0o755))
	}
	for name, text := range map[string]string{
		"cgroup": cgroups, "comm": "postgres\n",
		"stat":      "42 (a (b) c) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0\n",
		"mountinfo": "1 2 0:1 /var/lib/kubelet/pods/u/containers/patroni/1a2b /dev/termination-log rw - ext4 /dev/x rw\n",
	} {
		file := filepath.Join(n.Proc, "42", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	return n
}

func TestCgroupsOfANodeThatIsAContainer(t *testing.T) {
	n := fakeNode(t, "6:freezer:"+inSystemd+"\n1:cpu,cpuacct:"+inSystemd+"\n0::"+inSystemd+"\n",
		"freezer/"+systemdPod+"/cri-containerd-af05.scope", "cpu,cpuacct/"+systemdPod)
	pods, err := n.pods()
	require.NoError(t, err)
	p := pods[testUID]
	require.Len(t, p.processes, 1)
	require.Equal(t, uint64(777), p.processes[0].start)
	for controller, root := range map[string]string{"freezer": "freezer", "cpu": "cpu,cpuacct"} {
		g, err := n.podGroup(p, controller)
		require.NoError(t, err)
		require.Equal(t, group{dir: filepath.Join(n.Cgroup, root, systemdPod)}, g)
	}
	_, err = n.podGroup(p, "memory")
	require.ErrorContains(t, err, "no memory cgroup of the pod")
	g, ok := n.group(p.processes[0], "freezer", false)
	require.True(t, ok)
	require.Equal(t, "cri-containerd-af05.scope", filepath.Base(g.dir))
	require.Len(t, n.container(p, "patroni"), 1)
	require.Empty(t, n.container(p, "other"))
}

func TestCgroupsOfVersion2(t *testing.T) {
	n := fakeNode(t, "0::"+inSystemd+"\n", systemdPod)
	pods, err := n.pods()
	require.NoError(t, err)
	dir := filepath.Join(n.Cgroup, systemdPod)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cpu.max"), []byte("max 100000\n"), 0o600))
	g, err := n.podGroup(pods[testUID], "cpu")
	require.NoError(t, err)
	require.Equal(t, group{dir: dir, v2: true}, g)
	f := fault(KindThrottle)
	f.CPUPercent = 5
	one(t, n, f, StateActive)
	require.Equal(t, "5000 100000", content(t, filepath.Join(dir, "cpu.max"))[:11])
}

func TestProcessesOfAnotherNodeAreNotSeen(t *testing.T) {
	n := fakeNode(t, "6:freezer:"+inSystemd+"\n", "freezer/kubelet.slice")
	pods, err := n.pods()
	require.NoError(t, err)
	require.Empty(t, pods)
}

func TestTornMarkerIsLeftBehind(t *testing.T) {
	n := fakeNode(t, "0::/\n")
	require.NoError(t, os.WriteFile(filepath.Join(n.StateDir, "ab.json"), []byte(`{"Fault":`), 0o600))
	held, err := n.load()
	require.NoError(t, err)
	require.Empty(t, held)
	require.NoFileExists(t, filepath.Join(n.StateDir, "ab.json"))
}
