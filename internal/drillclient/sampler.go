package drillclient

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/patroni"
)

// How often each member is looked at, and how long it has to answer. PostgreSQL
// is what phases are read from; looks at the others are half as many, for they
// take the processors from what they look at.
const (
	sampleInterval      = 100 * time.Millisecond
	otherSampleInterval = 2 * sampleInterval
	sampleTimeout       = 400 * time.Millisecond
)

// Roles of a sample.
const (
	roleLeader  = "leader"
	roleReplica = "replica"
)

// watch samples one member until the context ends.
func (r *recorder) watch(ctx context.Context, interval time.Duration, look func(context.Context) drill.Sample) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, sampleTimeout)
		s := look(attempt)
		cancel()
		if ctx.Err() != nil {
			return
		}
		s.At = r.since()
		r.sample(s)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// postgresLook asks PostgreSQL itself: Patroni's answers cost it a TLS handshake
// each, in the moments in which it elects.
type postgresLook struct {
	member, url string
	lease       *lease
	conn        *pgx.Conn
}

func newPostgresLook(s Settings, secrets Secrets, ordinal int32, l *lease) *postgresLook {
	return &postgresLook{
		lease:  l,
		member: naming.Member(naming.Postgres, ordinal),
		url:    databaseURL(secrets.DatabaseUser, secrets.Database, memberAddress(s.Namespace, ordinal), "connect_timeout=1&application_name=drill-watch&sslmode="+s.sslMode()),
	}
}

func (l *postgresLook) look(ctx context.Context) drill.Sample {
	sample := drill.Sample{System: drill.Postgres, Member: l.member, LagBytes: -1, Lease: l.lease.of(l.member)}
	if l.conn == nil {
		conn, err := pgx.Connect(ctx, l.url)
		if err != nil {
			return sample
		}
		l.conn = conn
	}
	var recovering bool
	// The position, which lags turns into a distance from the leader's.
	err := l.conn.QueryRow(ctx, `SELECT pg_is_in_recovery(),
		pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END, '0/0')::bigint`).
		Scan(&recovering, &sample.LagBytes)
	if err != nil {
		l.drop(ctx)
		return drill.Sample{System: drill.Postgres, Member: l.member, LagBytes: -1, Lease: sample.Lease}
	}
	sample.Role = roleReplica
	if !recovering {
		// Only a commit that is acknowledged shows that writes are taken: a
		// deposed leader takes them, too, and waits for a standby in vain.
		sample.Role = roleLeader
		_, err := l.conn.Exec(ctx, "UPDATE drill_watch SET n = n + 1 WHERE member = $1", l.member)
		if sample.Writable = err == nil; err != nil {
			l.drop(ctx)
		}
	}
	return sample
}

func (l *postgresLook) drop(ctx context.Context) {
	_ = l.conn.Close(context.WithoutCancel(ctx))
	l.conn = nil
}

// lags turns positions into distances from the furthest that was seen by then.
func lags(samples []drill.Sample) {
	furthest := map[string]int64{}
	for i := range samples {
		s := &samples[i]
		if s.LagBytes < 0 {
			continue
		}
		position := s.LagBytes
		furthest[s.System] = max(furthest[s.System], position)
		s.LagBytes = furthest[s.System] - position
	}
}

type redisLook struct {
	member string
	client *redis.Client
}

func newRedisLook(s Settings, secrets Secrets, ordinal int32) *redisLook {
	member := naming.Member(naming.Redis, ordinal)
	address := net.JoinHostPort(naming.MemberHost(s.Namespace, naming.Redis, ordinal), strconv.Itoa(naming.PortRedis))
	o := connection(address, s.redisUser(), secrets.Redis, s.tls())
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = sampleTimeout, sampleTimeout, sampleTimeout
	return &redisLook{member: member, client: redis.NewClient(o)}
}

func (l *redisLook) look(ctx context.Context) drill.Sample {
	sample := drill.Sample{System: drill.Redis, Member: l.member, LagBytes: -1}
	info, err := l.client.Info(ctx, "replication").Result()
	if err != nil {
		return sample
	}
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[key] = value
	}
	sample.Role = roleReplica
	if fields["role"] == "master" {
		sample.Role = roleLeader
		good, _ := strconv.Atoi(fields["min_slaves_good_slaves"])
		_, bounded := fields["min_slaves_good_slaves"]
		sample.Writable = !bounded || good > 0
	}
	offset := fields["master_repl_offset"]
	if sample.Role == roleReplica {
		offset = fields["slave_repl_offset"]
	}
	if position, err := strconv.ParseInt(offset, 10, 64); err == nil {
		sample.LagBytes = position
	}
	return sample
}

// etcdLook asks one member who leads.
func etcdLook(client *clientv3.Client, member string) func(context.Context) drill.Sample {
	var reign etcd.Reign
	return func(ctx context.Context) drill.Sample {
		sample := drill.Sample{System: drill.Etcd, Member: member, LagBytes: -1}
		about, err := etcd.Status(ctx, client)
		if err != nil {
			reign = etcd.Reign{} // it may have been restarted and elected unseen
			return sample
		}
		sample.Role, sample.Term = roleReplica, int64(reign.Term(about))
		if about.Leader == about.Header.MemberId {
			sample.Role, sample.Writable = roleLeader, true
		}
		return sample
	}
}

// lease is the leader key of etcd as it was last seen.
type lease struct {
	mu     sync.Mutex
	holder string
	left   time.Duration
}

// of is what is left of the member's lease: 0 when another one holds it, and
// negative when nobody does.
func (l *lease) of(member string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder == member || l.left < 0 {
		return l.left
	}
	return 0
}

func (l *lease) set(holder string, left time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder, l.left = holder, left
}

// follow looks at the leader key until the context ends. What is left of its
// lease is asked for once a second.
func (l *lease) follow(ctx context.Context, client *clientv3.Client) {
	for n := 0; ctx.Err() == nil; n++ {
		attempt, cancel := context.WithTimeout(ctx, sampleTimeout)
		if answer, err := client.Get(attempt, patroni.LeaderKey); err == nil {
			l.found(attempt, client, answer.Kvs, n%int(time.Second/sampleInterval) == 0)
		}
		cancel()
		pause(ctx, sampleInterval)
	}
}

func (l *lease) found(ctx context.Context, client *clientv3.Client, keys []*mvccpb.KeyValue, ask bool) {
	if len(keys) == 0 {
		l.set("", -1)
		return
	}
	holder := string(keys[0].Value)
	if !ask && l.of(holder) > 0 {
		return
	}
	if about, err := client.TimeToLive(ctx, clientv3.LeaseID(keys[0].Lease)); err == nil {
		l.set(holder, time.Duration(about.TTL)*time.Second)
	}
}
