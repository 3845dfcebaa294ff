package services

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/engine"
)

// state is what both engines tell of a container; Podman 4 says Healthcheck.
type state struct {
	Status   string
	ExitCode int
	Health   *struct{ Status string }
	// Healthcheck is Health under its older name.
	Healthcheck *struct{ Status string }
}

// verdict tells whether the container is ready, or that it never will be.
func (s state) verdict() (ready bool, err error) {
	health := s.Health
	if health == nil {
		health = s.Healthcheck
	}
	switch {
	case s.Status == "exited" || s.Status == "dead":
		return false, fmt.Errorf("it ended with status %d", s.ExitCode)
	case s.Status != "running":
		return false, nil
	case health == nil || health.Status == "":
		return true, nil
	case health.Status == "unhealthy":
		return false, errors.New("it is unhealthy")
	}
	return health.Status == "healthy", nil
}

// healthy waits until the container is ready. Where the engine checks no health of
// its own accord, it is told to, as often as the container asks for.
func healthy(ctx context.Context, e *engine.Engine, name string) error {
	checks := e.ChecksHealth()
	var checked time.Time
	for {
		s, err := inspect(ctx, e, name)
		if err != nil {
			return err
		}
		ready, err := s.State.verdict()
		if err != nil {
			var last bytes.Buffer
			_ = e.Stream(ctx, nil, &last, "logs", "--tail", "5", name) // says why, where it can
			return fmt.Errorf("%w: %s", err, strings.Join(strings.Fields(last.String()), " "))
		}
		if ready {
			return nil
		}
		if check := s.Config.Healthcheck; !checks && check != nil && time.Since(checked) >= check.Interval {
			checked = time.Now()
			_ = e.Run(ctx, "healthcheck", "run", name) // its result is read from the state
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// inspected is what both engines tell of a container and its health check.
type inspected struct {
	State  state
	Config struct {
		Healthcheck *struct{ Interval time.Duration }
	}
}

func inspect(ctx context.Context, e *engine.Engine, name string) (inspected, error) {
	var all []inspected
	out, err := e.Output(ctx, "container", "inspect", name)
	if err != nil {
		return inspected{}, err
	}
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
		return inspected{}, fmt.Errorf("reading the state of %s: %w", name, err)
	}
	return all[0], nil
}
