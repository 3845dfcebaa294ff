package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// network is an open network namespace.
type network struct{ file *os.File }

func openNetwork(path string) (network, error) {
	f, err := os.Open(path)
	if err != nil {
		return network{}, fmt.Errorf("entering a network: %w", err)
	}
	return network{file: f}, nil
}

func (w network) close() { _ = w.file.Close() }

func (w network) fd() int { return int(w.file.Fd()) }

// podNetwork is the pod's own network. Pods of the node's network are refused:
// a fault of theirs would hit the whole node.
func (n *Node) podNetwork(p pod) (network, error) {
	home, err := os.Stat(n.nodeNet())
	if err != nil {
		return network{}, fmt.Errorf("looking at the node's network: %w", err)
	}
	for _, proc := range p.processes {
		w, err := openNetwork(n.procFile(proc.pid, "ns/net"))
		if isGone(err) {
			continue // it ended meanwhile
		}
		if err != nil {
			return network{}, err
		}
		if info, err := w.file.Stat(); err == nil && os.SameFile(info, home) {
			w.close()
			return network{}, unsupported("the pod uses the node's own network")
		}
		return w, nil
	}
	return network{}, fmt.Errorf("entering the pod's network: %w", os.ErrNotExist)
}

// inNetwork gives a connection to the links and addresses of a network.
func (w network) inNetwork(do func(*netlink.Handle) error) error {
	h, err := netlink.NewHandleAt(netns.NsHandle(w.fd()), syscall.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("looking into a network: %w", err)
	}
	defer h.Close()
	return do(h)
}

// addresses are those of the network, without loopback.
func (w network) addresses() ([]netip.Addr, error) {
	var list []netip.Addr
	err := w.inNetwork(func(h *netlink.Handle) error {
		addrs, err := h.AddrList(nil, netlink.FAMILY_ALL)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return fmt.Errorf("listing addresses: %w", err)
		}
		for _, a := range addrs {
			ip, ok := netip.AddrFromSlice(a.IP)
			if ip = ip.Unmap(); ok && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
				list = append(list, ip)
			}
		}
		return nil
	})
	return list, err
}

// sweepNetworks undoes cuts and delays that no marker tells of.
func (n *Node) sweepNetworks(held map[string]*marker, pods map[string]pod) error {
	var wanted []string
	delayed := map[string]bool{}
	for _, m := range held {
		wanted = append(wanted, tableName(m.Fault.ID))
		delayed[m.Fault.PodUID] = delayed[m.Fault.PodUID] || m.Fault.Kind == KindDelay
	}
	var failed error
	if w, err := openNetwork(n.nodeNet()); err == nil {
		failed = errors.Join(failed, sweepTables(w, wanted))
		w.close()
	}
	for uid, p := range pods {
		w, err := n.podNetwork(p)
		if err != nil {
			continue // its network is the node's, or gone
		}
		failed = errors.Join(failed, sweepTables(w, wanted))
		if !delayed[uid] {
			failed = errors.Join(failed, w.inNetwork(undelay))
		}
		w.close()
	}
	return failed
}
