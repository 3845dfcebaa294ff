package drillrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/chaos"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/drillclient"
	"github.com/paws360/pawskind/internal/install"
)

// Runner runs drills on one environment.
type Runner struct {
	Client *install.Client
	Env    *v1alpha1.PawsEnvironment
	// Image has the clients' program.
	Image string
	// Writers is how many clients write over each route.
	Writers int
	// Machine does what is done to the cluster's nodes from outside.
	Machine Machine
	// Rotate gives every secret a new value, and tells what the status says of it.
	Rotate func(ctx context.Context, seen func(v1alpha1.SecretsStatus)) error
	// Outside is how clients outside the cluster reach it.
	Outside drillclient.Outside
	// Tell is told what is done.
	Tell func(format string, args ...any)
}

// Machine is what the cluster runs on.
type Machine interface {
	// Pause lets the nodes stand still, as when a laptop sleeps, and Resume go on.
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
	// Restart stops the nodes without a warning and starts them.
	Restart(ctx context.Context) error
	// Exec runs a command in a pod.
	Exec(ctx context.Context, namespace, pod string, command ...string) error
}

// How long a drill waits, and how long it only watches, before and after.
const (
	startPatience    = 150 * time.Second // what a drill changed before may still be changed back
	baseline         = 2 * time.Second
	faultPatience    = 30 * time.Second
	actPatience      = 4 * time.Minute // two more members of each database take most of it
	convergePatience = 150 * time.Second
	afterglow        = 3 * time.Second
	readyPatience    = 17 * time.Second
	cleanPatience    = 60 * time.Second
)

// Run runs the scenario so often and hands each judged run on. Whatever ends it,
// the fault is undone and the clients are removed before it returns.
func (r *Runner) Run(ctx context.Context, s drill.Scenario, runs int, each func(drill.JudgedRun)) (err error) {
	k := &crew{Runner: r, where: s.Clients, bulk: s.Bulk}
	if err := k.assemble(ctx); err != nil {
		return err
	}
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanPatience)
		defer cancel()
		var healing error
		if names := faultNames(s); len(names) > 0 { // no names would mean everybody's faults
			_, healing = r.Client.RemoveFaults(cleaning, r.Env.Namespace, r.Env.Name, names)
		}
		err = errors.Join(err, healing, r.restoreSpec(cleaning, s), k.dismiss(cleaning))
	}()
	for number := 1; number <= runs; number++ {
		run, err := r.once(ctx, k, s, number)
		if err != nil {
			return err
		}
		each(drill.JudgedRun{Run: run, Judgement: drill.Judge(run)})
	}
	return nil
}

func faultNames(s drill.Scenario) []string {
	names := make([]string, len(s.Faults)+len(s.Then))
	for i := range names {
		names[i] = fmt.Sprintf("drill-%d", i+1)
	}
	return names
}

func (r *Runner) settings() drillclient.Settings {
	spec := r.Env.Spec
	s := drillclient.Settings{
		Namespace: r.Env.Namespace, PostgresReplicas: spec.Postgres.Replicas, RedisReplicas: spec.Redis.Replicas,
		Sentinels: spec.Redis.Sentinels, RedisTLS: spec.Redis.TLS, EtcdReplicas: spec.Etcd.Replicas, Writers: r.Writers,
	}
	for _, a := range spec.Apps {
		if a.Name == "backend" {
			s.Backend = fmt.Sprintf("http://backend.%s.svc:%d", r.Env.Namespace, a.Port)
		}
	}
	return s
}

// once is one run: clients, fault, healing, end.
func (r *Runner) once(ctx context.Context, k *crew, s drill.Scenario, number int) (drill.Run, error) {
	run := drill.Run{Scenario: s.Name, Number: number, System: s.System, Planned: s.Planned, NodesRestarted: s.Act == drill.ActRestartNodes}
	r.Tell("run %d: waiting until all is well", number)
	if err := r.converged(ctx, k, false); err != nil {
		return run, fmt.Errorf("before the fault: %w", err)
	}
	if err := k.start(ctx); err != nil {
		return run, fmt.Errorf("starting the clients: %w", err)
	}
	r.Tell("run %d: clients begin", number)
	saw := newWitness(ctx, r.Client, r.Env)
	defer saw.end()
	if err := r.converged(ctx, k, true); err != nil {
		return run, fmt.Errorf("before the fault: %w", err)
	}
	if err := watch(ctx, baseline); err != nil {
		return run, err
	}
	r.Tell("run %d: %s", number, s.Title)
	injected, target, undo, err := r.inject(ctx, s)
	if err == nil {
		err = watch(ctx, s.Hold-time.Since(injected))
	}
	if healing := r.heal(ctx, s, undo); err != nil || healing != nil {
		return run, errors.Join(err, healing)
	}
	healed := time.Now()
	r.Tell("run %d: waiting until all is well again", number)
	converged := r.recovered(ctx, k, injected)
	awaitReady(ctx, saw)
	if err := watch(ctx, afterglow); err != nil {
		return run, err
	}
	r.Tell("run %d: reading what every member has", number)
	history, err := k.finish(ctx)
	if err != nil {
		return run, err
	}
	run.Target = target
	run = Assemble(run, history, injected, healed, converged)
	saw.tell(&run)
	return run, nil
}

// awaitReady lets the run go on until the condition Ready is True, or has been
// late for so long that the judge has seen it.
func awaitReady(ctx context.Context, saw *witness) {
	waiting, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	for !saw.ready() && rest(waiting) == nil {
	}
}

// Assemble puts the clients' history and the drill's own times together. All
// come from clocks of one machine: the cluster is local.
func Assemble(run drill.Run, h drillclient.History, injected, healed, converged time.Time) drill.Run {
	run.Began = h.Began
	run.Injected, run.Healed = injected.Sub(h.Began), healed.Sub(h.Began)
	if !converged.IsZero() {
		run.Converged = converged.Sub(h.Began)
	}
	run.Operations, run.Registers, run.Samples = h.Operations, h.Registers, h.Samples
	for _, o := range h.Operations {
		run.Ended = max(run.Ended, o.End)
	}
	for _, f := range h.Finals {
		f.Final.Rows = f.Rows
		run.Finals = append(run.Finals, f.Final)
	}
	return run
}

// watch only lets the clients go on.
func watch(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// converged waits until every member is healthy, and with writing also until
// every client writes.
func (r *Runner) converged(ctx context.Context, k *crew, writing bool) error {
	waiting, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	why := ""
	for {
		ok, reason := r.well(waiting, k, writing)
		if ok {
			return nil
		}
		if waiting.Err() == nil { // else the reason is no more than that time is up
			why = reason
		}
		if err := rest(waiting); err != nil {
			return fmt.Errorf("not well within %s: %s", startPatience, why)
		}
	}
}

// recovered waits until all is well after a fault, and tells when that was; the
// zero time when it was not.
func (r *Runner) recovered(ctx context.Context, k *crew, injected time.Time) time.Time {
	waiting, cancel := context.WithTimeout(ctx, convergePatience)
	defer cancel()
	for {
		// What is seen at once after a fault may be from before it.
		if ok, _ := r.well(waiting, k, true); ok && time.Since(injected) > time.Second {
			return time.Now()
		}
		if rest(waiting) != nil {
			return time.Time{}
		}
	}
}

func (r *Runner) well(ctx context.Context, k *crew, writing bool) (bool, string) {
	list, err := r.Client.Select(ctx, r.Env.Namespace, "")
	if err != nil {
		return false, err.Error()
	}
	env, err := r.Client.Environment(ctx, r.Env.Namespace, r.Env.Name)
	if err != nil {
		return false, err.Error()
	}
	if why := unsettled(list, &env.Spec); why != "" {
		return false, why
	}
	report, err := r.Client.Report(ctx, r.Env.Namespace, r.Env.Name)
	if err != nil {
		return false, err.Error()
	}
	if report.Overall != v1alpha1.Healthy {
		return false, install.Ailing(report)
	}
	// A change that is asked for and not made yet is no rest.
	if !settled(env) {
		return false, "the operator is still changing something"
	}
	if !writing {
		waiting := strings.Join(report.Synchronous.Waiting, ", ")
		return waiting == "", "the PostgreSQL leader does not count on it yet: " + waiting
	}
	counts, err := k.progress(ctx)
	if err != nil {
		return false, err.Error()
	}
	if len(counts) < k.routes() {
		return false, fmt.Sprintf("only %d of %d routes take writes", len(counts), k.routes())
	}
	return true, ""
}

// inject does the fault, and tells when and to whom. undo takes back an act.
func (r *Runner) inject(ctx context.Context, s drill.Scenario) (at time.Time, target string, undo func(context.Context) error, err error) {
	if s.Act == drill.ActRotateSecrets { // which has a patience of its own
		return r.act(ctx, s)
	}
	if s.Act != "" {
		ctx, cancel := context.WithTimeout(ctx, actPatience)
		defer cancel()
		return r.act(ctx, s)
	}
	ctx, cancel := context.WithTimeout(ctx, faultPatience)
	defer cancel()
	names := faultNames(s)
	first := names[:len(s.Faults)]
	if at, target, err = r.declare(ctx, s.Faults, first); err != nil || len(s.Then) == 0 {
		return at, target, nil, err
	}
	if err := watch(ctx, s.ThenAfter); err != nil {
		return at, target, nil, err
	}
	_, _, err = r.declare(ctx, s.Then, names[len(s.Faults):])
	return at, target, nil, err
}

// declare declares faults under those names and waits until they are done or hold.
func (r *Runner) declare(ctx context.Context, faults []v1alpha1.FaultSpec, names []string) (time.Time, string, error) {
	for i, fault := range faults {
		fault.Name = names[i]
		if err := r.Client.AddFault(ctx, r.Env.Namespace, r.Env.Name, fault); err != nil {
			return time.Time{}, "", err
		}
	}
	return r.await(ctx, names)
}

// await waits until all faults are done or hold.
func (r *Runner) await(ctx context.Context, names []string) (time.Time, string, error) {
	waiting, cancel := context.WithTimeout(ctx, faultPatience)
	defer cancel()
	var at time.Time
	var target, last string
	hopeless := false
	never := []v1alpha1.FaultState{v1alpha1.FaultFailed, v1alpha1.FaultNotSupported, v1alpha1.FaultRefused}
	_, err := r.Client.AwaitFaults(waiting, r.Env.Namespace, r.Env.Name, func(env *v1alpha1.PawsEnvironment) bool {
		done := 0
		for _, name := range names {
			for _, f := range chaos.Told(env.Status) {
				if f.Name != name {
					continue
				}
				last = f.Message
				if hopeless = slices.Contains(never, f.State); hopeless {
					return true
				}
				if f.StartedAt == nil {
					continue
				}
				if at.IsZero() || f.StartedAt.Time.Before(at) {
					at, target = f.StartedAt.Time, f.Pods[0].Name
				}
				if f.State == v1alpha1.FaultActive || f.State == v1alpha1.FaultDone {
					done++
				}
			}
		}
		return done == len(names)
	})
	if hopeless {
		return at, target, fmt.Errorf("the fault was not done: %s", last)
	}
	if err != nil {
		return at, target, fmt.Errorf("the fault was not done: %s: %w", last, err)
	}
	return at, target, nil
}

// heal takes the faults or the act back and waits until the agents have let go,
// also when the drill was interrupted.
func (r *Runner) heal(ctx context.Context, s drill.Scenario, undo func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanPatience)
	defer cancel()
	if undo != nil {
		return undo(ctx)
	}
	if len(s.Faults) == 0 {
		return nil
	}
	names := faultNames(s)
	if _, err := r.Client.RemoveFaults(ctx, r.Env.Namespace, r.Env.Name, names); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, faultPatience)
	defer cancel()
	if _, err := r.Client.AwaitFaults(waiting, r.Env.Namespace, r.Env.Name, func(env *v1alpha1.PawsEnvironment) bool {
		return chaos.Undone(env.Status, names)
	}); err != nil {
		return fmt.Errorf("undoing the fault: %w", err)
	}
	return nil
}
