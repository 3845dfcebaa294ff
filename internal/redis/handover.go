package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/paws360/pawskind/internal/naming"
)

const (
	handoverPatience = 12 * time.Second
	// levelPatience is how long replicas may take to catch up before the
	// handover goes on without the slow ones.
	levelPatience = 5 * time.Second
	pollInterval  = 100 * time.Millisecond
)

// Failover makes a replica the master and returns once it is, usually after a
// second. A master that answers hands over like one that is deleted: it takes
// no writes until the replicas have caught up and one of them is promoted, so
// that nothing which it acknowledged is lost.
func (p *Prober) Failover(ctx context.Context, c Config) error {
	ctx, cancel := context.WithTimeout(ctx, handoverPatience)
	defer cancel()
	facts := p.Probe(ctx, c)
	announced, _ := announcedMaster(facts)
	ordinal := facts.reigning(memberOf(announced))
	if ordinal == 0 {
		_, err := p.promote(ctx, c)
		return err
	}
	master := p.server(c, ordinal)
	if err := master.Do(ctx, "client", "pause", handoverPatience.Milliseconds(), "write").Err(); err != nil {
		return fmt.Errorf("holding back the writes of %s: %w", memberOf(announced), err)
	}
	err := p.handOver(ctx, c, master, announced)
	if resumed := master.Do(context.WithoutCancel(ctx), "client", "unpause").Err(); err == nil && resumed != nil {
		err = fmt.Errorf("letting %s answer again: %w", memberOf(announced), resumed)
	}
	return err
}

// Hold has the master take no writes until it ends, or for as long as a handover
// may take, and waits until the replicas that answer have all that it has:
// whichever of them is the master afterwards, nothing acknowledged is missing. It
// returns the master; empty when not exactly one server answers as one.
func (p *Prober) Hold(ctx context.Context, c Config) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, levelPatience)
	defer cancel()
	ordinal := p.Probe(ctx, c).onlyMaster()
	if ordinal == 0 {
		return "", nil
	}
	master := naming.Member(naming.Redis, ordinal)
	if err := p.server(c, ordinal).Do(ctx, "client", "pause", handoverPatience.Milliseconds(), "write").Err(); err != nil {
		return master, fmt.Errorf("holding back the writes of %s: %w", master, err)
	}
	if err := poll(ctx, func() bool {
		facts := p.Probe(ctx, c)
		return facts.level(master) || facts.alone(master)
	}); err != nil {
		return master, fmt.Errorf("waiting for the replicas of %s: %w", master, err)
	}
	return master, nil
}

func (p *Prober) handOver(ctx context.Context, c Config, master *redis.Client, announced string) error {
	levelCtx, cancel := context.WithTimeout(ctx, levelPatience)
	defer cancel()
	err := poll(levelCtx, func() bool { return p.Probe(levelCtx, c).level(memberOf(announced)) })
	if ctx.Err() != nil {
		return fmt.Errorf("waiting for the replicas of %s: %w", memberOf(announced), err)
	}
	sentinel, err := p.promote(ctx, c)
	if err != nil {
		return err
	}
	var successor string
	if err := poll(ctx, func() bool {
		address, err := sentinel.Do(ctx, "sentinel", "get-master-addr-by-name", naming.RedisMasterSet).StringSlice()
		if err == nil && len(address) == 2 && address[0] != announced {
			successor = address[0]
		}
		return successor != ""
	}); err != nil {
		return fmt.Errorf("waiting for the successor of %s: %w", memberOf(announced), err)
	}
	// Sentinel would leave it a master for seconds, with clients that wait.
	if err := master.Do(ctx, "replicaof", successor, naming.PortRedis).Err(); err != nil {
		return fmt.Errorf("making %s follow %s: %w", memberOf(announced), memberOf(successor), err)
	}
	return master.Do(ctx, "client", "kill", "type", "normal").Err()
}

// promote asks for a failover and returns the Sentinel that agreed to lead it.
func (p *Prober) promote(ctx context.Context, c Config) (*redis.Client, error) {
	var failed error
	for o := int32(1); o <= c.Sentinels; o++ {
		err := p.tell(ctx, c, o, "failover", naming.RedisMasterSet)
		if err == nil {
			return p.sentinel(c, o), nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// reigning is the master's ordinal if it answers as one, else 0.
func (f Facts) reigning(master string) int32 {
	for i, s := range f.Servers {
		if s.Name == master && s.Err == "" && s.Role == "master" {
			return int32(i) + 1
		}
	}
	return 0
}

// level tells whether every replica that answers has all that the master has.
// The master must take no writes meanwhile.
func (f Facts) level(master string) bool {
	ordinal := f.reigning(master)
	if ordinal == 0 {
		return false
	}
	replicas := 0
	for _, s := range f.Servers {
		if s.Name == master || s.Err != "" {
			continue
		}
		if !s.LinkUp || memberOf(s.MasterHost) != master || s.Offset < f.Servers[ordinal-1].Offset {
			return false
		}
		replicas++
	}
	return replicas > 0
}

// onlyMaster is the ordinal of the one server that answers as a master, also
// when no Sentinel answers; 0 when there is none, or are two.
func (f Facts) onlyMaster() int32 {
	var ordinal int32
	for i, s := range f.Servers {
		if s.Err != "" || s.Role != "master" {
			continue
		}
		if ordinal != 0 {
			return 0
		}
		ordinal = int32(i) + 1
	}
	return ordinal
}

// alone tells whether no other server answers.
func (f Facts) alone(master string) bool {
	return !slices.ContainsFunc(f.Servers, func(s ServerFacts) bool { return s.Name != master && s.Err == "" })
}

// poll asks until it is answered with true, or the context ends.
func poll(ctx context.Context, done func() bool) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}
