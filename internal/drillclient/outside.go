package drillclient

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/naming"
)

// Outside is how clients on the developer's machine reach the stack: through the
// ports that are published there. They live on when the cluster does not.
type Outside struct {
	// Postgres and Redis are host:port, Backend a URL; empty for none.
	Postgres, Redis, Backend string
	// RedisTLS is how Redis is spoken to; nil for plain text.
	RedisTLS *tls.Config
	Secrets  Secrets
}

// routePublished is the route of the clients outside, those of the app among them.
const routePublished = "published port"

// OutsideRoutes is over how many routes they write to the databases.
const OutsideRoutes = 2

// StartOutside lets clients begin on this machine. With fresh they make the
// drill's places themselves, for want of clients inside.
func StartOutside(ctx context.Context, o Outside, writers int, fresh bool) (*Run, error) {
	if o.Postgres == "" || o.Redis == "" {
		return nil, errors.New("PostgreSQL and Redis are not published on this machine: see expose in the environment")
	}
	r := &Run{secrets: func() Secrets { return o.Secrets }, recorder: newRecorder()}
	if fresh {
		if err := o.prepare(ctx, postgresSetup); err != nil {
			return nil, err
		}
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	for i := range writers {
		name := fmt.Sprintf("postgres-outside-%d", i+1)
		r.done.Go(func() {
			r.drive(running, drill.Postgres, routePublished, name, &postgresClient{url: o.postgresURL(), name: name})
		})
		name = OutsideRedisClients(writers)[i]
		r.done.Go(func() {
			r.drive(running, drill.Redis, routePublished, name, &redisClient{o.redis(), name})
		})
	}
	if o.Backend != "" {
		r.done.Go(func() { r.driveApp(running, routePublished, "app-outside", newApp(o.Backend)) })
	}
	return r, nil
}

// Stop ends the clients and gives what they saw, without the final reads.
func (r *Run) Stop() History {
	r.stop()
	r.done.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history
}

// OutsideRedisClients are those whose lists the final reads must look at.
func OutsideRedisClients(writers int) []string {
	names := make([]string, writers)
	for i := range names {
		names[i] = fmt.Sprintf("redis-outside-%d", i+1)
	}
	return names
}

// Remove takes away what the clients outside wrote.
func (o Outside) Remove(ctx context.Context) error { return o.prepare(ctx, postgresTeardown) }

func (o Outside) prepare(ctx context.Context, statements string) error {
	conn, err := pgx.Connect(ctx, o.postgresURL())
	if err != nil {
		return fmt.Errorf("reaching PostgreSQL from outside: %w", err)
	}
	_, err = conn.Exec(ctx, statements)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("preparing the drill's tables: %w", err)
	}
	cache := o.redis()
	defer func() { _ = cache.Close() }()
	keys, err := cache.Keys(ctx, redisKey("*")).Result()
	if err == nil && len(keys) > 0 {
		err = cache.Del(ctx, keys...).Err()
	}
	if err != nil {
		return fmt.Errorf("clearing Redis from outside: %w", err)
	}
	return nil
}

// postgresURL is what a developer's tools use. The certificate is for names
// inside the cluster, so that nothing is verified here.
func (o Outside) postgresURL() string {
	return databaseURL(naming.DatabaseUser, o.Secrets.Database, o.Postgres, "target_session_attrs=read-write&connect_timeout=2&sslmode=prefer&application_name=drill")
}

func (o Outside) redis() *redis.Client {
	return redis.NewClient(connection(o.Redis, naming.RedisUser, o.Secrets.Redis, o.RedisTLS))
}

// Merge puts another history into this one, on its clock.
func (h *History) Merge(other History) {
	shift := other.Began.Sub(h.Began)
	for _, o := range other.Operations {
		o.Start, o.End = max(o.Start+shift, 0), max(o.End+shift, 0)
		h.Operations = append(h.Operations, o)
	}
}

// Read is what each member of PostgreSQL and Redis has, for clients that ended.
func Read(ctx context.Context, s Settings, secrets Source) []FinalRows {
	s.EtcdReplicas = 0
	r := &Run{settings: s, secrets: secrets, recorder: newRecorder(), redisClients: s.RedisClients}
	return r.levelFinals(ctx)
}

// levelFinals reads until all members have the same: what was acknowledged last
// may still be on its way to the replicas.
func (r *Run) levelFinals(ctx context.Context) []FinalRows {
	stopped := time.Now()
	for {
		finals := r.finals(ctx)
		if level(finals) || ctx.Err() != nil || time.Since(stopped) > levelPatience {
			return finals
		}
		pause(ctx, sampleInterval)
	}
}

// bulkRow and bulkPace make a client that fills a log segment of PostgreSQL in
// a few seconds; bulkMost is where it ends.
const (
	bulkRow  = 128 << 10
	bulkPace = 30 * time.Millisecond
	bulkMost = 512 << 20
)

// driveBulk writes so much that PostgreSQL's files must grow. It proves nothing
// by itself and is not part of the history.
func (r *Run) driveBulk(ctx context.Context) {
	c := &postgresClient{url: postgresURL(r.settings, r.secrets(), routeURL), name: "bulk"}
	defer c.close()
	for written := 0; written < bulkMost && ctx.Err() == nil; pause(ctx, bulkPace) {
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), operationTimeout)
		conn, err := c.connection(attempt)
		if err == nil {
			_, err = conn.Exec(attempt, "INSERT INTO drill_bulk VALUES ($1)", noise(bulkRow))
			err = c.settle(err)
		}
		cancel()
		if err != nil {
			pause(ctx, operationTimeout/4)
			continue
		}
		written += bulkRow
	}
}

// noise is what no compression makes smaller.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
