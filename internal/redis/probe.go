package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/paws360/pawskind/internal/naming"
)

// Config says whom to ask, and how.
type Config struct {
	Namespace        string
	Replicas         int32
	Sentinels        int32
	Password         string
	SentinelPassword string
	// Timeout bounds the question to one member.
	Timeout time.Duration
}

// ServerFacts is what one Redis server answered to INFO.
type ServerFacts struct {
	Name string
	// Err is why the server could not be asked; empty when it answered.
	Err string
	// Role is master or slave, in Redis's own word.
	Role string
	// MasterHost and LinkUp are a replica's view of its master.
	MasterHost string
	LinkUp     bool
	// OnlineReplicas are a master's replicas in state online.
	OnlineReplicas int
	Loading        bool
	UsedMemory     int64
	Offset         int64
}

// SentinelFacts is what one Sentinel answered of the watched master.
type SentinelFacts struct {
	Name string
	Err  string
	// Master is the host it announces.
	Master string
	// Flags are the master's, such as "master" or "master,o_down".
	Flags string
	// OtherSentinels and Replicas are how many it knows.
	OtherSentinels int
	Replicas       int
	// ConfiguredQuorum and DownAfterMilliseconds are its settings.
	ConfiguredQuorum      int
	DownAfterMilliseconds int
	// Quorum is CKQUORUM's complaint; empty when a quorum can be reached.
	Quorum string
}

// Facts is one look at all Redis servers and Sentinels.
type Facts struct {
	Servers   []ServerFacts
	Sentinels []SentinelFacts
}

// Prober asks Redis servers and Sentinels over connections that it keeps.
type Prober struct {
	mu      sync.Mutex
	clients map[string]kept
	// Address gives a member's host:port.
	Address func(namespace, component string, ordinal int32, port int) string
}

type kept struct {
	*redis.Client
	password string
}

// NewProber asks members at their DNS names.
func NewProber() *Prober {
	logging.Disable() // a member that is down is a fact, not a log line
	return &Prober{clients: map[string]kept{}, Address: func(namespace, component string, ordinal int32, port int) string {
		return fmt.Sprintf("%s:%d", naming.MemberHost(namespace, component, ordinal), port)
	}}
}

// Probe asks every Redis server and every Sentinel in parallel.
func (p *Prober) Probe(ctx context.Context, c Config) Facts {
	facts := Facts{Servers: make([]ServerFacts, c.Replicas), Sentinels: make([]SentinelFacts, c.Sentinels)}
	var wg sync.WaitGroup
	for i := range facts.Servers {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, c.Timeout)
			defer cancel()
			facts.Servers[i] = p.askServer(ctx, c, int32(i)+1)
		})
	}
	for i := range facts.Sentinels {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, c.Timeout)
			defer cancel()
			facts.Sentinels[i] = p.askSentinel(ctx, c, int32(i)+1)
		})
	}
	wg.Wait()
	return facts
}

func (p *Prober) askServer(ctx context.Context, c Config, ordinal int32) ServerFacts {
	facts := ServerFacts{Name: naming.Member(naming.Redis, ordinal)}
	client := p.client(p.Address(c.Namespace, naming.Redis, ordinal, naming.PortRedis), c.Password, c.Timeout)
	text, err := client.Info(ctx, "replication", "persistence", "memory").Result()
	if err != nil {
		facts.Err = reason(err)
		return facts
	}
	info := parseInfo(text)
	facts.Role, facts.MasterHost = info["role"], info["master_host"]
	facts.LinkUp = info["master_link_status"] == "up"
	facts.Loading = info["loading"] == "1"
	facts.UsedMemory, _ = strconv.ParseInt(info["used_memory"], 10, 64)
	facts.Offset, _ = strconv.ParseInt(info["master_repl_offset"], 10, 64)
	for key, value := range info {
		if strings.HasPrefix(key, "slave") && strings.Contains(value, "state=online") {
			facts.OnlineReplicas++
		}
	}
	return facts
}

func (p *Prober) askSentinel(ctx context.Context, c Config, ordinal int32) SentinelFacts {
	facts := SentinelFacts{Name: naming.Member(naming.Sentinel, ordinal)}
	client := p.client(p.Address(c.Namespace, naming.Sentinel, ordinal, naming.PortSentinel), c.SentinelPassword, c.Timeout)
	pipe := client.Pipeline()
	master := redis.NewMapStringStringCmd(ctx, "sentinel", "master", naming.RedisMasterSet)
	quorum := redis.NewStringCmd(ctx, "sentinel", "ckquorum", naming.RedisMasterSet)
	_ = pipe.Process(ctx, master)
	_ = pipe.Process(ctx, quorum)
	_, _ = pipe.Exec(ctx)
	state, err := master.Result()
	if err != nil {
		facts.Err = reason(err)
		return facts
	}
	facts.Master, facts.Flags = state["ip"], state["flags"]
	facts.OtherSentinels, _ = strconv.Atoi(state["num-other-sentinels"])
	facts.Replicas, _ = strconv.Atoi(state["num-slaves"])
	facts.ConfiguredQuorum, _ = strconv.Atoi(state["quorum"])
	facts.DownAfterMilliseconds, _ = strconv.Atoi(state["down-after-milliseconds"])
	if err := quorum.Err(); err != nil {
		facts.Quorum = err.Error()
	}
	return facts
}

// client is the kept connection to an address, made anew for a new password.
func (p *Prober) client(address, password string, timeout time.Duration) *redis.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, ok := p.clients[address]; ok {
		if k.password == password {
			return k.Client
		}
		_ = k.Close()
	}
	client := redis.NewClient(&redis.Options{
		Addr: address, Password: password, ClientName: "pawskind-probe",
		Protocol: 2, DisableIdentity: true, PoolSize: 1, MaxRetries: -1,
		DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout,
	})
	p.clients[address] = kept{client, password}
	return client
}

// Failover asks the first Sentinel that agrees to promote a replica.
func (p *Prober) Failover(ctx context.Context, c Config) error {
	return p.eachSentinel(c, true, func(client *redis.Client) error {
		return client.Do(ctx, "sentinel", "failover", naming.RedisMasterSet).Err()
	})
}

// Configure gives every Sentinel the spec's quorum and down-after, in milliseconds.
func (p *Prober) Configure(ctx context.Context, c Config, quorum, downAfter int32) error {
	return p.eachSentinel(c, false, func(client *redis.Client) error {
		return client.Do(ctx, "sentinel", "set", naming.RedisMasterSet, "quorum", quorum, "down-after-milliseconds", downAfter).Err()
	})
}

// ResetOne makes one Sentinel forget replicas and Sentinels that are gone, and
// find again those that are there.
func (p *Prober) ResetOne(ctx context.Context, c Config, ordinal int32) error {
	client := p.client(p.Address(c.Namespace, naming.Sentinel, ordinal, naming.PortSentinel), c.SentinelPassword, c.Timeout)
	if err := client.Do(ctx, "sentinel", "reset", naming.RedisMasterSet).Err(); err != nil {
		return fmt.Errorf("resetting %s: %w", naming.Member(naming.Sentinel, ordinal), err)
	}
	return nil
}

func (p *Prober) eachSentinel(c Config, untilOne bool, do func(*redis.Client) error) error {
	var failed error
	for o := int32(1); o <= c.Sentinels; o++ {
		err := do(p.client(p.Address(c.Namespace, naming.Sentinel, o, naming.PortSentinel), c.SentinelPassword, c.Timeout))
		if err == nil && untilOne {
			return nil
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("asking %s: %w", naming.Member(naming.Sentinel, o), err))
		}
	}
	return failed
}

func parseInfo(text string) map[string]string {
	info := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if key, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":"); ok {
			info[key] = value
		}
	}
	return info
}

func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) {
		return "does not answer"
	}
	return err.Error()
}
