package patroni

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paws360/pawskind/internal/naming"
)

// Prober asks members, and keeps its connections and what it saw of the
// leader's progress between looks.
type Prober struct {
	mu sync.Mutex
	// access and http are by namespace.
	access map[string]Access
	http   map[string]*http.Client
	// sql are the idle connections to leaders, by host:port.
	sql     map[string]*pgx.Conn
	history map[string]*history
	now     func() time.Time
	// pause is before a leader that reached no replica is asked again.
	pause time.Duration

	// URL gives the address of a member's Patroni, and Postgres, as host:port,
	// that of its PostgreSQL.
	URL      func(namespace, member string) string
	Postgres func(namespace, member string) string
}

// NewProber asks members at their DNS names.
func NewProber() *Prober {
	return &Prober{
		access:   map[string]Access{},
		http:     map[string]*http.Client{},
		sql:      map[string]*pgx.Conn{},
		history:  map[string]*history{},
		now:      time.Now,
		pause:    time.Second,
		URL:      RESTURL,
		Postgres: postgresAddress,
	}
}

// Access is whom the members' certificates are trusted from.
type Access struct {
	TLS *tls.Config
	// Version is another one whenever TLS is.
	Version string
}

// Use is the access to the namespace's members from now on.
func (p *Prober) Use(namespace string, access Access) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old, known := p.access[namespace]; known && old.Version == access.Version {
		return
	}
	p.access[namespace] = access
	if old, ok := p.http[namespace]; ok {
		old.CloseIdleConnections()
		delete(p.http, namespace)
	}
}

// client keeps connections to the members of a namespace.
func (p *Prober) client(namespace string) *http.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.http[namespace]
	if !ok {
		c = &http.Client{Transport: &http.Transport{
			TLSClientConfig: resuming(p.access[namespace].TLS), MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		}}
		p.http[namespace] = c
	}
	return c
}

// resuming is the configuration with sessions that go on: Patroni's REST API hangs
// up after each answer, and a whole handshake costs both sides more than that.
func resuming(c *tls.Config) *tls.Config {
	if c == nil {
		return nil
	}
	c = c.Clone()
	c.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	return c
}

// RESTURL is where the member's Patroni listens.
func RESTURL(namespace, member string) string {
	return fmt.Sprintf("https://%s:%d", naming.PodHost(namespace, naming.Postgres, member), naming.PortPatroni)
}

func postgresAddress(namespace, member string) string {
	return fmt.Sprintf("%s:%d", naming.PodHost(namespace, naming.Postgres, member), naming.PortPostgres)
}

// Probe asks members 1 to replicas in parallel, each for at most the given
// time. With the superuser's passwords it also asks the leader's PostgreSQL,
// which tells lags to the millisecond; without, the lag is told from earlier looks.
func (p *Prober) Probe(ctx context.Context, namespace string, replicas int32, superuser []string, timeout time.Duration) Facts {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	facts := Facts{Time: p.now(), Members: make([]MemberFacts, replicas)}
	var wg sync.WaitGroup
	for i := range facts.Members {
		wg.Go(func() {
			facts.Members[i] = p.member(ctx, namespace, naming.Member(naming.Postgres, int32(i)+1), superuser)
		})
	}
	wg.Wait()
	p.addLag(namespace, facts)
	return facts
}

func (p *Prober) member(ctx context.Context, namespace, name string, superuser []string) MemberFacts {
	data, err := p.get(ctx, namespace, name, "/patroni")
	if err != nil {
		return MemberFacts{Name: name, Err: reason(err)}
	}
	m, err := parse(name, data)
	if err != nil {
		return MemberFacts{Name: name, Err: err.Error()}
	}
	if !m.Leads() || len(superuser) == 0 || superuser[0] == "" {
		return m
	}
	standbys, err := p.standbys(ctx, namespace, p.Postgres(namespace, name), superuser)
	if err != nil {
		m.SQLErr = reason(err)
		return m
	}
	m.Standbys = standbys
	return m
}

// restartingAPI is how long Patroni's REST API is given to be back, which restarts
// to take up a new certificate and resets who just came (its RestApiServer,
// reload_config).
const restartingAPI = 300 * time.Millisecond

// get reads a path of a member. One that turns the question away at once is asked
// once more.
func (p *Prober) get(ctx context.Context, namespace, member, path string) ([]byte, error) {
	data, err := p.getOnce(ctx, namespace, member, path)
	if !turnedAway(err) {
		return data, err
	}
	select {
	case <-ctx.Done():
		return nil, err
	case <-time.After(restartingAPI):
		return p.getOnce(ctx, namespace, member, path)
	}
}

// turnedAway tells whether a server's machine is there, and the server was not.
func turnedAway(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}

// getOnce asks once; Patroni answers some paths with 503 and a body that counts.
func (p *Prober) getOnce(ctx context.Context, namespace, member, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL(namespace, member)+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := p.client(namespace).Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

// A standby that has everything is not behind, whatever it was before: replay_lag
// keeps the last measured value for a while.
const standbyQuery = `SELECT application_name, state, coalesce(sync_state, ''),
  CASE WHEN replay_lsn >= pg_current_wal_flush_lsn() THEN 0
       ELSE coalesce(extract(epoch FROM replay_lag), 0) END::float8,
  coalesce((flush_lsn - '0/0'::pg_lsn)::bigint, 0)
FROM pg_stat_replication`

func (p *Prober) standbys(ctx context.Context, namespace, address string, superuser []string) ([]Standby, error) {
	conn, err := p.connection(ctx, namespace, address, superuser)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, standbyQuery)
	if err == nil {
		var list []Standby
		if list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Standby]); err == nil {
			p.keep(ctx, address, conn)
			return list, nil
		}
	}
	_ = conn.Close(context.WithoutCancel(ctx))
	return nil, err
}

// connection takes the idle connection, or makes one, by the first of the
// superuser's passwords that lets it in: while they are rotated there are two.
func (p *Prober) connection(ctx context.Context, namespace, address string, superuser []string) (*pgx.Conn, error) {
	p.mu.Lock()
	access := p.access[namespace]
	conn, ok := p.sql[address]
	delete(p.sql, address)
	p.mu.Unlock()
	if ok && !conn.IsClosed() && slices.Contains(superuser, conn.Config().Password) {
		return conn, nil
	}
	config, err := pgx.ParseConfig("postgres://" + address + "/postgres?sslmode=disable&application_name=pawskind-probe")
	if err != nil {
		return nil, fmt.Errorf("reading the address %s: %w", address, err)
	}
	config.User = Superuser
	if access.TLS != nil {
		config.TLSConfig = access.TLS.Clone()
		config.TLSConfig.ServerName = config.Host
	}
	for _, config.Password = range superuser {
		if conn, err = pgx.ConnectConfig(ctx, config); !refused(err) {
			return conn, err
		}
	}
	return nil, err
}

// refused tells whether the password was not the right one.
func refused(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && said.Code == "28P01"
}

// keep puts the connection back for the next look.
func (p *Prober) keep(ctx context.Context, address string, conn *pgx.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, taken := p.sql[address]; taken {
		_ = conn.Close(context.WithoutCancel(ctx))
		return
	}
	p.sql[address] = conn
}

// Forget closes the connections to members of the namespace.
func (p *Prober) Forget(ctx context.Context, namespace string, replicas int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.history, namespace)
	delete(p.access, namespace)
	delete(p.http, namespace)
	for o := int32(1); o <= replicas; o++ {
		address := p.Postgres(namespace, naming.Member(naming.Postgres, o))
		if conn, ok := p.sql[address]; ok {
			_ = conn.Close(ctx)
			delete(p.sql, address)
		}
	}
}

// reason is the error without the address, which the member's name tells already.
func reason(err error) string {
	var address *url.Error
	var resolve *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "does not answer"
	case errors.As(err, &resolve):
		return "has no address: its pod is not running"
	case strings.Contains(err.Error(), "connection refused"):
		return "refuses connections: its pod is starting or its process is down"
	case errors.As(err, &address):
		return address.Err.Error()
	default:
		return err.Error()
	}
}
