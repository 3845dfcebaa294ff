package policy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// rig is a node with its pods in the kernel: networks of their own, joined like
// those of the ptp plugin, with servers on TCP 80, 81, 90 and UDP 80.
type rig struct {
	t     *testing.T
	node  netns.NsHandle
	hosts map[string]*host
}

// host is a pod, or a machine that is none.
type host struct {
	ns        netns.NsHandle
	four, six netip.Addr
}

var (
	gateway4, gateway6 = netip.MustParseAddr("169.254.1.1"), netip.MustParseAddr("fd00:ffff::1")
	// service is an address that the node translates to the first host, as kube-proxy would.
	service = netip.MustParseAddr("10.96.0.1")
)

// newRig makes the node and the named hosts; the first has the addresses
// 10.0.0.1 and fd00::1, and so on.
func newRig(t *testing.T, names ...string) *rig {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this test makes networks, for which one must be root")
	}
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("this test needs nft, of the package nftables")
	}
	r := &rig{t: t, node: newNetwork(t), hosts: map[string]*host{}}
	within(t, r.node, func() error {
		return errors.Join(
			os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0),
			os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0))
	})
	for i, name := range names {
		r.join(name, i+1)
	}
	r.hosts["node"] = &host{ns: r.node, four: gateway4, six: gateway6}
	for _, h := range r.hosts {
		serve(t, h.ns)
	}
	r.apply(fmt.Sprintf(`table ip nat {
  chain pre { type nat hook prerouting priority dstnat; ip daddr %s dnat to %s; }
  chain post { type nat hook postrouting priority srcnat; ct original ip daddr %s masquerade; }
}`, service, r.hosts[names[0]].four, service))
	return r
}

func newNetwork(t *testing.T) netns.NsHandle {
	t.Helper()
	made := make(chan netns.NsHandle)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this
		ns, err := netns.New()
		if err != nil {
			t.Errorf("making a network: %v", err)
		}
		made <- ns
	}()
	ns := <-made
	require.True(t, ns.IsOpen())
	t.Cleanup(func() { _ = ns.Close() })
	within(t, ns, func() error { // no waiting for whether another has the address
		return os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0)
	})
	up(t, ns, "lo")
	return ns
}

// within runs something on a thread of its own in a network.
func within(t *testing.T, ns netns.NsHandle, do func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(ns); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	require.NoError(t, <-done)
}

func (r *rig) join(name string, i int) {
	h := &host{
		ns:   newNetwork(r.t),
		four: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}),
		six:  netip.MustParseAddr(fmt.Sprintf("fd00::%d", i)),
	}
	r.hosts[name] = h
	outer := fmt.Sprintf("veth%d", i)
	at, err := netlink.NewHandleAt(r.node)
	require.NoError(r.t, err)
	defer at.Close()
	require.NoError(r.t, at.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: outer}, PeerName: "eth0", PeerNamespace: netlink.NsFd(h.ns),
	}))
	address(r.t, r.node, outer, gateway4, gateway6)
	address(r.t, h.ns, "eth0", h.four, h.six)
	route(r.t, r.node, outer, netip.Addr{}, h.four, h.six)
	route(r.t, h.ns, "eth0", netip.Addr{}, gateway4, gateway6)
	route(r.t, h.ns, "eth0", gateway4)
	route(r.t, h.ns, "eth0", gateway6)
}

func up(t *testing.T, ns netns.NsHandle, name string) netlink.Link {
	t.Helper()
	at, err := netlink.NewHandleAt(ns)
	require.NoError(t, err)
	defer at.Close()
	link, err := at.LinkByName(name)
	require.NoError(t, err)
	require.NoError(t, at.LinkSetUp(link))
	return link
}

func whole(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

func address(t *testing.T, ns netns.NsHandle, name string, addresses ...netip.Addr) {
	t.Helper()
	link := up(t, ns, name)
	at, err := netlink.NewHandleAt(ns)
	require.NoError(t, err)
	defer at.Close()
	for _, a := range addresses {
		require.NoError(t, at.AddrAdd(link, &netlink.Addr{IPNet: whole(a)}))
	}
}

// route leads to single addresses, or by a gateway to everything else.
func route(t *testing.T, ns netns.NsHandle, name string, gateway netip.Addr, to ...netip.Addr) {
	t.Helper()
	at, err := netlink.NewHandleAt(ns)
	require.NoError(t, err)
	defer at.Close()
	link, err := at.LinkByName(name)
	require.NoError(t, err)
	if gateway.IsValid() {
		everything := &net.IPNet{IP: make(net.IP, gateway.BitLen()/8), Mask: net.CIDRMask(0, gateway.BitLen())}
		require.NoError(t, at.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: everything, Gw: gateway.AsSlice()}))
	}
	for _, a := range to {
		require.NoError(t, at.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: whole(a), Scope: netlink.SCOPE_LINK}))
	}
}

// apply gives rules to the node's kernel as netd does.
func (r *rig) apply(rules string) {
	r.t.Helper()
	within(r.t, r.node, func() error {
		c := exec.Command("nft", "-f", "-")
		c.Stdin = strings.NewReader(rules)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s\n%s", err, out, rules)
		}
		return nil
	})
}

// serve answers each word with the same word, until the test ends.
func serve(t *testing.T, ns netns.NsHandle) {
	t.Helper()
	within(t, ns, func() error {
		for _, port := range []int{80, 81, 90} {
			l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
				}
			}()
		}
		p, err := net.ListenPacket("udp", ":80")
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = p.Close() })
		go func() {
			word := make([]byte, 64)
			for {
				n, from, err := p.ReadFrom(word)
				if err != nil {
					return
				}
				_, _ = p.WriteTo(word[:n], from)
			}
		}()
		return nil
	})
}

// open makes a connection and speaks a word; nil if that does not work.
func (r *rig) open(from, network, to string) net.Conn {
	r.t.Helper()
	var conn net.Conn
	within(r.t, r.hosts[from].ns, func() error {
		c, err := net.DialTimeout(network, to, time.Second)
		if err != nil {
			return nil //nolint:nilerr // it is what the test asks
		}
		conn = c
		return nil
	})
	if conn == nil {
		return nil
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	if speak(conn) != nil {
		_ = conn.Close()
		return nil
	}
	return conn
}

func speak(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("word")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}
