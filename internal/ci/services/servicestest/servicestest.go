// Package servicestest tries the services of jobs against a real environment.
package servicestest

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/ci/services"
)

// Environment runs jobs' services in the environment, uses them as a workflow
// does, and sees that nothing is left behind. Its data stays as it is.
func Environment(t *testing.T, env services.Environment) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	provider := &services.Provider{Environment: func(context.Context) (services.Environment, error) { return env, nil }}
	before := leftovers(ctx, t, env)
	t.Run("postgres under free names", func(t *testing.T) {
		postgres(ctx, t, provider, env, map[string]string{"POSTGRES_USER": `ci "user`, "POSTGRES_PASSWORD": "it's", "POSTGRES_DB": "Ci-Tests"}, true)
	})
	t.Run("postgres under the superuser's name", func(t *testing.T) {
		postgres(ctx, t, provider, env, map[string]string{"POSTGRES_PASSWORD": "postgres"}, false)
	})
	t.Run("redis", func(t *testing.T) { redisService(ctx, t, provider, env) })
	require.Equal(t, before, leftovers(ctx, t, env), "nothing is left behind")
}

func start(ctx context.Context, t *testing.T, p *services.Provider, s ci.Service) (schedule.ServiceAddress, func()) {
	t.Helper()
	addresses, stop, err := p.Start(ctx, ci.Job{Key: "test", Services: []ci.Service{s}}, io.Discard)
	if err != nil {
		stop()
	}
	require.NoError(t, err)
	return addresses[s.Name], stop
}

func postgres(ctx context.Context, t *testing.T, p *services.Provider, env services.Environment, variables map[string]string, direct bool) {
	_, port, err := net.SplitHostPort(env.Postgres)
	require.NoError(t, err)
	address, stop := start(ctx, t, p, ci.Service{Name: "db", Image: "postgres:17", Env: variables, Ports: []string{port + ":5432"}})
	defer stop()
	require.NotEmpty(t, address.Instead["localhost:"+port], "the environment has the port itself")
	open := func(host string, port int, password string) (*pgx.Conn, error) {
		config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d sslmode=prefer", host, port))
		require.NoError(t, err)
		config.User, config.Password, config.Database = address.Env["PGUSER"], password, address.Env["PGDATABASE"]
		return pgx.ConnectConfig(ctx, config)
	}
	_, err = open(address.Host, address.Ports["5432"], "wrong")
	require.ErrorContains(t, err, "password authentication failed")
	conn, err := open(address.Host, address.Ports["5432"], variables["POSTGRES_PASSWORD"])
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "CREATE TABLE t (n int)")
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "INSERT INTO t SELECT generate_series(1, 1000)")
	require.NoError(t, err)
	var n int
	require.NoError(t, conn.QueryRow(ctx, "SELECT count(*) FROM t WHERE n > $1", 10).Scan(&n))
	require.Equal(t, 990, n)
	_, err = conn.Exec(ctx, "CREATE DATABASE ci_second_database")
	require.NoError(t, err, "a job may make databases of its own")
	canceled, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = conn.Exec(canceled, "SELECT pg_sleep(60)")
	require.Error(t, err)
	if direct {
		number, err := strconv.Atoi(port)
		require.NoError(t, err)
		straight, err := open(address.Host, number, variables["POSTGRES_PASSWORD"])
		require.NoError(t, err, "the workflow's own names work on the environment's port, too")
		require.NoError(t, straight.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n))
		require.NoError(t, straight.Close(ctx))
	}
}

func redisService(ctx context.Context, t *testing.T, p *services.Provider, env services.Environment) {
	admin := redis.NewClient(&redis.Options{Addr: env.Redis, Username: env.RedisUser, Password: env.RedisPassword})
	defer func() { _ = admin.Close() }()
	require.NoError(t, admin.Set(ctx, "pawskind:ci-services-test", "kept", time.Minute).Err())
	defer admin.Del(context.WithoutCancel(ctx), "pawskind:ci-services-test")
	one, stopOne := start(ctx, t, p, ci.Service{Name: "cache", Image: "redis:7-alpine"})
	defer stopOne()
	two, stopTwo := start(ctx, t, p, ci.Service{Name: "cache", Image: "redis:7-alpine"})
	defer stopTwo()
	first := client(t, one, &redis.Options{})
	second := client(t, two, &redis.Options{Password: "anything"})
	require.NoError(t, first.Set(ctx, "key", "one", 0).Err())
	require.ErrorIs(t, second.Get(ctx, "key").Err(), redis.Nil, "two jobs do not meet")
	require.ErrorIs(t, first.Get(ctx, "pawskind:ci-services-test").Err(), redis.Nil, "nor the application's keys")
	require.NoError(t, first.Do(ctx, "SELECT", "0").Err())
	require.Equal(t, "one", first.Get(ctx, "key").Val())
	require.Error(t, first.Do(ctx, "SELECT", "9").Err())
	_, err := first.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := range 100 {
			pipe.LPush(ctx, "list", i)
		}
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, second.Set(ctx, "key", "two", 0).Err())
	require.NoError(t, first.FlushAll(ctx).Err())
	require.Zero(t, first.DBSize(ctx).Val())
	require.Equal(t, "two", second.Get(ctx, "key").Val(), "FLUSHALL empties the job's own keyspace")
	require.Equal(t, "kept", admin.Get(ctx, "pawskind:ci-services-test").Val())
	require.Error(t, first.Do(ctx, "CONFIG", "SET", "maxmemory", "1").Err())
}

func client(t *testing.T, address schedule.ServiceAddress, o *redis.Options) *redis.Client {
	t.Helper()
	o.Addr, o.PoolSize = net.JoinHostPort(address.Host, address.Env["REDIS_PORT"]), 1
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// leftovers are what services could leave in the environment.
func leftovers(ctx context.Context, t *testing.T, env services.Environment) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(env.Postgres)
	require.NoError(t, err)
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s sslmode=prefer database=postgres", host, port))
	require.NoError(t, err)
	config.User, config.Password = env.Superuser, env.PostgresPassword
	conn, err := pgx.ConnectConfig(ctx, config)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, "SELECT 'database ' || datname FROM pg_database UNION SELECT 'role ' || rolname FROM pg_roles ORDER BY 1")
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	admin := redis.NewClient(&redis.Options{Addr: env.Redis, Username: env.RedisUser, Password: env.RedisPassword})
	defer func() { _ = admin.Close() }()
	users, err := admin.Do(ctx, "ACL", "USERS").StringSlice()
	require.NoError(t, err)
	keys, err := admin.Keys(ctx, "pawskind:ci:*").Result()
	require.NoError(t, err)
	return append(append(list, users...), keys...)
}
