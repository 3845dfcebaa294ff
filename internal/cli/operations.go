package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/patroni"
	"github.com/paws360/pawskind/internal/problem"
)

// OperationResult is what an operation on PostgreSQL came to.
type OperationResult struct {
	Operation string  `json:"operation"`
	Member    string  `json:"member,omitempty"`
	Before    string  `json:"leaderBefore,omitempty"`
	Leader    string  `json:"leader,omitempty"`
	Seconds   float64 `json:"seconds"`
}

const operationPatience = 90 * time.Second

// Operate does a switchover, failover or reinit and waits for its end.
func (a *App) Operate(ctx context.Context, o patroni.Operation, member, force string) error {
	client, env, err := a.environment(ctx)
	if err != nil {
		return err
	}
	if !a.Confirm(question(o, member, env.Status.Leader)) {
		return problem.New(problem.Interrupted, "nothing was done")
	}
	ctx, cancel := context.WithTimeout(ctx, operationPatience)
	defer cancel()
	p := a.Progress()
	defer p.Finish()
	p.Show(20, "Asking Patroni for the %s", o)
	before, err := client.Act(ctx, env.Namespace, env.Name, o, member, force)
	if err != nil {
		return err
	}
	p.Show(60, "Waiting until it is done")
	after, err := client.AwaitFaults(ctx, env.Namespace, env.Name, func(e *v1alpha1.PawsEnvironment) bool {
		return operated(o, member, before, e)
	})
	if err != nil {
		return a.interrupted(ctx, problem.New(problem.EnvironmentTimeout, "the %s was begun and is not done within %s", o, operationPatience))
	}
	_, seconds := p.Finish()
	result := OperationResult{string(o), member, before, after.Status.Leader, seconds}
	return a.Show(result, func(out io.Writer) {
		if o == patroni.Reinit {
			_, _ = fmt.Fprintf(out, "%s %s has copied %s's data anew (%.1f s).\n", a.symbol("✓", "OK"), member, result.Leader, seconds)
			return
		}
		_, _ = fmt.Fprintf(out, "%s %s leads now, before it was %s (%.1f s).\n", a.symbol("✓", "OK"), result.Leader, orElse(before, "nobody"), seconds)
	})
}

func question(o patroni.Operation, member, leader string) string {
	switch o {
	case patroni.Reinit:
		return fmt.Sprintf("This will DELETE the data of %s, and copy it anew from %s. Continue?", member, leader)
	case patroni.Failover:
		return fmt.Sprintf("This will make %s the leader. Continue?", member)
	}
	return fmt.Sprintf("This will hand the leadership of %s to %s. Continue?", leader, orElse(member, "the replica that Patroni finds best"))
}

// operated tells whether the status shows what was asked for.
func operated(o patroni.Operation, member, before string, env *v1alpha1.PawsEnvironment) bool {
	if o != patroni.Reinit {
		return env.Status.Leader != "" && env.Status.Leader != before && (member == "" || env.Status.Leader == member)
	}
	for _, m := range env.Status.Members {
		if m.Name == member {
			return m.Health == v1alpha1.Healthy
		}
	}
	return false
}
