package services

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/problem"
)

const portRedis = 6379

// Keys in database 0: who has which database, and which of them hold nothing but
// what jobs have left there.
const (
	keyLease   = "pawskind:ci:db:"
	keyScratch = "pawskind:ci:scratch"
)

// leaseFor is longer than any job runs: a run that was killed gives its database
// back by time.
const leaseFor = 7 * time.Hour

// databases are those that Redis has unless it is told otherwise; 0 is the
// application's.
const databases = 16

// keyspace is a Redis database and a user that can reach no other.
type keyspace struct {
	number         int
	user, password string
}

// redis takes a free database of the environment's Redis and opens its ports.
func (p *Provider) redis(ctx context.Context, s ci.Service, env Environment, undo *stack) (schedule.ServiceAddress, string, error) {
	fail := func(err error) (schedule.ServiceAddress, string, error) {
		return schedule.ServiceAddress{}, "", problem.New(problem.ServiceUnavailable, "the service %s cannot use the environment's Redis at %s", s.Name, env.Redis).
			Because(err).Do("See pawskind health, or use --services container")
	}
	ports, err := mappings(s)
	if err != nil {
		return schedule.ServiceAddress{}, "", err
	}
	admin := redisClient(env)
	undo.add(func() { _ = admin.Close() })
	if err := p.pong(ctx, admin); err != nil {
		return fail(err)
	}
	space, err := takeKeyspace(ctx, admin)
	if space != nil {
		undo.add(func() {
			ctx, cancel := cleaning()
			defer cancel()
			_ = space.giveBack(ctx, env) // what is not given back is taken again once the lease ends
		})
	}
	if err != nil {
		return fail(err)
	}
	proxy := &redisProxy{address: env.Redis, tls: env.RedisTLS, space: *space}
	address, err := open(ports, portRedis, proxy.serve, undo)
	if err != nil {
		return fail(err)
	}
	port := strconv.Itoa(first(address, portRedis))
	address.Env = map[string]string{"REDIS_HOST": loopback, "REDIS_PORT": port, "REDIS_URL": "redis://" + loopback + ":" + port}
	return address, fmt.Sprintf("database %d of the environment's Redis", space.number), nil
}

func redisClient(env Environment) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: env.Redis, Username: env.RedisUser, Password: env.RedisPassword, TLSConfig: env.RedisTLS, Protocol: 2, DisableIdentity: true, PoolSize: 1, ContextTimeoutEnabled: true})
}

// pong waits for a master that answers.
func (p *Provider) pong(ctx context.Context, client *redis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, p.ready())
	defer cancel()
	for {
		err := client.Ping(ctx).Err()
		if err == nil || redis.IsAuthError(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// takeKeyspace reserves a database that is empty, or that an earlier run has
// left over, and makes its user.
func takeKeyspace(ctx context.Context, admin *redis.Client) (*keyspace, error) {
	for n := 1; n < databases; n++ {
		space := &keyspace{number: n, user: fmt.Sprintf("pawskind-ci-%d", n), password: rand.Text()}
		taken, err := space.lease(ctx, admin)
		if err != nil {
			return nil, err
		}
		if !taken {
			continue
		}
		empty, err := space.isOurs(ctx, admin)
		if err != nil {
			return space, err
		}
		if !empty { // somebody else's keys
			if err := admin.Del(ctx, keyLease+strconv.Itoa(n)).Err(); err != nil {
				return nil, err
			}
			continue
		}
		return space, space.make(ctx, admin)
	}
	return nil, errors.New("all of its databases are in use")
}

func (k *keyspace) lease(ctx context.Context, admin *redis.Client) (bool, error) {
	err := admin.Do(ctx, "SET", keyLease+strconv.Itoa(k.number), k.password[:8], "NX", "EX", int(leaseFor.Seconds())).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, err
}

// isOurs tells whether the database holds nothing, or only what a job left.
func (k *keyspace) isOurs(ctx context.Context, admin *redis.Client) (bool, error) {
	left, err := admin.SIsMember(ctx, keyScratch, k.number).Result()
	if err != nil || left {
		return left, err
	}
	size, err := k.within(ctx, admin, "DBSIZE")
	return size == int64(0), err
}

// within runs one command in the database, and goes back to database 0 with the
// one connection that there is.
func (k *keyspace) within(ctx context.Context, admin *redis.Client, command ...any) (any, error) {
	conn := admin.Conn()
	defer func() { _ = conn.Close() }()
	if err := conn.Select(ctx, k.number).Err(); err != nil {
		return nil, err
	}
	value, err := conn.Do(ctx, command...).Result()
	return value, errors.Join(err, conn.Select(context.WithoutCancel(ctx), 0).Err())
}

// make empties the database and makes the user, who can do what a job may want
// and reaches no other database.
func (k *keyspace) make(ctx context.Context, admin *redis.Client) error {
	if err := admin.SAdd(ctx, keyScratch, k.number).Err(); err != nil {
		return err
	}
	if _, err := k.within(ctx, admin, "FLUSHDB"); err != nil {
		return err
	}
	return admin.Do(ctx, "ACL", "SETUSER", k.user, "reset", "on", ">"+k.password, "~*", "&*", "+@all", "-@admin", "+config|get",
		"-flushall", "-swapdb", "-move", "-reset", "-select", "+select|"+strconv.Itoa(k.number)).Err()
}

// giveBack removes the user, ends its connections, and empties the database.
func (k *keyspace) giveBack(ctx context.Context, env Environment) error {
	admin := redisClient(env)
	defer func() { _ = admin.Close() }()
	if err := admin.Do(ctx, "ACL", "DELUSER", k.user).Err(); err != nil {
		return err
	}
	if _, err := k.within(ctx, admin, "FLUSHDB"); err != nil {
		return err
	}
	if err := admin.SRem(ctx, keyScratch, k.number).Err(); err != nil {
		return err
	}
	return admin.Del(ctx, keyLease+strconv.Itoa(k.number)).Err()
}
