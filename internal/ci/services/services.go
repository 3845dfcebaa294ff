// Package services gives jobs the services that they ask for. PostgreSQL and
// Redis are the running environment's, with a scratch database and a scratch
// keyspace of the job's own; anything else is a container.
//
// A workflow names its services' ports, users and databases itself, and its
// steps use these. So each port that it asks for on the host is opened on
// loopback, without TLS, and leads to the scratch: whoever comes with the
// workflow's user, password and database is let in. Where the environment itself
// has that port, another one is opened, and ServiceAddress.Instead says which;
// the scratch then also has the workflow's own user and database in the
// environment where these names are free, for clients that connect there
// directly (sslmode prefer or require).
//
// What differs from a container: the user is no superuser, the server's version
// is the environment's, and Redis has one database (SELECT 0).
package services

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/problem"
)

// Where services are from.
const (
	FromEnvironment = "environment"
	FromContainer   = "container"
)

// Environment is how the host reaches the running environment's databases.
type Environment struct {
	// Postgres and Redis are host:port.
	Postgres, Redis string
	// Superuser is PostgreSQL's, with its password.
	Superuser, PostgresPassword string
	// RedisTLS is how Redis is spoken to; nil for plain text.
	RedisTLS *tls.Config
	// RedisUser may lend databases; RedisPassword is its password.
	RedisUser, RedisPassword string
}

// Provider starts services. It is safe for use by several jobs at a time.
type Provider struct {
	// From is FromEnvironment or FromContainer, which forces containers.
	From string
	// Environment tells how the environment is reached, or that it does not run.
	Environment func(ctx context.Context) (Environment, error)
	// Engine finds the container engine.
	Engine func(ctx context.Context) (*engine.Engine, error)
	// Ready bounds the wait for a service that does not answer yet; a minute when 0.
	Ready time.Duration

	mu    sync.Mutex
	ports map[int]chan struct{}
}

var _ schedule.Services = (*Provider)(nil)

// Start starts what the job asks for under services and waits until it is
// healthy. Jobs that ask for the same port of the host take turns.
func (p *Provider) Start(ctx context.Context, job ci.Job, log io.Writer) (map[string]schedule.ServiceAddress, func(), error) {
	var undo stack
	asked, err := askedPorts(job.Services)
	if err != nil {
		return nil, undo.run, err
	}
	for _, port := range asked {
		release, err := p.take(ctx, port, log)
		if err != nil {
			return nil, undo.run, err
		}
		undo.add(release)
	}
	addresses := map[string]schedule.ServiceAddress{}
	for _, service := range job.Services {
		began := time.Now()
		address, where, err := p.start(ctx, job, service, log, &undo)
		if err != nil {
			return nil, undo.run, err
		}
		addresses[service.Name] = address
		_, _ = fmt.Fprintf(log, "Service %s: %s, ready after %s\n", service.Name, where, time.Since(began).Round(time.Millisecond))
	}
	return addresses, undo.run, nil
}

func (p *Provider) start(ctx context.Context, job ci.Job, s ci.Service, log io.Writer, undo *stack) (schedule.ServiceAddress, string, error) {
	kind := kindOf(s.Image)
	if p.From == FromContainer || kind == "" {
		address, err := p.container(ctx, job, s, undo)
		return address, "a container of " + s.Image, err
	}
	if p.Environment == nil {
		return schedule.ServiceAddress{}, "", problem.New(problem.ServicesDown, "%s wants %s, and there is no environment", job.Key, s.Name)
	}
	env, err := p.Environment(ctx)
	if err != nil {
		return schedule.ServiceAddress{}, "", err
	}
	if kind == kindPostgres {
		return p.postgres(ctx, s, env, log, undo)
	}
	return p.redis(ctx, s, env, undo)
}

func (p *Provider) ready() time.Duration {
	if p.Ready > 0 {
		return p.Ready
	}
	return time.Minute
}

// Kinds of service that the environment has.
const (
	kindPostgres = "postgres"
	kindRedis    = "redis"
)

// kindOf is the environment's counterpart of an image; empty when it has none.
func kindOf(image string) string {
	name, _, _ := strings.Cut(path.Base(image), ":")
	name, _, _ = strings.Cut(name, "@")
	switch name {
	case "postgres", "postgresql":
		return kindPostgres
	case "redis", "valkey":
		return kindRedis
	}
	return ""
}

// mapping is one entry of a service's ports; host 0 leaves the choice to us.
type mapping struct{ host, container int }

func (m mapping) key() string { return strconv.Itoa(m.container) }

// mappings reads the ports of a service: "5432:5432", "5432", "5432/tcp".
func mappings(s ci.Service) ([]mapping, error) {
	var all []mapping
	for _, entry := range s.Ports {
		text, protocol, _ := strings.Cut(entry, "/")
		host, container, both := strings.Cut(text, ":")
		if !both {
			host, container = "0", text
		}
		h, hostErr := strconv.ParseUint(host, 10, 16)
		c, containerErr := strconv.ParseUint(container, 10, 16)
		if hostErr != nil || containerErr != nil || c == 0 || (protocol != "" && protocol != "tcp") {
			return nil, problem.New(problem.ServiceUnavailable, "the service %s has a port %q, which is not host:container", s.Name, entry).
				Do("Write it as \"5432:5432\" or \"5432\"")
		}
		all = append(all, mapping{int(h), int(c)})
	}
	return all, nil
}

// askedPorts are the host ports that the services name, each once and sorted, so
// that no two jobs wait for each other.
func askedPorts(services []ci.Service) ([]int, error) {
	var ports []int
	for _, s := range services {
		all, err := mappings(s)
		if err != nil {
			return nil, err
		}
		for _, m := range all {
			if m.host != 0 {
				ports = append(ports, m.host)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// take waits until no other job of this run uses the port.
func (p *Provider) take(ctx context.Context, port int, log io.Writer) (func(), error) {
	p.mu.Lock()
	if p.ports == nil {
		p.ports = map[int]chan struct{}{}
	}
	if p.ports[port] == nil {
		p.ports[port] = make(chan struct{}, 1)
	}
	free := p.ports[port]
	p.mu.Unlock()
	release := func() { <-free }
	select {
	case free <- struct{}{}:
		return release, nil
	default:
	}
	_, _ = fmt.Fprintf(log, "Waiting for port %d, which another job uses\n", port)
	select {
	case free <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// stack is what is to be undone, the latest first.
type stack struct{ undo []func() }

func (s *stack) add(f func()) { s.undo = append(s.undo, f) }

func (s *stack) run() {
	for _, f := range slices.Backward(s.undo) {
		f()
	}
	s.undo = nil
}

// cleaning is the context of undoing: it outlives the job's, within bounds.
func cleaning() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}
