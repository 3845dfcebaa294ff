package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/paws360/pawskind/internal/naming"
)

// Users of the servers and the Sentinels. The default user, whom a client is
// that names none, is off.
const (
	userReplication = "replication"
	userSentinel    = "sentinel"
	// UserOperator is the operator's probes and acts, and the members' own scripts.
	UserOperator = "operator"
	// UserPipeline lends databases of their own to the jobs of a local pipeline.
	UserPipeline = "pipeline"
)

// user may do what the rules say with any of the passwords under the Secret's
// key: the one in force, its next one and its previous one.
type user struct {
	name, key string
	rules     string
}

// serverUsers are those of a Redis server. The application may do anything with
// its keys, but nothing that concerns the server, others' connections or all
// data at once.
func serverUsers() []user {
	return []user{
		{naming.RedisUser, naming.KeyRedisPassword, "~* &* +@all -@admin -@dangerous +info +keys +role +sort +sort_ro -function|flush"},
		{userReplication, naming.KeyRedisReplication, "+ping +replconf +psync"},
		{userSentinel, naming.KeyRedisMonitor, "&* +multi +exec +ping +info +role +slaveof +replicaof +publish +subscribe " +
			"+config|rewrite +client|setname +client|kill +script|kill"},
		{UserOperator, naming.KeyRedisOperator, "+ping +info +role +dbsize +replicaof +config|get +config|set " +
			"+client|setname +client|pause +client|unpause +client|kill +acl|setuser +acl|getuser"},
		{UserPipeline, naming.KeyRedisOperator, "~pawskind:ci* +ping +select +get +set +del +keys +sadd +srem +sismember +dbsize +flushdb " +
			"+acl|setuser +acl|deluser +acl|users"},
	}
}

// sentinelUsers are those of a Sentinel. The application asks for the master and
// hears of a new one.
func sentinelUsers() []user {
	return []user{
		{naming.RedisUser, naming.KeySentinelPassword, "&* +ping +info +role +command +client|setname +client|setinfo +client|id " +
			"+subscribe +psubscribe +unsubscribe +punsubscribe +sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters " +
			"+sentinel|replicas +sentinel|slaves +sentinel|sentinels"},
		{userSentinel, naming.KeyRedisMonitor, "&* +ping +publish +subscribe +client|setname +sentinel|is-master-down-by-addr"},
		{UserOperator, naming.KeyRedisOperator, "+ping +info +client|setname +sentinel +acl|setuser +acl|getuser"},
	}
}

func usersOf(component string) []user {
	if component == naming.Sentinel {
		return sentinelUsers()
	}
	return serverUsers()
}

// userFile is what the start scripts make users of: NAME KEY RULES.
func userFile(component string) string {
	var b strings.Builder
	for _, u := range usersOf(component) {
		fmt.Fprintf(&b, "%s %s %s\n", u.name, u.key, u.rules)
	}
	return b.String()
}

// secretKeys are the keys of the Secret that a member's pod is given. Sentinels
// also log in at the servers, which is by the same key.
func secretKeys(component string) []string {
	var keys []string
	for _, u := range usersOf(component) {
		keys = append(keys, u.key)
	}
	return keys
}

// Keys are those of the secrets that open servers and Sentinels.
func Keys() []string {
	keys := append(secretKeys(naming.Redis), secretKeys(naming.Sentinel)...)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Passwords are what each key of the Secret opens: the value in force first.
type Passwords map[string][]string

// hashes are what ACL calls the user's passwords.
func (p Passwords) hashes(u user) []any {
	var list []any
	for _, password := range p[u.key] {
		if password == "" {
			continue
		}
		sum := sha256.Sum256([]byte(password))
		if hash := "#" + hex.EncodeToString(sum[:]); !slices.Contains(list, any(hash)) {
			list = append(list, hash)
		}
	}
	return list
}

// Grant lets the users of every server and every Sentinel in with these
// passwords and no others. Connections that are there stay. Keys that are not in
// the passwords keep theirs.
func (p *Prober) Grant(ctx context.Context, c Config, passwords Passwords) error {
	return p.everywhere(c, func(component string, ordinal int32) error {
		for _, u := range usersOf(component) {
			hashes := passwords.hashes(u)
			if len(hashes) == 0 {
				continue
			}
			command := append([]any{"acl", "setuser", u.name, "resetpass"}, hashes...)
			if err := p.order(ctx, c, component, ordinal, command...); err != nil {
				return fmt.Errorf("giving %s its passwords at %s: %w", u.name, naming.Member(component, ordinal), err)
			}
		}
		return nil
	})
}

// Login has every server use the password for its master, and every Sentinel the
// one for the servers and the other Sentinels. An empty one is left alone.
func (p *Prober) Login(ctx context.Context, c Config, replication, monitor string) error {
	return p.everywhere(c, func(component string, ordinal int32) error {
		return p.login(ctx, c, component, ordinal, replication, monitor)
	})
}

func (p *Prober) login(ctx context.Context, c Config, component string, ordinal int32, replication, monitor string) error {
	var commands [][]any
	switch {
	case component == naming.Redis && replication != "":
		commands = [][]any{{"config", "set", "masterauth", replication}}
	case component == naming.Sentinel && monitor != "":
		commands = [][]any{
			{"sentinel", "config", "set", "sentinel-pass", monitor},
			{"sentinel", "set", naming.RedisMasterSet, "auth-pass", monitor},
		}
	}
	for _, command := range commands {
		if err := p.order(ctx, c, component, ordinal, command...); err != nil {
			return fmt.Errorf("telling %s its password: %w", naming.Member(component, ordinal), err)
		}
	}
	return nil
}

// order sends a command; what the member answers never repeats its arguments.
func (p *Prober) order(ctx context.Context, c Config, component string, ordinal int32, command ...any) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	member := func(c Config) *redis.Client {
		if component == naming.Sentinel {
			return p.sentinel(c, ordinal)
		}
		return p.server(c, ordinal)
	}
	err := member(c).Do(ctx, command...).Err()
	if c.Previous != "" && isRefused(err) {
		c.Password = c.Previous
		err = member(c).Do(ctx, command...).Err()
	}
	if err != nil {
		return errors.New(reason(err))
	}
	return nil
}

// everywhere does something at every member, and fails when it fails at one.
func (p *Prober) everywhere(c Config, do func(component string, ordinal int32) error) error {
	failed := make([]error, c.Replicas+c.Sentinels)
	var wg sync.WaitGroup
	for o := int32(1); o <= c.Replicas; o++ {
		wg.Go(func() { failed[o-1] = do(naming.Redis, o) })
	}
	for o := int32(1); o <= c.Sentinels; o++ {
		wg.Go(func() { failed[c.Replicas+o-1] = do(naming.Sentinel, o) })
	}
	wg.Wait()
	return errors.Join(failed...)
}
