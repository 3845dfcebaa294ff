package drillrun

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/drillclient"
)

// crew are the clients of a drill: in the cluster, outside of it, or both.
type crew struct {
	*Runner
	where drill.Clients
	bulk  bool

	inside  *Clients
	outside *drillclient.Run
}

// insideRoutes are PostgreSQL's two, Redis's two, and etcd's one.
const insideRoutes = 5

// routes is over how many routes the crew writes, the application's among them.
func (c *crew) routes() int {
	n := 0
	if c.where != drill.Outside {
		n += insideRoutes
		if c.settings().Backend != "" {
			n++
		}
	}
	if c.where != drill.Inside {
		n += drillclient.OutsideRoutes
		if c.Outside.Backend != "" {
			n++
		}
	}
	return n
}

// assemble brings the clients into place. Those inside also make the final reads
// for those outside, and are started for that alone in the end.
func (c *crew) assemble(ctx context.Context) (err error) {
	if c.where != drill.Outside {
		c.inside, err = StartClients(ctx, c.Client, c.Env.Namespace, c.Image)
	}
	return err
}

// start lets the clients of a run begin.
func (c *crew) start(ctx context.Context) (err error) {
	if c.where != drill.Outside {
		if err := c.inside.Start(ctx, c.settings()); err != nil {
			return err
		}
	}
	if c.where != drill.Inside {
		c.outside, err = drillclient.StartOutside(ctx, c.Outside, c.Writers, c.where == drill.Outside)
	}
	return err
}

func (c *crew) settings() drillclient.Settings {
	s := c.Runner.settings()
	s.Bulk = c.bulk
	if c.where != drill.Inside {
		s.RedisClients = drillclient.OutsideRedisClients(c.Writers)
	}
	return s
}

// progress counts what was acknowledged of late, by system and route.
func (c *crew) progress(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	if c.where != drill.Outside {
		inside, err := c.inside.Progress(ctx)
		if err != nil {
			return nil, err
		}
		counts = inside
	}
	if c.where != drill.Inside && c.outside != nil {
		maps.Copy(counts, c.outside.Progress())
	}
	return counts, nil
}

// finish ends the run's clients and gives what they saw.
func (c *crew) finish(ctx context.Context) (h drillclient.History, err error) {
	var seen drillclient.History
	if c.outside != nil {
		seen = c.outside.Stop()
	}
	if c.where != drill.Outside {
		if h, err = c.inside.Finish(ctx); err == nil {
			h.Merge(seen)
		}
		return h, err
	}
	h = seen
	reader, err := StartClients(ctx, c.Client, c.Env.Namespace, c.Image)
	if err != nil {
		return h, fmt.Errorf("reading what every member has: %w", err)
	}
	h.Finals, err = reader.read(ctx, c.settings())
	return h, errors.Join(err, reader.Remove(ctx))
}

// dismiss removes the clients and what they wrote.
func (c *crew) dismiss(ctx context.Context) error {
	if c.outside != nil {
		c.outside.Stop()
	}
	if c.where == drill.Outside {
		if c.outside == nil {
			return nil
		}
		return c.Outside.Remove(ctx)
	}
	if c.inside == nil {
		return nil
	}
	_ = c.inside.tearDown(ctx) // a run that was not begun has nothing to remove
	return c.inside.Remove(ctx)
}
