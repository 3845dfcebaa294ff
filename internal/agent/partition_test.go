package agent

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

const (
	podIP, peerIP = "10.99.1.2", "10.99.2.2"
	podGateway    = "10.99.1.1"
	peerGateway   = "10.99.2.1"
)

// nets are three networks: a pod and a peer, and the node that forwards between.
type nets struct{ pod, peer, node int }

func newNets(r *rig) nets {
	attr := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}
	w := nets{
		pod:  r.start(testUID, "c1", attr, "cat").Process.Pid,
		peer: r.start(otherUID, "c1", attr, "cat").Process.Pid,
		node: r.start("2f3c2d1e-aaaa-4bbb-8ccc-0123456789ab", "c1", attr, "cat").Process.Pid,
	}
	r.node.NodeNet = fmt.Sprintf("/proc/%d/ns/net", w.node)
	inside(r.t, w.node, func() {
		require.NoError(r.t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0))
		wire(r.t, "pod", podGateway, w.pod)
		wire(r.t, "peer", peerGateway, w.peer)
	})
	configure(r.t, w.pod, podIP, podGateway)
	configure(r.t, w.peer, peerIP, peerGateway)
	return w
}

// The main thread stays in the machine's network: new processes begin there.
func init() { runtime.LockOSThread() }

// inside runs something on a thread of its own in another network.
func inside(t *testing.T, pid int, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this
		ns, err := netns.GetFromPath(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err == nil {
			defer func() { _ = ns.Close() }()
			err = netns.Set(ns)
		}
		if err != nil {
			t.Errorf("entering the network of %d: %v", pid, err)
			return
		}
		do()
	}()
	<-done
}

func wire(t *testing.T, name, gateway string, to int) {
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: netlink.NsPid(to),
	}))
	up(t, name, gateway)
}

func up(t *testing.T, name, ip string) {
	link, err := netlink.LinkByName(name)
	require.NoError(t, err)
	addr, err := netlink.ParseAddr(ip + "/24")
	require.NoError(t, err)
	require.NoError(t, netlink.AddrAdd(link, addr))
	require.NoError(t, netlink.LinkSetUp(link))
}

func configure(t *testing.T, pid int, ip, gateway string) {
	inside(t, pid, func() {
		lo, err := netlink.LinkByName("lo")
		require.NoError(t, err)
		require.NoError(t, netlink.LinkSetUp(lo))
		up(t, "eth0", ip)
		require.NoError(t, netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(gateway)}))
	})
}

// listen echoes on a port of a network.
func listen(t *testing.T, pid int, at string) {
	var l net.Listener
	inside(t, pid, func() {
		var err error
		l, err = net.Listen("tcp", at)
		require.NoError(t, err)
	})
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
}

func dial(t *testing.T, pid int, to string, within time.Duration) (c net.Conn, err error) {
	inside(t, pid, func() { c, err = net.DialTimeout("tcp", to, within) })
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

func reaches(t *testing.T, pid int, to string) bool {
	_, err := dial(t, pid, to, soon)
	return err == nil
}

func echoes(t *testing.T, c net.Conn, within time.Duration) bool {
	t.Helper()
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, err = c.Read(make([]byte, 64))
	return err == nil
}

func TestPartition(t *testing.T) {
	for name, peers := range map[string][]string{"from a peer": {peerIP, "fd00::1"}, "from everything": nil} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "freezer")
			w := newNets(r)
			listen(t, w.pod, podIP+":7000")
			listen(t, w.peer, peerIP+":7000")
			into, err := dial(t, w.peer, podIP+":7000", patient)
			require.NoError(t, err)
			require.True(t, echoes(t, into, patient))

			f := fault(KindPartition)
			f.Peers = peers
			one(t, r.node, f, StateActive)
			require.False(t, echoes(t, into, soon), "an open connection")
			require.False(t, reaches(t, w.peer, podIP+":7000"))
			require.False(t, reaches(t, w.pod, peerIP+":7000"))
			require.True(t, reaches(t, w.node, podIP+":7000"), "the kubelet's probes")
			require.True(t, reaches(t, w.pod, podIP+":7000"), "itself")
			one(t, r.again(), f, StateActive)
			require.False(t, reaches(t, w.pod, peerIP+":7000"))

			none(t, r.again())
			require.True(t, reaches(t, w.pod, peerIP+":7000"))
			require.True(t, echoes(t, into, patient), "an open connection goes on")

			one(t, r.node, f, StateActive)
			require.NoError(t, os.RemoveAll(r.node.StateDir))
			none(t, r.again())
			require.True(t, reaches(t, w.pod, peerIP+":7000"), "found in the kernel alone")
		})
	}
}

func TestPartitionFollowsItsPeers(t *testing.T) {
	r := newRig(t, "freezer")
	w := newNets(r)
	listen(t, w.pod, podIP+":7000")
	f := fault(KindPartition)
	f.Peers = []string{"10.99.3.3"}
	one(t, r.node, f, StateActive)
	require.True(t, reaches(t, w.peer, podIP+":7000"))
	f.Peers = append(f.Peers, peerIP)
	one(t, r.node, f, StateActive)
	require.False(t, reaches(t, w.peer, podIP+":7000"))
	f.Peers = []string{"not an address"}
	one(t, r.node, f, StateFailed)
	none(t, r.node)
	require.True(t, reaches(t, w.peer, podIP+":7000"))
}

func TestNodesOwnNetworkIsNeverCut(t *testing.T) {
	r := newRig(t, "freezer")
	pod := r.start(testUID, "c1", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}, "cat")
	r.node.NodeNet = fmt.Sprintf("/proc/%d/ns/net", pod.Process.Pid)
	require.Contains(t, one(t, r.node, fault(KindPartition), StateNotSupported).Message, "node's own network")
	none(t, r.node)
}

func TestDelay(t *testing.T) {
	r := newRig(t, "freezer")
	w := newNets(r)
	listen(t, w.pod, podIP+":7000")
	c, err := dial(t, w.peer, podIP+":7000", patient)
	require.NoError(t, err)
	f := fault(KindDelay)
	f.DelayMillis = 400
	got := r.node.Reconcile(t.Context(), []Fault{f})
	require.Len(t, got, 1)
	if got[0].State == StateNotSupported { // no netem in this kernel: it must say so, and leave nothing
		require.Equal(t, "this kernel has no netem, which delays packets", got[0].Message)
		require.True(t, echoes(t, c, soon))
		none(t, r.node)
		return
	}
	require.Equal(t, StateActive, got[0].State, got[0].Message)
	require.False(t, echoes(t, c, soon))
	none(t, r.again())
	require.True(t, echoes(t, c, patient))
}

func TestDirectionsOfACut(t *testing.T) {
	peer, node, pod := host(netip.MustParseAddr("10.0.0.9")), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	in := Fault{Direction: "in"}
	require.Equal(t, []rule{
		{chain: "in", loopback: true, accept: true}, {chain: "in", from: peer},
	}, podRules(in, []netip.Prefix{peer}, []netip.Addr{node}))
	require.Equal(t, []rule{{chain: "forward", from: peer, to: host(pod)}}, nodeRules(in, []netip.Prefix{peer}, []netip.Addr{pod}))
	out := Fault{Direction: "out"}
	rules := podRules(out, nil, []netip.Addr{node})
	require.Equal(t, rule{chain: "out", accept: true, to: host(node)}, rules[1])
	require.Equal(t, rule{chain: "out"}, rules[len(rules)-1])
	require.Equal(t, []rule{{chain: "forward", from: host(pod)}}, nodeRules(out, nil, []netip.Addr{pod}))
	require.Len(t, chainsOf(podRules(Fault{}, nil, nil)), 2)
	require.NotEqual(t, fingerprint(podRules(in, nil, nil)), fingerprint(podRules(out, nil, nil)))
}
