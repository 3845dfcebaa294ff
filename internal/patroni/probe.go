package patroni

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paws360/pawskind/internal/naming"
)

// MemberFacts is what one member's Patroni answered to GET /patroni.
type MemberFacts struct {
	Name string
	// Err is why the member could not be asked; empty when it answered.
	Err string
	// State is PostgreSQL's: running, starting, stopped, creating replica, ...
	State string
	// Role is primary, replica or standby_leader.
	Role             string
	Timeline         int64
	ReplicationState string
	Paused           bool
	ServerVersion    int
}

// Standby is one row of the leader's pg_stat_replication.
type Standby struct {
	Name      string
	State     string
	SyncState string
	// LagSeconds is replay_lag: how long the leader's last commits took to be
	// replayed; 0 when the standby has everything.
	LagSeconds float64
}

// Facts is one look at all members.
type Facts struct {
	Members []MemberFacts
	// Standbys are what the leader's PostgreSQL says.
	Standbys []Standby
	// LeaderErr is why the leader's PostgreSQL could not be asked.
	LeaderErr string
}

// Prober asks members and keeps its connections between looks.
type Prober struct {
	http *http.Client
	mu   sync.Mutex
	sql  map[string]*pgx.Conn
	// URL gives the address of a member's Patroni.
	URL func(namespace, member string) string
}

// NewProber asks members at their DNS names.
func NewProber() *Prober {
	return &Prober{
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}},
		sql:  map[string]*pgx.Conn{},
		URL:  RESTURL,
	}
}

// Probe asks members 1 to replicas in parallel, each for at most the given
// time, and then the leader's PostgreSQL as the superuser of that password.
func (p *Prober) Probe(ctx context.Context, namespace string, replicas int32, password string, timeout time.Duration) Facts {
	facts := Facts{Members: make([]MemberFacts, replicas)}
	var wg sync.WaitGroup
	for i := range facts.Members {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			facts.Members[i] = p.ask(ctx, namespace, naming.Member(naming.Postgres, int32(i)+1))
		})
	}
	wg.Wait()
	for _, m := range facts.Members {
		if m.Role == "primary" && m.State == "running" {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			var err error
			if facts.Standbys, err = p.standbys(ctx, naming.PodHost(namespace, naming.Postgres, m.Name), password); err != nil {
				facts.LeaderErr = reason(err)
			}
			break
		}
	}
	return facts
}

func (p *Prober) ask(ctx context.Context, namespace, member string) MemberFacts {
	facts := MemberFacts{Name: member}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL(namespace, member)+"/patroni", nil)
	if err != nil {
		facts.Err = err.Error()
		return facts
	}
	response, err := p.http.Do(request)
	if err != nil {
		facts.Err = reason(err)
		return facts
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		State            string `json:"state"`
		Role             string `json:"role"`
		Timeline         int64  `json:"timeline"`
		ReplicationState string `json:"replication_state"`
		Pause            bool   `json:"pause"`
		ServerVersion    int    `json:"server_version"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer); err != nil {
		facts.Err = "answers no JSON: " + err.Error()
		return facts
	}
	facts.State, facts.Role, facts.Timeline = answer.State, answer.Role, answer.Timeline
	facts.ReplicationState, facts.Paused, facts.ServerVersion = answer.ReplicationState, answer.Pause, answer.ServerVersion
	return facts
}

const standbyQuery = `SELECT application_name, state, sync_state, coalesce(extract(epoch FROM replay_lag), 0)::float8
FROM pg_stat_replication WHERE application_name LIKE 'patroni-%'`

// standbys asks over a connection that is kept while it works.
func (p *Prober) standbys(ctx context.Context, host, password string) ([]Standby, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	conn, err := p.connection(ctx, host, password)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, standbyQuery)
	if err == nil {
		var list []Standby
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Standby])
		if err == nil {
			return list, nil
		}
	}
	_ = conn.Close(context.WithoutCancel(ctx))
	delete(p.sql, host)
	return nil, err
}

func (p *Prober) connection(ctx context.Context, host, password string) (*pgx.Conn, error) {
	if conn, ok := p.sql[host]; ok && !conn.IsClosed() {
		return conn, nil
	}
	config, err := pgx.ParseConfig("sslmode=prefer")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Database = host, naming.PortPostgres, "postgres"
	config.User, config.Password = superuser, password
	config.TLSConfig, config.Fallbacks = nil, nil
	config.RuntimeParams["application_name"] = "pawskind-probe"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL on %s: %w", host, err)
	}
	p.sql[host] = conn
	return conn, nil
}

// Call sends one of Patroni's unsafe verbs to a member and returns what it
// answers when it refuses.
func (p *Prober) Call(ctx context.Context, namespace, member, method, path, password string, body any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, p.URL(namespace, member)+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.SetBasicAuth(restUser, password)
	response, err := p.http.Do(request)
	if err != nil {
		return fmt.Errorf("asking %s for %s: %w", member, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s refuses %s %s: %d %s", member, method, path, response.StatusCode, bytes.TrimSpace(answer))
	}
	return nil
}

// Switchover asks the leader to hand over to the most recent standby.
func (p *Prober) Switchover(ctx context.Context, namespace, leader, password string) error {
	return p.Call(ctx, namespace, leader, http.MethodPost, "/switchover", password, map[string]string{"leader": leader})
}

// Configure makes the dynamic configuration as given, on all members.
func (p *Prober) Configure(ctx context.Context, namespace, member, password string, config map[string]any) error {
	return p.Call(ctx, namespace, member, http.MethodPut, "/config", password, config)
}

// Configuration is the dynamic configuration that is in force.
func (p *Prober) Configuration(ctx context.Context, namespace, member string) (map[string]any, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL(namespace, member)+"/config", nil)
	if err != nil {
		return nil, err
	}
	response, err := p.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading %s's configuration: %w", member, err)
	}
	defer func() { _ = response.Body.Close() }()
	var config map[string]any
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&config); err != nil {
		return nil, fmt.Errorf("reading %s's configuration: %w", member, err)
	}
	return config, nil
}

// Drifted tells whether the configuration in force differs from the wanted one.
func Drifted(want, have map[string]any) bool {
	canonical := func(v any) string {
		text, _ := json.Marshal(v)
		return string(text)
	}
	return canonical(want) != canonical(have)
}

// Forget closes the connections to members of the namespace.
func (p *Prober) Forget(ctx context.Context, namespace string, replicas int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for o := int32(1); o <= replicas; o++ {
		host := naming.MemberHost(namespace, naming.Postgres, o)
		if conn, ok := p.sql[host]; ok {
			_ = conn.Close(ctx)
			delete(p.sql, host)
		}
	}
}

func reason(err error) string {
	var address *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "does not answer"
	case errors.As(err, &address):
		return address.Err.Error()
	default:
		return err.Error()
	}
}
