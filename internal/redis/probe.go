package redis

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/paws360/pawskind/internal/naming"
)

// Config says whom to ask, and how.
type Config struct {
	Namespace string
	Replicas  int32
	Sentinels int32
	// Password is the operator's, at the servers and at the Sentinels. Previous is
	// the one before, while it is rotated: a member that was down knows no other.
	Password, Previous string
	// Roots are the CA certificates that members are verified against, as PEM;
	// empty where they speak no TLS.
	Roots string
	// Timeout bounds the question to one member.
	Timeout time.Duration
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
	password, roots string
}

// NewProber asks members at their DNS names.
func NewProber() *Prober {
	logging.Disable() // a member that is down is a fact, not a log line
	return &Prober{clients: map[string]kept{}, Address: func(namespace, component string, ordinal int32, port int) string {
		return fmt.Sprintf("%s:%d", naming.MemberHost(namespace, component, ordinal), port)
	}}
}

// Probe asks every Redis server and every Sentinel in parallel. A member that
// fails leaves its error in its facts and takes nothing from the others.
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
	pipe := p.server(c, ordinal).Pipeline()
	info := pipe.Info(ctx, "server", "replication", "persistence", "memory")
	minimum := pipe.ConfigGet(ctx, "min-replicas-to-write")
	_, _ = pipe.Exec(ctx)
	text, err := info.Result()
	if err != nil {
		facts.Err = reason(err)
		return facts
	}
	facts.MinReplicas, _ = strconv.Atoi(minimum.Val()["min-replicas-to-write"])
	facts.read(parseInfo(text))
	return facts
}

func (s *ServerFacts) read(info map[string]string) {
	number := func(key string) int64 {
		n, _ := strconv.ParseInt(info[key], 10, 64)
		return n
	}
	s.RunID, s.Role, s.MasterHost = info["run_id"], info["role"], info["master_host"]
	s.LinkUp = info["master_link_status"] == "up"
	s.Syncing = info["master_sync_in_progress"] == "1"
	s.Loading = info["loading"] == "1"
	s.AOFFailed = info["aof_last_write_status"] == "err"
	s.UsedMemory, s.MaxMemory = number("used_memory"), number("maxmemory")
	s.Offset = number("master_repl_offset")
	s.Replicas = map[string]ReplicaFacts{}
	for i := range number("connected_slaves") {
		row := parseFields(info["slave"+strconv.FormatInt(i, 10)])
		offset, _ := strconv.ParseInt(row["offset"], 10, 64)
		lag, _ := strconv.ParseInt(row["lag"], 10, 64)
		s.Replicas[row["ip"]] = ReplicaFacts{Online: row["state"] == "online", Offset: offset, LagSeconds: lag}
	}
}

func (p *Prober) askSentinel(ctx context.Context, c Config, ordinal int32) SentinelFacts {
	facts := SentinelFacts{Name: naming.Member(naming.Sentinel, ordinal)}
	pipe := p.sentinel(c, ordinal).Pipeline()
	master := redis.NewMapStringStringCmd(ctx, "sentinel", "master", naming.RedisMasterSet)
	quorum := redis.NewStringCmd(ctx, "sentinel", "ckquorum", naming.RedisMasterSet)
	replicas := redis.NewSliceCmd(ctx, "sentinel", "replicas", naming.RedisMasterSet)
	_ = pipe.Process(ctx, master)
	_ = pipe.Process(ctx, quorum)
	_ = pipe.Process(ctx, replicas)
	_, _ = pipe.Exec(ctx)
	state, err := master.Result()
	if err != nil {
		facts.Err = reason(err)
		return facts
	}
	facts.Master, facts.Flags = state["ip"], state["flags"]
	facts.Epoch, _ = strconv.ParseInt(state["config-epoch"], 10, 64)
	facts.OtherSentinels, _ = strconv.Atoi(state["num-other-sentinels"])
	facts.Replicas, _ = strconv.Atoi(state["num-slaves"])
	facts.Reached = reached(append(rows(replicas.Val()), state))
	facts.ConfiguredQuorum, _ = strconv.Atoi(state["quorum"])
	facts.DownAfterMilliseconds, _ = strconv.Atoi(state["down-after-milliseconds"])
	if err := quorum.Err(); err != nil {
		facts.Quorum = strings.TrimPrefix(err.Error(), "NOQUORUM ")
	}
	return facts
}

// rows are the servers of SENTINEL REPLICAS, each a list of names and values.
func rows(answer []any) []map[string]string {
	var list []map[string]string
	for _, item := range answer {
		words, _ := item.([]any)
		row := map[string]string{}
		for pair := range slices.Chunk(words, 2) {
			if len(pair) == 2 {
				row[fmt.Sprint(pair[0])] = fmt.Sprint(pair[1])
			}
		}
		list = append(list, row)
	}
	return list
}

// reached is which server a Sentinel found at each host.
func reached(servers []map[string]string) map[string]string {
	found := map[string]string{}
	for _, row := range servers {
		if row["ip"] != "" && row["runid"] != "" {
			found[row["ip"]] = row["runid"]
		}
	}
	return found
}

// parseInfo reads the lines KEY:VALUE of INFO.
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

// parseFields reads KEY=VALUE,KEY=VALUE.
func parseFields(text string) map[string]string {
	fields := map[string]string{}
	for field := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(field, "=")
		fields[key] = value
	}
	return fields
}

// reason says why a member could not be asked, in words that stay the same from
// one look to the next.
func reason(err error) string {
	var dns *net.DNSError
	var plain tls.RecordHeaderError
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return "has no address"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refuses connections"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EHOSTUNREACH),
		strings.Contains(err.Error(), "timeout"):
		return "does not answer"
	case errors.As(err, &plain):
		return "speaks no TLS"
	case errors.As(err, &unverified):
		return "shows a certificate that is not trusted"
	case strings.HasPrefix(err.Error(), "LOADING"):
		return "is loading its data"
	case isRefused(err):
		return "refuses the password"
	default:
		return err.Error()
	}
}

// isRefused tells whether the password was not the right one.
func isRefused(err error) bool {
	return err != nil && (strings.HasPrefix(err.Error(), "WRONGPASS") || strings.HasPrefix(err.Error(), "NOAUTH"))
}
