package install

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

// Published is a service on a port of the host.
type Published struct {
	Name string
	// Address is host:port.
	Address string
	// hello is the least that makes the service answer.
	hello string
	// tls: it speaks TLS first.
	tls bool
}

// The least that servers of these protocols answer to. PostgreSQL's is an
// SSLRequest, Redis answers an inline command also before authentication.
// Source: PostgreSQL, "Message Formats"; Redis, "Redis serialization protocol".
const (
	helloHTTP     = "HEAD / HTTP/1.0\r\n\r\n"
	helloPostgres = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
	helloRedis    = "PING\r\n"
)

// PublishedServices are those of the environment that the host's ports lead to.
// Only whether they answer is asked of them, so that certificates are not verified.
func PublishedServices(env *v1alpha1.PawsEnvironment, config *project.Config) []Published {
	host := config.Bind
	if host == "0.0.0.0" {
		host = "127.0.0.1"
	}
	var list []Published
	add := func(name string, expose *v1alpha1.ExposeSpec, nodePort int32, port int, hello string) {
		if expose != nil && expose.NodePort == nodePort {
			list = append(list, Published{Name: name, Address: net.JoinHostPort(host, strconv.Itoa(port)), hello: hello})
		}
	}
	add("PostgreSQL", env.Spec.Postgres.Expose, cluster.NodePortPostgres, config.Ports.Postgres, helloPostgres)
	add("Redis", env.Spec.Redis.Expose, cluster.NodePortRedis, config.Ports.Redis, helloRedis)
	for i := range list {
		list[i].tls = env.Spec.Redis.TLS && list[i].hello == helloRedis
	}
	for _, a := range env.Spec.Apps {
		add(a.Name, a.Expose, cluster.NodePortFrontend, config.Ports.Frontend, helloHTTP)
		add(a.Name, a.Expose, cluster.NodePortBackend, config.Ports.Backend, helloHTTP)
	}
	return list
}

// Reach asks every published service from the host until it answers, and tells
// which did not before the context ended: a service can be healthy inside the
// cluster and its port caught by something else on the host.
func Reach(ctx context.Context, services []Published) error {
	failed := make([]error, len(services))
	var wg sync.WaitGroup
	for i, s := range services {
		wg.Go(func() { failed[i] = s.reach(ctx) })
	}
	wg.Wait()
	var problems problem.Several
	for i, err := range failed {
		if err != nil {
			problems = append(problems, problem.New(problem.Unreachable, "%s is healthy, and does not answer on this host at %s",
				services[i].Name, services[i].Address).Because(err).
				Do("See what else forwards that port (iptables -t nat -S), or choose another one in pawskind.yaml"))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

const (
	reachTimeout = 3 * time.Second
	reachPause   = 100 * time.Millisecond
)

func (s Published) reach(ctx context.Context) error {
	for {
		err := s.greet(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(reachPause):
		}
	}
}

func (s Published) greet(ctx context.Context) error {
	dialer := net.Dialer{Timeout: reachTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(reachTimeout)); err != nil {
		return err
	}
	if s.tls {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // nothing is told or believed
	}
	if _, err := conn.Write([]byte(s.hello)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}
