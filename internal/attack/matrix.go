// Package attack knows what must become of every attempt to reach a member of
// an environment without the right to: from which network, with which
// credentials, and how it is refused. It makes the attempts, too.
package attack

import "slices"

// Caller is where an attempt comes from.
type Caller string

// Callers of the matrix.
const (
	// FromInfra is a PostgreSQL member's own network.
	FromInfra Caller = "infra"
	// FromApp is an app that declares no dependencies.
	FromApp Caller = "app"
	// FromMonitor collects metrics.
	FromMonitor Caller = "monitor"
	// FromOther is a pod of another namespace.
	FromOther Caller = "other namespace"
	// FromHost is the developer's machine, by the published ports.
	FromHost Caller = "host"
)

// Callers are all, in the order of the table.
func Callers() []Caller { return []Caller{FromInfra, FromApp, FromMonitor, FromOther, FromHost} }

// Credential is what the caller comes with.
type Credential string

// Credentials of the matrix.
const (
	WithNothing   Credential = "no credentials"
	WithWrong     Credential = "wrong password"
	InPlaintext   Credential = "plaintext"
	WithStrangeCA Credential = "other environment's certificate"
)

// Credentials are all, in the order of the table.
func Credentials() []Credential {
	return []Credential{WithNothing, WithWrong, InPlaintext, WithStrangeCA}
}

// Answer is what becomes of an attempt.
type Answer string

// Answers of the matrix.
const (
	// NoRoute: the network lets no connection through.
	NoRoute Answer = "no route"
	// TLSRefused: a connection is made, and ends before any protocol is spoken.
	TLSRefused Answer = "refused by TLS"
	// AuthRefused: the server asks for credentials that the caller has not.
	AuthRefused Answer = "refused by authentication"
	// Open: the server answers everybody.
	Open Answer = "open"
	// Unclear is an answer that the executor cannot place; it is always a failure.
	Unclear Answer = "unclear"
)

// Protocol is how a service is spoken to.
type Protocol string

// Protocols that the executor speaks.
const (
	Etcd     Protocol = "etcd"
	EtcdPeer Protocol = "etcd peer"
	Postgres Protocol = "postgres"
	Patroni  Protocol = "patroni"
	Redis    Protocol = "redis"
	RedisTLS Protocol = "redis by TLS"
	HTTP     Protocol = "http"
	HTTPS    Protocol = "https"
)

// Service is one port of a component.
type Service struct {
	Name     string
	Port     int32
	Protocol Protocol
	// Reach are the callers that the network lets through.
	Reach []Caller
	// Answers is what they get, by what they come with. What makes no sense of
	// a service is left out.
	Answers map[Credential]Answer
}

// Services are the ports of an environment with the two apps, whose Redis speaks
// plain text or, by spec.redis.tls, TLS. This is the place to say what is expected.
func Services(redisTLS bool) []Service {
	redis, sentinel := redisServices(redisTLS)
	return []Service{
		{"etcd", 2379, Etcd, []Caller{FromInfra}, map[Credential]Answer{
			WithNothing: AuthRefused, WithWrong: AuthRefused, InPlaintext: TLSRefused, WithStrangeCA: AuthRefused}},
		{"etcd", 2380, EtcdPeer, nil, map[Credential]Answer{
			WithNothing: TLSRefused, InPlaintext: TLSRefused, WithStrangeCA: TLSRefused}},
		{"etcd", 2381, HTTP, []Caller{FromMonitor}, map[Credential]Answer{WithNothing: Open}},
		{"postgres", 5432, Postgres, []Caller{FromInfra, FromApp, FromHost}, map[Credential]Answer{
			WithNothing: AuthRefused, WithWrong: AuthRefused, InPlaintext: TLSRefused, WithStrangeCA: TLSRefused}},
		{"postgres", 8008, Patroni, []Caller{FromInfra, FromMonitor}, map[Credential]Answer{
			WithNothing: AuthRefused, WithWrong: AuthRefused, InPlaintext: TLSRefused, WithStrangeCA: AuthRefused}},
		redis, sentinel,
		{"backend", 8080, HTTP, []Caller{FromApp, FromMonitor, FromHost}, map[Credential]Answer{WithNothing: Open}},
		{"frontend", 3000, HTTP, []Caller{FromApp, FromMonitor, FromHost}, map[Credential]Answer{WithNothing: Open}},
		{"manager metrics", 8443, HTTPS, []Caller{FromOther}, map[Credential]Answer{
			WithNothing: AuthRefused, WithWrong: AuthRefused, InPlaintext: TLSRefused}},
	}
}

// redisServices are Redis and Sentinel: whoever is let through is asked for a
// password, and no client certificate stands in for one.
func redisServices(tls bool) (redis, sentinel Service) {
	protocol, answers := Redis, map[Credential]Answer{WithNothing: AuthRefused, WithWrong: AuthRefused}
	if tls {
		protocol = RedisTLS
		answers[InPlaintext], answers[WithStrangeCA] = TLSRefused, AuthRefused
	}
	return Service{"redis", 6379, protocol, []Caller{FromApp, FromHost}, answers},
		Service{"sentinel", 26379, protocol, []Caller{FromApp}, answers}
}

// Published are the ports that the host is given; the others do not exist there.
func Published() []int32 { return []int32{5432, 6379, 8080, 3000} }

// Cell is one attempt and what must become of it.
type Cell struct {
	Caller     Caller     `json:"caller"`
	Service    string     `json:"service"`
	Port       int32      `json:"port"`
	Protocol   Protocol   `json:"protocol"`
	Credential Credential `json:"credential"`
	Want       Answer     `json:"want"`
	// Address is host:port of the member that is tried.
	Address string `json:"address,omitempty"`
	// Got is what became of it, and Detail the words in which it was said.
	Got    Answer `json:"got,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Failed tells whether the attempt ended otherwise than it must.
func (c Cell) Failed() bool { return c.Got != c.Want }

// Cells are the whole matrix of an environment.
func Cells(redisTLS bool) []Cell { return cellsOf(Services(redisTLS)) }

func cellsOf(services []Service) []Cell {
	var cells []Cell
	for _, caller := range Callers() {
		for _, s := range services {
			if caller == FromHost && !slices.Contains(Published(), s.Port) {
				continue
			}
			for _, credential := range Credentials() {
				want, makesSense := s.Answers[credential]
				if !makesSense {
					continue
				}
				if !slices.Contains(s.Reach, caller) {
					want = NoRoute
				}
				cells = append(cells, Cell{Caller: caller, Service: s.Name, Port: s.Port, Protocol: s.Protocol, Credential: credential, Want: want})
			}
		}
	}
	return cells
}

// Of are the cells of one caller.
func Of(cells []Cell, caller Caller) []Cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool { return c.Caller != caller })
}
