package redis

import (
	"context"
	"fmt"

	"github.com/paws360/pawskind/internal/naming"
)

// Neither Sentinels nor replicas ask a server who it is: they take whoever
// answers at the address that a host's name had when they connected, for as long
// as the connection lasts. Where all members start at once, as after a restart of
// the node, names lead for a while to addresses that others have by now.

// Mistaken is a member that takes one server for another.
type Mistaken struct {
	Component string
	Ordinal   int32
	// Taken is the server that it reached, For the one that it takes it for.
	Taken, For string
}

func (m Mistaken) String() string {
	return fmt.Sprintf("takes %s for %s", m.Taken, m.For)
}

// AllMistaken are the members that take one server for another. Who it is must have
// answered: what a member reached may also be a server's life before.
func AllMistaken(facts Facts) []Mistaken {
	var list []Mistaken
	for i := range facts.Sentinels {
		if m, found := facts.mistakenSentinel(i); found {
			list = append(list, m)
		}
	}
	for i := range facts.Servers {
		if m, found := facts.mistakenReplica(i); found {
			list = append(list, m)
		}
	}
	return list
}

func (f Facts) mistakenSentinel(i int) (Mistaken, bool) {
	for _, s := range f.Servers {
		for host, id := range f.Sentinels[i].Reached {
			if s.Err == "" && id == s.RunID && memberOf(host) != s.Name {
				return Mistaken{naming.Sentinel, int32(i) + 1, s.Name, memberOf(host)}, true
			}
		}
	}
	return Mistaken{}, false
}

// mistakenReplica finds a replica that copies from another replica, which is
// told by that one alone.
func (f Facts) mistakenReplica(i int) (Mistaken, bool) {
	replica := f.Servers[i]
	if replica.Err != "" || replica.Role != "slave" || !replica.LinkUp {
		return Mistaken{}, false
	}
	for _, s := range f.Servers {
		if s.Err != "" || s.Role != "slave" || s.Name == memberOf(replica.MasterHost) {
			continue
		}
		for host, r := range s.Replicas {
			if r.Online && memberOf(host) == replica.Name {
				return Mistaken{naming.Redis, int32(i) + 1, s.Name, memberOf(replica.MasterHost)}, true
			}
		}
	}
	return Mistaken{}, false
}

// Reconnect has the mistaken member look names up anew. A Sentinel drops its
// connections when it is told the password that it logs in with, be it the same
// (sentinelDropConnections and dropInstanceConnections in Redis' sentinel.c).
func (p *Prober) Reconnect(ctx context.Context, c Config, m Mistaken, monitor string) error {
	if m.Component == naming.Redis {
		if err := p.order(ctx, c, m.Component, m.Ordinal, "client", "kill", "type", "master"); err != nil {
			return fmt.Errorf("having %s connect anew: %w", naming.Member(m.Component, m.Ordinal), err)
		}
		return nil
	}
	return p.login(ctx, c, m.Component, m.Ordinal, "", monitor)
}
