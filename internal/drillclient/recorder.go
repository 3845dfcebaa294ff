// Package drillclient is what a drill's clients do inside the cluster: they write
// to every system by every way that apps use, look at every member all the time,
// and remember what they were told.
package drillclient

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/paws360/pawskind/internal/drill"
)

// Settings are what the clients of one run are told.
type Settings struct {
	Namespace string `json:"namespace"`
	// PostgresReplicas, RedisReplicas, Sentinels and EtcdReplicas are how many
	// members there are.
	PostgresReplicas int32 `json:"postgresReplicas"`
	RedisReplicas    int32 `json:"redisReplicas"`
	Sentinels        int32 `json:"sentinels"`
	EtcdReplicas     int32 `json:"etcdReplicas"`
	// RedisTLS tells that Redis and Sentinel speak TLS.
	RedisTLS bool `json:"redisTLS,omitempty"`
	// Writers is how many clients write over each route.
	Writers int `json:"writers"`
	// Backend is the app's URL that is asked, empty for none.
	Backend string `json:"backend,omitempty"`
	// Plain: the stack is of plain manifests, without TLS, users of etcd and
	// Redis, and Services that follow the roles.
	Plain bool `json:"plain,omitempty"`
	// Bulk has one more client write so much that files grow.
	Bulk bool `json:"bulk,omitempty"`
	// RedisClients are clients elsewhere whose lists the final reads look at, too.
	RedisClients []string `json:"redisClients,omitempty"`
}

// History is what the clients saw. Its times are since Began.
type History struct {
	Began      time.Time         `json:"began"`
	Operations []drill.Operation `json:"operations"`
	Registers  []drill.Register  `json:"registers"`
	Samples    []drill.Sample    `json:"samples"`
	Finals     []FinalRows       `json:"finals"`
}

// FinalRows is a final read with its rows.
type FinalRows struct {
	drill.Final
	Rows []drill.Row `json:"rows"`
}

// recorder collects what concurrent clients saw.
type recorder struct {
	began time.Time

	mu      sync.Mutex
	history History
}

func newRecorder() *recorder {
	now := time.Now()
	return &recorder{began: now, history: History{Began: now}}
}

func (r *recorder) since() time.Duration { return time.Since(r.began) }

func (r *recorder) operation(o drill.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Operations = append(r.history.Operations, o)
}

func (r *recorder) register(o drill.Register) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Registers = append(r.history.Registers, o)
}

func (r *recorder) sample(s drill.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Samples = append(r.history.Samples, s)
}

// acknowledged counts acknowledged writes by system and route since a moment.
func (r *recorder) acknowledged(since time.Duration) map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := map[string]int{}
	for i := len(r.history.Operations) - 1; i >= 0; i-- {
		o := r.history.Operations[i]
		if o.End < since-time.Second {
			break // operations are in about the order of their ends
		}
		if o.End >= since && o.Kind == drill.Write && o.Outcome == drill.Acknowledged {
			count[o.System+"/"+o.Route]++
		}
	}
	return count
}

// client does one operation at a time on a system, over one route.
type client interface {
	// write adds a value, and read gives the highest that the server knows. The
	// server is named where the client can tell.
	write(ctx context.Context, value int64) (server string, err error)
	read(ctx context.Context) (value int64, server string, err error)
	// outcome judges a failure.
	outcome(err error) drill.Outcome
	close()
}

// How clients behave: as patient as an app, and not faster than a small machine
// can take beside the databases.
const (
	operationTimeout = 2 * time.Second
	pace             = 30 * time.Millisecond
	// backOff is the pause after a failure, as an app's pool has one: clients
	// that log in again and again without one would take the processors from
	// the election that they wait for. A refused connection is none.
	backOff   = 200 * time.Millisecond
	readEvery = 10
)

// drive has a client write and read until the context ends.
func (r *recorder) drive(ctx context.Context, system, route, name string, c client) {
	defer c.close()
	var value int64
	for n := 1; ctx.Err() == nil; n++ {
		o := drill.Operation{System: system, Route: route, Client: name, Kind: drill.Write}
		if n%readEvery == 0 {
			o.Kind = drill.Read
		} else {
			value++
			o.Value = value
		}
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), operationTimeout)
		o.Start = r.since()
		var err error
		if o.Kind == drill.Read {
			o.Value, o.Server, err = c.read(attempt)
		} else {
			o.Server, err = c.write(attempt, o.Value)
		}
		o.End, o.Outcome = r.since(), drill.Acknowledged
		cancel()
		if err != nil {
			o.Outcome, o.Error = c.outcome(err), short(err)
			if o.Kind == drill.Read {
				o.Outcome = drill.Failed
			}
		}
		r.operation(o)
		if err != nil && !refused(err) {
			pause(ctx, backOff)
		}
		pause(ctx, pace)
	}
}

// refused tells that nothing takes connections wherever the client tried, such as a
// Service that leads nowhere: to ask that again soon costs nobody anything.
func refused(err error) bool {
	var tries interface{ Unwrap() []error }
	if errors.As(err, &tries) {
		return !slices.ContainsFunc(tries.Unwrap(), func(try error) bool { return !refused(try) })
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// short keeps the beginning of an error: histories are long enough.
func short(err error) string {
	text := err.Error()
	return text[:min(len(text), 120)]
}
