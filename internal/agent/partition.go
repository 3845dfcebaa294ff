package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// partitioner cuts a pod off from others, open connections included.
type partitioner struct{}

const tablePrefix = "pawskind_chaos_"

func tableName(id string) string { return tablePrefix + digest(id) }

// cutPriority comes before connections are looked up, so that established ones
// have no right of way.
const cutPriority = -450

var hooks = map[string]*nftables.ChainHook{
	chainIn: nftables.ChainHookPrerouting, chainOut: nftables.ChainHookOutput, chainForward: nftables.ChainHookForward,
}

func (partitioner) hold(n *Node, m *marker, p pod) (string, string, error) {
	peers, err := m.Fault.peers()
	if err != nil {
		return "", "", err
	}
	inside, err := n.podNetwork(p)
	if err != nil {
		return "", "", err
	}
	defer inside.close()
	outside, err := openNetwork(n.nodeNet())
	if err != nil {
		return "", "", err
	}
	defer outside.close()
	podIPs, err := inside.addresses()
	if err != nil {
		return "", "", err
	}
	nodeIPs, err := outside.addresses()
	if err != nil {
		return "", "", err
	}
	if err := n.save(m); err != nil {
		return "", "", err
	}
	name := tableName(m.Fault.ID)
	if err := applyTable(inside, name, podRules(m.Fault, peers, nodeIPs)); err != nil {
		return "", "", fmt.Errorf("cutting the pod's network: %w", err)
	}
	if err := applyTable(outside, name, nodeRules(m.Fault, peers, podIPs)); err != nil {
		return "", "", fmt.Errorf("cutting the pod off on the node: %w", err)
	}
	if len(peers) == 0 {
		return StateActive, "cut off from everything but its node", nil
	}
	return StateActive, "cut off from " + strings.Join(m.Fault.Peers, ", "), nil
}

func (partitioner) release(n *Node, m *marker, pods map[string]pod) error {
	name := tableName(m.Fault.ID)
	outside, err := openNetwork(n.nodeNet())
	if err != nil {
		return err
	}
	defer outside.close()
	err = removeTables(outside, func(t string) bool { return t == name })
	p, lives := pods[m.Fault.PodUID]
	if !lives {
		return err // its network went with it
	}
	inside, openErr := n.podNetwork(p)
	var not *notSupported
	if isGone(openErr) || errors.As(openErr, &not) {
		return err
	}
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	defer inside.close()
	return errors.Join(err, removeTables(inside, func(t string) bool { return t == name }))
}

func sweepTables(w network, wanted []string) error {
	return removeTables(w, func(name string) bool {
		return strings.HasPrefix(name, tablePrefix) && !slices.Contains(wanted, name)
	})
}

func removeTables(w network, which func(string) bool) error {
	c, err := nftables.New(nftables.WithNetNSFd(w.fd()))
	if err != nil {
		return fmt.Errorf("opening the packet filter: %w", err)
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return fmt.Errorf("listing packet filters: %w", err)
	}
	found := false
	for _, t := range tables {
		if which(t.Name) {
			found = true
			c.DelTable(t)
		}
	}
	if !found {
		return nil
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("removing packet filters: %w", err)
	}
	return nil
}

// applyTable makes the table hold exactly these rules, in one step.
func applyTable(w network, name string, rules []rule) error {
	c, err := nftables.New(nftables.WithNetNSFd(w.fd()))
	if err != nil {
		return fmt.Errorf("opening the packet filter: %w", err)
	}
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return fmt.Errorf("listing packet filters: %w", err)
	}
	print := fingerprint(rules)
	for _, chain := range chains {
		if chain.Table.Name == name && chain.Name == print {
			return nil
		}
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: name}
	c.AddTable(table) // so that there is one to delete
	c.DelTable(table)
	c.AddTable(table)
	c.AddChain(&nftables.Chain{Name: print, Table: table})
	byName := map[string]*nftables.Chain{}
	for _, chain := range chainsOf(rules) {
		byName[chain] = c.AddChain(&nftables.Chain{
			Name: chain, Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: hooks[chain], Priority: nftables.ChainPriorityRef(cutPriority),
		})
	}
	for _, r := range rules {
		c.AddRule(&nftables.Rule{Table: table, Chain: byName[r.chain], Exprs: r.exprs()})
	}
	return c.Flush()
}

func (r rule) exprs() []expr.Any {
	var list []expr.Any
	if r.loopback {
		key := expr.MetaKeyIIFNAME
		if r.chain == chainOut {
			key = expr.MetaKeyOIFNAME
		}
		name := make([]byte, unix.IFNAMSIZ)
		copy(name, "lo")
		list = append(list, &expr.Meta{Key: key, Register: 1}, equal(name))
	}
	list = append(list, address(r.from, 12, 8)...)
	list = append(list, address(r.to, 16, 24)...)
	verdict := expr.VerdictDrop
	if r.accept {
		verdict = expr.VerdictAccept
	}
	return append(list, &expr.Verdict{Kind: verdict})
}

// address matches an address at its place in the header of IPv4 or IPv6.
func address(p netip.Prefix, at4, at6 uint32) []expr.Any {
	if !p.IsValid() {
		return nil
	}
	family, at := byte(unix.NFPROTO_IPV6), at6
	if p.Addr().Is4() {
		family, at = unix.NFPROTO_IPV4, at4
	}
	ip := p.Masked().Addr().AsSlice()
	size := uint32(len(ip))
	list := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, equal([]byte{family}),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: at, Len: size},
	}
	if !p.IsSingleIP() {
		list = append(list, &expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: size, Mask: mask(p), Xor: make([]byte, size),
		})
	}
	return append(list, equal(ip))
}

func mask(p netip.Prefix) []byte {
	bits := make([]byte, p.Addr().BitLen()/8)
	for i := range p.Bits() {
		bits[i/8] |= 0x80 >> (i % 8)
	}
	return bits
}

func equal(data []byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data}
}
