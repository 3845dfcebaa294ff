package isolation

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/paws360/pawskind/internal/naming"
)

// ForbiddenPort is a port of etcd that no policy opens for the operator: only
// those who collect metrics may reach it.
const ForbiddenPort = naming.PortEtcdMetrics

// memory is how long an answer is believed.
const memory = 30 * time.Second

// Facts are what became of an attempt that the policies forbid.
type Facts struct {
	// Tried is set when there was somebody to try it on.
	Tried bool
	// Reached is set when the connection came about.
	Reached bool
}

// Prober tries, as the operator, what the policies forbid it.
type Prober struct {
	// Target gives the address that is tried in a namespace.
	Target func(namespace string) string
	Now    func() time.Time

	mu   sync.Mutex
	seen map[string]seen
}

type seen struct {
	facts Facts
	at    time.Time
}

// NewProber tries the first etcd member of an environment.
func NewProber() *Prober {
	return &Prober{
		Target: func(namespace string) string {
			return fmt.Sprintf("%s:%d", naming.MemberHost(namespace, naming.Etcd, 1), ForbiddenPort)
		},
		Now: time.Now, seen: map[string]seen{},
	}
}

// Probe makes the attempt, for at most the given time. What Keep was told of is
// believed for half a minute.
func (p *Prober) Probe(ctx context.Context, namespace string, timeout time.Duration) Facts {
	p.mu.Lock()
	last, known := p.seen[namespace]
	p.mu.Unlock()
	if known && p.Now().Sub(last.at) < memory {
		return last.facts
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.Target(namespace))
	if err == nil {
		_ = conn.Close()
		return Facts{Tried: true, Reached: true}
	}
	var unknown *net.DNSError
	return Facts{Tried: !errors.As(err, &unknown)}
}

// Keep remembers facts that gave a verdict.
func (p *Prober) Keep(namespace string, f Facts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, known := p.seen[namespace]; !known || p.Now().Sub(last.at) >= memory {
		p.seen[namespace] = seen{f, p.Now()}
	}
}
