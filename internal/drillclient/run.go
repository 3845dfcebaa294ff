package drillclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/naming"
)

// Run is all clients of one run.
type Run struct {
	settings Settings
	secrets  Source
	*recorder

	redisClients []string
	stop         context.CancelFunc
	done         sync.WaitGroup
	etcd         []*clientv3.Client
}

// Start empties the drill's places and lets every client begin.
func Start(ctx context.Context, s Settings, secrets Source) (*Run, error) {
	r := &Run{settings: s, secrets: secrets, recorder: newRecorder(), redisClients: s.RedisClients}
	if err := r.setUp(ctx); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.startClients(running)
	r.startWatching(running)
	return r, nil
}

func (r *Run) setUp(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, postgresURL(r.settings, r.secrets(), routeURL))
	if err != nil {
		return fmt.Errorf("reaching PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, postgresSetup); err != nil {
		return fmt.Errorf("making the drill's tables: %w", err)
	}
	return r.clear(ctx)
}

// clear removes what a drill left in Redis and etcd.
func (r *Run) clear(ctx context.Context) error {
	cache := newRedis(r.settings, r.secrets(), routeSentinel)
	defer func() { _ = cache.Close() }()
	keys, err := cache.Keys(ctx, "drill:*").Result()
	if err == nil && len(keys) > 0 {
		err = cache.Del(ctx, keys...).Err()
	}
	if err != nil {
		return fmt.Errorf("clearing Redis: %w", err)
	}
	etcd, err := r.newEtcd(etcdEndpoints(r.settings)...)
	if err != nil {
		return err
	}
	defer func() { _ = etcd.Close() }()
	for _, prefix := range []string{etcdPrefix, etcdRegister} {
		if _, err := etcd.Delete(ctx, prefix, clientv3.WithPrefix()); err != nil {
			return fmt.Errorf("clearing etcd: %w", err)
		}
	}
	return nil
}

func (r *Run) newEtcd(endpoints ...string) (*clientv3.Client, error) {
	client, err := newEtcd(r.etcdApp(r.secrets()), endpoints...)
	if err != nil {
		return nil, fmt.Errorf("reaching etcd: %w", err)
	}
	return client, nil
}

// routes are a system's own route and its Service, where there is one.
func (s Settings) routes(own string) []string {
	if s.Plain {
		return []string{own}
	}
	return []string{own, routeService}
}

func (r *Run) startClients(ctx context.Context) {
	for i := range r.settings.Writers {
		for _, route := range r.settings.routes(routeURL) {
			name := fmt.Sprintf("postgres-%.3s-%d", route, i+1)
			r.done.Go(func() {
				r.drive(ctx, drill.Postgres, route, name, r.renewed(func(secrets Secrets) (client, error) {
					return &postgresClient{url: postgresURL(r.settings, secrets, route), name: name}, nil
				}))
			})
		}
		for _, route := range r.settings.routes(routeSentinel) {
			name := fmt.Sprintf("redis-%.3s-%d", route, i+1)
			r.redisClients = append(r.redisClients, name)
			r.done.Go(func() {
				r.drive(ctx, drill.Redis, route, name, r.renewed(func(secrets Secrets) (client, error) {
					return &redisClient{newRedis(r.settings, secrets, route), name}, nil
				}))
			})
		}
		name := fmt.Sprintf("etcd-%d", i+1)
		r.done.Go(func() {
			r.drive(ctx, drill.Etcd, routeEndpoints, name, r.renewed(func(secrets Secrets) (client, error) {
				c, err := newEtcd(r.etcdApp(secrets), etcdEndpoints(r.settings)...)
				return &etcdClient{c, name}, err
			}))
		})
	}
	if r.settings.Backend != "" {
		r.done.Go(func() { r.driveApp(ctx, routeHTTP, "app-1", newApp(r.settings.Backend)) })
	}
	if r.settings.Bulk {
		r.done.Go(func() { r.driveBulk(ctx) })
	}
	r.startRegisters(ctx)
}

// renewed is a client that follows the secrets.
func (r *Run) renewed(make func(Secrets) (client, error)) client {
	return &renewing{source: r.secrets, make: make}
}

// registerClients is how many clients share a register: enough for them to
// overlap, and few enough for the check to end. No gap is measured by them, so
// that they wait longer than others after a failure.
const (
	registerClients = 3
	registerPace    = 100 * time.Millisecond
	registerBackOff = 500 * time.Millisecond
)

func (r *Run) startRegisters(ctx context.Context) {
	for i := range registerClients {
		r.done.Go(func() {
			r.driveRegister(ctx, drill.Postgres, i, r.renewed(func(secrets Secrets) (client, error) {
				return &postgresRegister{postgresClient{url: postgresURL(r.settings, secrets, routeURL)}}, nil
			}))
		})
		r.done.Go(func() {
			r.driveRegister(ctx, drill.Etcd, i, r.renewed(func(secrets Secrets) (client, error) {
				c, err := newEtcd(r.etcdApp(secrets), etcdEndpoints(r.settings)...)
				return &etcdRegisterClient{etcdClient{Client: c}}, err
			}))
		})
	}
}

// driveRegister writes values of its own and reads, as chance has it.
func (r *Run) driveRegister(ctx context.Context, system string, number int, c client) {
	defer c.close()
	for n := int64(1); ctx.Err() == nil; n++ {
		o := drill.Register{System: system, Client: number, Kind: drill.Read}
		if rand.IntN(2) == 0 {
			o.Kind, o.Value = drill.Write, n*registerClients+int64(number)
		}
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), operationTimeout)
		o.Start = r.since()
		var err error
		if o.Kind == drill.Read {
			o.Value, _, err = c.read(attempt)
		} else {
			_, err = c.write(attempt, o.Value)
		}
		cancel()
		o.End, o.Outcome = r.since(), drill.Acknowledged
		if err != nil {
			o.Outcome = c.outcome(err)
			if o.Kind == drill.Read {
				o.Outcome = drill.Failed
			}
		}
		r.register(o)
		if err != nil {
			pause(ctx, registerBackOff)
		}
		pause(ctx, registerPace)
	}
}

func (r *Run) startWatching(ctx context.Context) {
	leader := &lease{}
	if client, err := newEtcd(r.etcdPatroni(r.secrets()), etcdEndpoints(r.settings)...); err == nil {
		r.etcd = append(r.etcd, client)
		r.done.Go(func() { leader.follow(ctx, client) })
	}
	for i := int32(1); i <= r.settings.PostgresReplicas; i++ {
		look := newPostgresLook(r.settings, r.secrets(), i, leader)
		r.done.Go(func() { r.watch(ctx, sampleInterval, look.look) })
	}
	for i := int32(1); i <= r.settings.RedisReplicas; i++ {
		look := newRedisLook(r.settings, r.secrets(), i)
		r.done.Go(func() { r.watch(ctx, otherSampleInterval, look.look) })
	}
	for i := int32(1); i <= r.settings.EtcdReplicas; i++ {
		if client, err := newEtcd(r.etcdApp(r.secrets()), etcdEndpoint(r.settings, i)); err == nil {
			r.etcd = append(r.etcd, client)
			r.done.Go(func() { r.watch(ctx, otherSampleInterval, etcdLook(client, naming.Member(naming.Etcd, i))) })
		}
	}
}

// Progress counts the writes that were acknowledged in the last second.
func (r *Run) Progress() map[string]int { return r.acknowledged(r.since() - time.Second) }

// Finish stops every client and reads what each member has in the end.
func (r *Run) Finish(ctx context.Context) History {
	r.stop()
	r.done.Wait()
	for _, client := range r.etcd {
		_ = client.Close()
	}
	r.mu.Lock()
	history := r.history
	r.mu.Unlock()
	lags(history.Samples)
	history.Finals = r.levelFinals(ctx)
	return history
}

// levelPatience also covers a member that starts anew and copies the rest.
const levelPatience = 20 * time.Second

// level tells whether all members of each system have as many rows.
func level(finals []FinalRows) bool {
	rows := map[string]int{}
	for _, f := range finals {
		have, seen := rows[f.System]
		if f.Error != "" || seen && have != len(f.Rows) {
			return false
		}
		rows[f.System] = len(f.Rows)
	}
	return true
}

func (r *Run) finals(ctx context.Context) []FinalRows {
	s, secrets := r.settings, r.secrets()
	finals := make([]FinalRows, s.PostgresReplicas+s.RedisReplicas+s.EtcdReplicas)
	var wg sync.WaitGroup
	next := 0
	read := func(f func() FinalRows) {
		i := next
		next++
		wg.Go(func() { finals[i] = f() })
	}
	for i := int32(1); i <= s.PostgresReplicas; i++ {
		read(func() FinalRows { return postgresFinal(ctx, s, secrets, i) })
	}
	for i := int32(1); i <= s.RedisReplicas; i++ {
		read(func() FinalRows { return redisFinal(ctx, s, secrets, i, r.redisClients) })
	}
	for i := int32(1); i <= s.EtcdReplicas; i++ {
		read(func() FinalRows { return etcdFinal(ctx, s, r.etcdApp(secrets), i) })
	}
	wg.Wait()
	return finals
}

// TearDown removes what the drill wrote.
func (r *Run) TearDown(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, postgresURL(r.settings, r.secrets(), routeURL))
	if err != nil {
		return fmt.Errorf("reaching PostgreSQL: %w", err)
	}
	_, err = conn.Exec(ctx, postgresTeardown)
	return errors.Join(err, conn.Close(ctx), r.clear(ctx))
}
