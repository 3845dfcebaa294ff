package agent

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// delayer holds back every packet that a pod sends, where the kernel has netem.
type delayer struct{}

// delayHandle marks a queue as ours.
const delayHandle = 0x7061_0000

const defaultDelay = 100 * time.Millisecond

func (delayer) hold(n *Node, m *marker, p pod) (string, string, error) {
	w, err := n.podNetwork(p)
	if err != nil {
		return "", "", err
	}
	defer w.close()
	if err := n.save(m); err != nil {
		return "", "", err
	}
	wait := time.Duration(m.Fault.DelayMillis) * time.Millisecond
	if wait <= 0 {
		wait = defaultDelay
	}
	err = w.inNetwork(func(h *netlink.Handle) error { return delay(h, wait) })
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return "", "", unsupported("this kernel has no netem, which delays packets")
	}
	if err != nil {
		return "", "", err
	}
	return StateActive, fmt.Sprintf("its packets are held back by %s", wait), nil
}

func (delayer) release(n *Node, m *marker, pods map[string]pod) error {
	p, lives := pods[m.Fault.PodUID]
	if !lives {
		return nil
	}
	w, err := n.podNetwork(p)
	var not *notSupported
	if isGone(err) || errors.As(err, &not) {
		return nil
	}
	if err != nil {
		return err
	}
	defer w.close()
	return w.inNetwork(undelay)
}

// outward are the links of a pod but loopback.
func outward(h *netlink.Handle) ([]netlink.Link, error) {
	links, err := h.LinkList()
	if err != nil {
		return nil, fmt.Errorf("listing links: %w", err)
	}
	var list []netlink.Link
	for _, l := range links {
		if l.Attrs().Name != "lo" && l.Type() == "veth" {
			list = append(list, l)
		}
	}
	return list, nil
}

func delay(h *netlink.Handle, wait time.Duration) error {
	links, err := outward(h)
	if err != nil {
		return err
	}
	for _, l := range links {
		q := netlink.NewNetem(netlink.QdiscAttrs{
			LinkIndex: l.Attrs().Index, Handle: delayHandle, Parent: netlink.HANDLE_ROOT,
		}, netlink.NetemQdiscAttrs{Latency: uint32(wait.Microseconds())})
		if err := h.QdiscReplace(q); err != nil {
			return fmt.Errorf("delaying %s: %w", l.Attrs().Name, err)
		}
	}
	return nil
}

func undelay(h *netlink.Handle) error {
	links, err := outward(h)
	if err != nil {
		return err
	}
	for _, l := range links {
		queues, err := h.QdiscList(l)
		if err != nil {
			return fmt.Errorf("listing queues of %s: %w", l.Attrs().Name, err)
		}
		for _, q := range queues {
			if q.Attrs().Handle != delayHandle || q.Type() != "netem" {
				continue
			}
			if err := h.QdiscDel(q); err != nil && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("ending the delay of %s: %w", l.Attrs().Name, err)
			}
		}
	}
	return nil
}
