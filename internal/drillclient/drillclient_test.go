package drillclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/paws360/pawskind/internal/drill"
)

// A write that may have been done must never count as failed.
func TestOutcomes(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	broken := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	for name, c := range map[string]struct {
		client client
		err    error
		want   drill.Outcome
	}{
		"PostgreSQL was not reached":         {&postgresClient{}, connectError{dial}, drill.Failed},
		"PostgreSQL is read-only":            {&postgresClient{}, &pgconn.PgError{Code: "25006"}, drill.Failed},
		"PostgreSQL shuts down":              {&postgresClient{}, &pgconn.PgError{Code: "57P01"}, drill.Uncertain},
		"PostgreSQL lost the connection":     {&postgresClient{}, broken, drill.Uncertain},
		"Redis was not reached":              {&redisClient{}, fmt.Errorf("pool: %w", dial), drill.Failed},
		"Redis wants more replicas":          {&redisClient{}, redisError("NOREPLICAS Not enough good replicas to write."), drill.Failed},
		"Redis lost the connection":          {&redisClient{}, broken, drill.Uncertain},
		"etcd has no leader":                 {&etcdClient{}, rpctypes.ErrNoLeader, drill.Failed},
		"etcd's answer did not come in time": {&etcdClient{}, rpctypes.ErrTimeout, drill.Uncertain},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.client.outcome(c.err)) })
	}
}

type redisErr string

func (e redisErr) Error() string { return string(e) }
func (redisErr) RedisError()     {}

func redisError(text string) error { return redis.Error(redisErr(text)) }

func TestPositionsBecomeLags(t *testing.T) {
	samples := []drill.Sample{
		{System: "postgres", LagBytes: 100}, {System: "postgres", LagBytes: 90}, {System: "redis", LagBytes: 7},
		{System: "postgres", LagBytes: -1}, {System: "postgres", LagBytes: 150}, {System: "postgres", LagBytes: 150},
	}
	lags(samples)
	var got []int64
	for _, s := range samples {
		got = append(got, s.LagBytes)
	}
	require.Equal(t, []int64{0, 10, 0, -1, 0, 0}, got)
}

func TestTheLeaseIsItsHoldersAlone(t *testing.T) {
	l := &lease{}
	l.set("patroni-1", 20*time.Second)
	require.Equal(t, 20*time.Second, l.of("patroni-1"))
	require.Zero(t, l.of("patroni-2"))
	l.set("", -1)
	require.Negative(t, l.of("patroni-1"))
	require.Negative(t, l.of("patroni-2"))
}

func TestCountedFindsDuplicatesAndStrangers(t *testing.T) {
	require.Equal(t, []drill.Row{{Client: "c", Value: -1, Count: 1}, {Client: "c", Value: 1, Count: 2}, {Client: "c", Value: 2, Count: 1}},
		counted("c", []string{"1", "2", "1", "nonsense"}))
}

func TestKeysOfEtcd(t *testing.T) {
	c := &etcdClient{name: "etcd-1"}
	client, value := splitKey(c.key(42))
	require.Equal(t, "etcd-1", client)
	require.Equal(t, int64(42), value)
	_, value = splitKey("/drill/etcd-1/nonsense")
	require.Equal(t, int64(-1), value)
}

func TestLevel(t *testing.T) {
	final := func(system string, rows int, err string) FinalRows {
		return FinalRows{Final: drill.Final{System: system, Error: err}, Rows: make([]drill.Row, rows)}
	}
	require.True(t, level([]FinalRows{final("etcd", 3, ""), final("etcd", 3, ""), final("redis", 1, "")}))
	require.False(t, level([]FinalRows{final("etcd", 3, ""), final("etcd", 2, "")}))
	require.False(t, level([]FinalRows{final("etcd", 3, ""), final("etcd", 3, "does not answer")}))
}

func TestAcknowledgedWritesOfTheLastMoment(t *testing.T) {
	r := newRecorder()
	for _, o := range []drill.Operation{
		{System: "etcd", Route: "x", Kind: drill.Write, Outcome: drill.Acknowledged, End: 1 * time.Second},
		{System: "etcd", Route: "x", Kind: drill.Write, Outcome: drill.Acknowledged, End: 5 * time.Second},
		{System: "etcd", Route: "x", Kind: drill.Write, Outcome: drill.Uncertain, End: 5 * time.Second},
		{System: "etcd", Route: "x", Kind: drill.Read, Outcome: drill.Acknowledged, End: 5 * time.Second},
	} {
		r.operation(o)
	}
	require.Equal(t, map[string]int{"etcd/x": 1}, r.acknowledged(4*time.Second))
}

func TestRefusedIsWhoReachedNobody(t *testing.T) {
	closing, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = closing.Close() }()
	go func() {
		for conn, err := closing.Accept(); err == nil; conn, err = closing.Accept() {
			_ = conn.Close()
		}
	}()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	for name, c := range map[string]struct {
		hosts string
		want  bool
	}{
		"a Service that leads nowhere":       {gone.Addr().String(), true},
		"all hosts of a URL":                 {gone.Addr().String() + "," + gone.Addr().String(), true},
		"one host of a URL, another answers": {gone.Addr().String() + "," + closing.Addr().String(), false},
		"a server that hangs up":             {closing.Addr().String(), false},
	} {
		t.Run(name, func(t *testing.T) {
			client := &postgresClient{url: databaseURL("u", "p", c.hosts, "sslmode=disable"), name: "c"}
			_, err := client.write(context.Background(), 1)
			require.Error(t, err)
			require.Equal(t, c.want, refused(err))
		})
	}
}
