package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/paws360/pawskind/internal/naming"
)

// Configure gives every Sentinel the quorum and the down-after time, in milliseconds.
func (p *Prober) Configure(ctx context.Context, c Config, quorum, downAfter int32) error {
	failed := make([]error, c.Sentinels)
	var wg sync.WaitGroup
	for i := range failed {
		wg.Go(func() {
			failed[i] = p.tell(ctx, c, int32(i)+1, "set", naming.RedisMasterSet,
				"quorum", quorum, "down-after-milliseconds", downAfter)
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// ResetOne makes one Sentinel forget all replicas and other Sentinels; those
// that are there it finds again within seconds. See NextReset.
func (p *Prober) ResetOne(ctx context.Context, c Config, ordinal int32) error {
	return p.tell(ctx, c, ordinal, "reset", naming.RedisMasterSet)
}

// Follow has one server follow the master at a host. See Stray.
func (p *Prober) Follow(ctx context.Context, c Config, ordinal int32, master string) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := p.server(c, ordinal).Do(ctx, "replicaof", master, naming.PortRedis).Err(); err != nil {
		return fmt.Errorf("having %s follow %s: %w", naming.Member(naming.Redis, ordinal), master, err)
	}
	return nil
}

func (p *Prober) tell(ctx context.Context, c Config, ordinal int32, command ...any) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := p.sentinel(c, ordinal).Do(ctx, append([]any{"sentinel"}, command...)...).Err(); err != nil {
		return fmt.Errorf("telling %s to %s: %w", naming.Member(naming.Sentinel, ordinal), command[0], err)
	}
	return nil
}

func (p *Prober) server(c Config, ordinal int32) *redis.Client {
	return p.client(c, naming.Redis, ordinal, naming.PortRedis, "config", "get", "replica-announce-ip")
}

func (p *Prober) sentinel(c Config, ordinal int32) *redis.Client {
	return p.client(c, naming.Sentinel, ordinal, naming.PortSentinel, "sentinel", "config", "get", "announce-ip")
}

// client is the kept connection to a member, made anew for a new password or
// other roots. The member says who it is when it is asked so. Its pool has the
// library's size: a small one would soon not ask a member that went away.
func (p *Prober) client(c Config, component string, ordinal int32, port int, whoAreYou ...any) *redis.Client {
	address := p.Address(c.Namespace, component, ordinal, port)
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, ok := p.clients[address]; ok {
		if k.password == c.Password && k.roots == c.Roots {
			return k.Client
		}
		_ = k.Close()
	}
	client := redis.NewClient(&redis.Options{
		Addr: address, Username: UserOperator, Password: c.Password, ClientName: "pawskind-probe",
		TLSConfig: c.tls(), Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1,
		DialTimeout: c.Timeout, ReadTimeout: c.Timeout, WriteTimeout: c.Timeout, ContextTimeoutEnabled: true,
		OnConnect: func(ctx context.Context, conn *redis.Conn) error {
			return identify(ctx, conn, naming.MemberHost(c.Namespace, component, ordinal), whoAreYou)
		},
	})
	p.clients[address] = kept{client, c.Password, c.Roots}
	return client
}

// identify fails when another member than the expected one answers: after all
// members were restarted at once, a name may for a while lead to an address that
// another has by now.
func identify(ctx context.Context, conn *redis.Conn, host string, whoAreYou []any) error {
	question := redis.NewMapStringStringCmd(ctx, whoAreYou...)
	if err := conn.Process(ctx, question); err != nil {
		return err
	}
	for _, announced := range question.Val() {
		if announced != host {
			return fmt.Errorf("%s answers at its address", orNone(memberOf(announced)))
		}
	}
	return nil
}

func (c Config) tls() *tls.Config {
	if c.Roots == "" {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(c.Roots))
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// Forget closes the connections to an environment's members.
func (p *Prober) Forget(c Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	closeAt := func(address string) {
		if k, ok := p.clients[address]; ok {
			_ = k.Close()
			delete(p.clients, address)
		}
	}
	for o := int32(1); o <= c.Replicas; o++ {
		closeAt(p.Address(c.Namespace, naming.Redis, o, naming.PortRedis))
	}
	for o := int32(1); o <= c.Sentinels; o++ {
		closeAt(p.Address(c.Namespace, naming.Sentinel, o, naming.PortSentinel))
	}
}
