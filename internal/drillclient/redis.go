package drillclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/naming"
)

// Routes to Redis.
const routeSentinel = "sentinel"

// redisKey is the list that a client appends to.
func redisKey(client string) string { return "drill:" + client }

// tls is how Redis and Sentinel are spoken to. The pod of the clients trusts the
// environment's CA and no other.
func (s Settings) tls() *tls.Config {
	if !s.RedisTLS {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}

// redisUser is the application's, which a stack of plain manifests does not know.
func (s Settings) redisUser() string {
	if s.Plain {
		return ""
	}
	return naming.RedisUser
}

// connection is one as an app has it, but for retries: they would write twice. The
// pool has the library's size, though one is used: a pool that failed to connect as
// often as it is large does not try again for a second (go-redis' ConnPool.tryDial).
func connection(address, user, password string, tls *tls.Config) *redis.Options {
	return &redis.Options{
		Addr: address, Username: user, Password: password, TLSConfig: tls,
		MaxRetries: -1, Protocol: 2, DisableIdentity: true,
		DialTimeout: operationTimeout, ReadTimeout: operationTimeout, WriteTimeout: operationTimeout, ContextTimeoutEnabled: true,
	}
}

func newRedis(s Settings, secrets Secrets, route string) *redis.Client {
	if route == routeService {
		address := fmt.Sprintf("%s.%s.svc:%d", naming.ServiceRedisMaster, s.Namespace, naming.PortRedis)
		return redis.NewClient(connection(address, s.redisUser(), secrets.Redis, s.tls()))
	}
	var sentinels []string
	for i := int32(1); i <= s.Sentinels; i++ {
		sentinels = append(sentinels, net.JoinHostPort(naming.MemberHost(s.Namespace, naming.Sentinel, i), strconv.Itoa(naming.PortSentinel)))
	}
	o := connection("", s.redisUser(), secrets.Redis, s.tls())
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: naming.RedisMasterSet, SentinelAddrs: sentinels,
		SentinelUsername: s.redisUser(), SentinelPassword: secrets.Sentinel,
		Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		MaxRetries: o.MaxRetries, Protocol: o.Protocol, DisableIdentity: o.DisableIdentity,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, ContextTimeoutEnabled: o.ContextTimeoutEnabled,
	})
}

type redisClient struct {
	*redis.Client
	name string
}

func (c *redisClient) write(ctx context.Context, value int64) (string, error) {
	return "", c.RPush(ctx, redisKey(c.name), value).Err()
}

func (c *redisClient) read(ctx context.Context) (int64, string, error) {
	value, err := c.LIndex(ctx, redisKey(c.name), -1).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, "", nil
	}
	return value, "", err
}

func (c *redisClient) close() { _ = c.Close() }

// outcome: what the server answered with an error was not done, and what had no
// connection was not sent.
func (*redisClient) outcome(err error) drill.Outcome {
	var answer redis.Error
	var dial *net.OpError
	switch {
	case errors.As(err, &answer):
		return drill.Failed
	case errors.As(err, &dial) && dial.Op == "dial":
		return drill.Failed
	}
	return drill.Uncertain
}

// redisFinal reads the clients' lists of one member.
func redisFinal(ctx context.Context, s Settings, secrets Secrets, ordinal int32, clients []string) FinalRows {
	f := FinalRows{Final: drill.Final{System: drill.Redis, Member: naming.Member(naming.Redis, ordinal)}}
	member := redis.NewClient(&redis.Options{
		Addr:     net.JoinHostPort(naming.MemberHost(s.Namespace, naming.Redis, ordinal), strconv.Itoa(naming.PortRedis)),
		Username: s.redisUser(), Password: secrets.Redis, TLSConfig: s.tls(), Protocol: 2, DisableIdentity: true,
	})
	defer func() { _ = member.Close() }()
	role, err := member.Do(ctx, "role").Slice()
	if err != nil {
		f.Error = short(err)
		return f
	}
	f.Authority = len(role) > 0 && role[0] == "master"
	for _, client := range clients {
		values, err := member.LRange(ctx, redisKey(client), 0, -1).Result()
		if err != nil {
			f.Error = short(err)
			return f
		}
		f.Rows = append(f.Rows, counted(client, values)...)
	}
	return f
}

// counted turns a list of values into rows with how often each is there.
func counted(client string, values []string) []drill.Row {
	count := map[int64]int{}
	for _, text := range values {
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			value = -1 // nobody wrote it: it will be unexpected
		}
		count[value]++
	}
	rows := make([]drill.Row, 0, len(count))
	for value, n := range count {
		rows = append(rows, drill.Row{Client: client, Value: value, Count: n})
	}
	slices.SortFunc(rows, func(a, b drill.Row) int { return int(a.Value - b.Value) })
	return rows
}
