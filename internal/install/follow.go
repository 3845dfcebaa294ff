package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/app"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
)

// Step is how far an environment is.
type Step struct {
	Healthy, Expected int
	// Waiting is what is waited for, in words; Detail is why it is not there yet.
	Waiting, Detail string
	// Ready are the component conditions that are true.
	Ready []string
}

// componentConditions are in the order in which they become true.
var componentConditions = []struct{ condition, title string }{
	{v1alpha1.ConditionEtcdReady, "etcd"},
	{v1alpha1.ConditionPostgresReady, "PostgreSQL"},
	{v1alpha1.ConditionRedisReady, "Redis"},
	{v1alpha1.ConditionAppsReady, "apps"},
}

const (
	followInterval = 400 * time.Millisecond
	// diagnoseEvery is in intervals.
	diagnoseEvery = 5
	// degradedGrace is how long an environment that serves may still have
	// something that needs a look before that is accepted.
	degradedGrace = 30 * time.Second
)

// Follow returns the report of the environment once it is healthy, judged by a
// look of this moment and not by a status that an earlier life left behind. It
// fails early with the root cause when that is plain. With stale set, the
// status is not believed on the way either.
func (c *Client) Follow(ctx context.Context, namespace, name string, stale bool, tell func(Step)) (*health.Report, error) {
	f := follower{client: c, namespace: namespace, name: name, stale: stale, tell: tell, diagnosis: newDiagnosis(c, OperatorNamespace, namespace)}
	f.diagnosis.baseline(ctx)
	for round := 1; ; round++ {
		report, err := f.look(ctx)
		if report != nil || err != nil {
			return report, err
		}
		if round%diagnoseEvery == 0 {
			if p := f.diagnosis.hopeless(ctx); p != nil {
				return nil, p
			}
		}
		if err := pause(ctx, followInterval); err != nil {
			return nil, f.gaveUp(context.WithoutCancel(ctx), err)
		}
	}
}

// follower is one wait for an environment.
type follower struct {
	client          *Client
	namespace, name string
	stale           bool
	tell            func(Step)
	diagnosis       *diagnosis
	env             *v1alpha1.PawsEnvironment
	last            *health.Report
	readySince      time.Time
}

// look gives the report once there is nothing left to wait for.
func (f *follower) look(ctx context.Context) (*health.Report, error) {
	env, err := f.client.Environment(ctx, f.namespace, f.name)
	if err != nil {
		return nil, nil //nolint:nilerr // the API may be starting
	}
	f.env = env
	if p := stalled(env); p != nil {
		return nil, p
	}
	if !f.stale {
		f.tell(stepOf(env))
	}
	if !f.stale && !ready(env) {
		return nil, nil
	}
	report, err := f.client.Report(ctx, f.namespace, f.name)
	if err != nil {
		if f.stale {
			f.tell(Step{Expected: expected(env), Waiting: "Waiting for the operator"})
		}
		return nil, nil //nolint:nilerr // the operator may be starting
	}
	f.last = report
	if f.stale {
		f.tell(stepOf(seenBy(report, env)))
	}
	if !ready(env) {
		return nil, nil
	}
	if f.readySince.IsZero() {
		f.readySince = time.Now()
	}
	if report.Overall == v1alpha1.Healthy || report.Overall == v1alpha1.Degraded && time.Since(f.readySince) > degradedGrace {
		return report, nil
	}
	return nil, nil
}

// seenBy is the environment with the status that the report amounts to.
func seenBy(report *health.Report, env *v1alpha1.PawsEnvironment) *v1alpha1.PawsEnvironment {
	seen := env.DeepCopy()
	seen.Status.Members, seen.Status.Conditions = nil, nil
	for _, component := range report.Components {
		for _, m := range component.Members {
			seen.Status.Members = append(seen.Status.Members, v1alpha1.MemberStatus{Component: m.Component, Name: m.Name, Health: m.Health})
		}
	}
	for _, c := range componentConditions {
		if healthy, all := count(seen, c.condition); healthy >= all {
			seen.Status.Conditions = append(seen.Status.Conditions, metav1.Condition{Type: c.condition, Status: metav1.ConditionTrue})
		}
	}
	return seen
}

// ready tells whether the operator has seen this spec and finds it fulfilled.
func ready(env *v1alpha1.PawsEnvironment) bool {
	return env.Status.ObservedGeneration >= env.Generation &&
		meta.IsStatusConditionTrue(env.Status.Conditions, v1alpha1.ConditionReady)
}

func stalled(env *v1alpha1.PawsEnvironment) *problem.Problem {
	condition := meta.FindStatusCondition(env.Status.Conditions, v1alpha1.ConditionStalled)
	if condition == nil || condition.Status != metav1.ConditionTrue || condition.ObservedGeneration < env.Generation {
		return nil
	}
	return problem.New(problem.EnvironmentStalled, "the operator cannot go on (%s): %s", condition.Reason, condition.Message)
}

func stepOf(env *v1alpha1.PawsEnvironment) Step {
	step := Step{Expected: expected(env)}
	for _, m := range env.Status.Members {
		if m.Health == v1alpha1.Healthy {
			step.Healthy++
		}
	}
	step.Healthy = min(step.Healthy, step.Expected)
	for _, c := range componentConditions {
		condition := meta.FindStatusCondition(env.Status.Conditions, c.condition)
		if condition != nil && condition.Status == metav1.ConditionTrue {
			step.Ready = append(step.Ready, c.condition)
			continue
		}
		if step.Waiting == "" {
			healthy, all := count(env, c.condition)
			step.Waiting = fmt.Sprintf("Waiting for %s (%d/%d members ready)", c.title, healthy, all)
			if condition != nil {
				step.Detail = condition.Message
			}
		}
	}
	if step.Waiting == "" {
		step.Waiting = fmt.Sprintf("Waiting for every member (%d/%d members ready)", step.Healthy, step.Expected)
	}
	return step
}

// count gives the healthy and all members behind a component's condition.
func count(env *v1alpha1.PawsEnvironment, condition string) (healthy, all int32) {
	s := env.Spec
	infrastructure := map[string]string{
		naming.Etcd: v1alpha1.ConditionEtcdReady, naming.Postgres: v1alpha1.ConditionPostgresReady,
		naming.Redis: v1alpha1.ConditionRedisReady, naming.Sentinel: v1alpha1.ConditionRedisReady,
	}
	for _, m := range env.Status.Members {
		of, found := infrastructure[m.Component]
		if !found {
			of = v1alpha1.ConditionAppsReady
		}
		if of == condition && m.Health == v1alpha1.Healthy {
			healthy++
		}
	}
	switch condition {
	case v1alpha1.ConditionEtcdReady:
		return healthy, s.Etcd.Replicas
	case v1alpha1.ConditionPostgresReady:
		return healthy, s.Postgres.Replicas
	case v1alpha1.ConditionRedisReady:
		return healthy, s.Redis.Replicas + s.Redis.Sentinels
	}
	return healthy, apps(env)
}

func apps(env *v1alpha1.PawsEnvironment) (n int32) {
	for _, a := range env.Spec.Apps {
		n += app.Replicas(a)
	}
	return n
}

// expected is how many members the spec asks for.
func expected(env *v1alpha1.PawsEnvironment) int {
	s := env.Spec
	return int(s.Etcd.Replicas + s.Postgres.Replicas + s.Redis.Replicas + s.Redis.Sentinels + apps(env))
}

// gaveUp says what the wait was still for when it ended.
func (f *follower) gaveUp(ctx context.Context, why error) error {
	if !errors.Is(why, context.DeadlineExceeded) {
		return why
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if p := f.diagnosis.rootCause(ctx); p != nil {
		return p
	}
	if status, err := f.client.OperatorStatus(ctx); err == nil && !status.Ready {
		return problem.New(problem.OperatorNotStarted, "the operator does not start")
	}
	what := "the environment is not healthy in time"
	switch {
	case f.last != nil && f.last.Overall != v1alpha1.Healthy:
		what += ": " + Ailing(f.last)
	case f.env != nil:
		step := stepOf(f.env)
		what = fmt.Sprintf("%s: %d of %d members healthy. %s", what, step.Healthy, step.Expected, step.Waiting)
		if c := meta.FindStatusCondition(f.env.Status.Conditions, v1alpha1.ConditionReady); c != nil {
			what += ": " + c.Message
		}
	}
	return problem.New(problem.EnvironmentTimeout, "%s", what)
}

// Ailing names the members that are not healthy, with what is wrong with them.
func Ailing(report *health.Report) string {
	var list []string
	for _, c := range report.Components {
		found := false
		for _, m := range c.Members {
			if m.Health != v1alpha1.Healthy {
				found = true
				list = append(list, fmt.Sprintf("%s is %s (%s)", m.Name, strings.ToLower(string(m.Health)), m.Message))
			}
		}
		if !found && c.Health != v1alpha1.Healthy {
			list = append(list, fmt.Sprintf("%s is %s (%s)", c.Title, strings.ToLower(string(c.Health)), c.Summary))
		}
	}
	return strings.Join(list, "; ")
}

// order is that in which components need each other: the first that fails is
// the cause of what fails after it.
func order(component string) int {
	i := slices.Index([]string{naming.Etcd, naming.Postgres, naming.Redis, naming.Sentinel}, component)
	if i < 0 {
		return 100
	}
	return i
}
