package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/chaos"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/problem"
)

// FaultOptions say what is to be done to whom.
type FaultOptions struct {
	Kind   v1alpha1.FaultKind
	Target string
	// Name is made from kind and target when empty.
	Name      string
	From      []string
	Direction v1alpha1.FaultDirection
	CPU       int32
	// AllProcesses has a crash kill every process of the container.
	AllProcesses bool
	Delay        time.Duration
	Duration     time.Duration
}

// FaultResult is what became of a fault.
type FaultResult struct {
	v1alpha1.FaultStatus
}

// ChaosResult are all declared faults.
type ChaosResult struct {
	Environment string                 `json:"environment"`
	Active      bool                   `json:"active"`
	Faults      []v1alpha1.FaultStatus `json:"faults"`
}

const faultPatience = 20 * time.Second

// Fault declares a fault and waits until it is done or holds.
func (a *App) Fault(ctx context.Context, o FaultOptions) error {
	client, env, err := a.environment(ctx)
	if err != nil {
		return err
	}
	fault := o.spec(time.Now())
	meaning := a.meaning(ctx, client, env, o.Target)
	if !a.Confirm(fmt.Sprintf("This will %s: %s. Continue?", describe(fault, meaning), chaos.Effect(o.Kind))) {
		return problem.New(problem.Interrupted, "nothing was done")
	}
	if err := client.AddFault(ctx, env.Namespace, env.Name, fault); err != nil {
		return err
	}
	status, err := a.awaitFault(ctx, client, env, fault.Name)
	if err != nil {
		return err
	}
	if err := verdictOn(status); err != nil {
		return errors.Join(err, withdraw(ctx, client, env, []string{fault.Name}))
	}
	return a.Show(FaultResult{status}, func(out io.Writer) {
		_, _ = fmt.Fprintf(out, "%s %s\n", a.symbol("✓", "OK"), status.Message)
		switch {
		case status.State == v1alpha1.FaultDone:
			_, _ = fmt.Fprintln(out, "  See what happens: pawskind health")
		case status.EndsAt != nil:
			_, _ = fmt.Fprintf(out, "  It ends by itself at %s, or at once with: pawskind chaos restore %s\n", status.EndsAt.Local().Format(time.TimeOnly), status.Name)
		default:
			_, _ = fmt.Fprintf(out, "  Undo it with: pawskind chaos restore %s\n", status.Name)
		}
	})
}

func (a *App) environment(ctx context.Context) (*install.Client, *v1alpha1.PawsEnvironment, error) {
	client, err := a.client(ctx)
	if err != nil {
		return nil, nil, err
	}
	name, err := a.environmentName()
	if err != nil {
		return nil, nil, err
	}
	env, err := client.Environment(ctx, a.Config.Namespace, name)
	return client, env, err
}

func (o FaultOptions) spec(now time.Time) v1alpha1.FaultSpec {
	fault := v1alpha1.FaultSpec{Name: o.Name, Kind: o.Kind, Target: o.Target, From: o.From, Direction: o.Direction, AllProcesses: o.AllProcesses}
	if fault.Name == "" {
		word := strings.ToLower(string(o.Kind)) + "-" + strings.ReplaceAll(o.Target, "/", "-")
		fault.Name = fmt.Sprintf("%.30s-%s", word, now.Format("150405"))
	}
	if o.Duration > 0 {
		fault.Duration = &metav1.Duration{Duration: o.Duration}
	}
	if o.CPU > 0 {
		fault.CPUPercent = &o.CPU
	}
	if o.Delay > 0 {
		fault.Delay = &metav1.Duration{Duration: o.Delay}
	}
	return fault
}

// meaning names the pods that a target is likely to mean, for the question.
func (a *App) meaning(ctx context.Context, client *install.Client, env *v1alpha1.PawsEnvironment, target string) string {
	pods, err := client.Select(ctx, env.Namespace, "")
	if err != nil {
		return target
	}
	world := chaos.World{Pods: pods, Leader: env.Status.Leader, RedisMaster: env.Status.RedisMaster}
	for _, m := range env.Status.Members {
		if m.Component == "etcd" && m.Role == "leader" {
			world.EtcdLeader = m.Name
		}
	}
	found, err := chaos.Resolve(target, world)
	if err != nil {
		return target
	}
	names := make([]string, len(found))
	for i, pod := range found {
		names[i] = pod.Name
	}
	return strings.Join(names, ", ")
}

func describe(f v1alpha1.FaultSpec, meaning string) string {
	what := strings.ToLower(string(f.Kind)) + " " + f.Target
	if meaning != f.Target {
		what += " (now " + meaning + ")"
	}
	if len(f.From) > 0 {
		what += " from " + strings.Join(f.From, ", ")
	}
	if f.Duration != nil {
		what += " for " + f.Duration.Duration.String()
	}
	return what
}

func (a *App) awaitFault(ctx context.Context, client *install.Client, env *v1alpha1.PawsEnvironment, name string) (v1alpha1.FaultStatus, error) {
	waiting, cancel := context.WithTimeout(ctx, faultPatience)
	defer cancel()
	p := a.Progress()
	defer p.Finish()
	p.Show(20, "Waiting until it is done")
	var status v1alpha1.FaultStatus
	_, err := client.AwaitFaults(waiting, env.Namespace, env.Name, func(e *v1alpha1.PawsEnvironment) bool {
		for _, f := range chaos.Told(e.Status) {
			if f.Name == name {
				status = f
			}
		}
		return status.State != "" && status.State != v1alpha1.FaultPending
	})
	switch {
	case err == nil:
		return status, nil
	case ctx.Err() != nil:
		return status, problem.New(problem.Interrupted, "interrupted: the fault %s stays declared", name).Do("Undo it with: pawskind chaos restore %s", name)
	}
	_, _ = client.RemoveFaults(ctx, env.Namespace, env.Name, []string{name})
	return status, problem.New(problem.FaultFailed, "the fault was not done within %s: %s", faultPatience, orElse(status.Message, "the operator does not take it up"))
}

func orElse(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

func verdictOn(status v1alpha1.FaultStatus) error {
	switch status.State {
	case v1alpha1.FaultRefused:
		return problem.New(problem.FaultRefused, "%s", status.Message)
	case v1alpha1.FaultFailed:
		return problem.New(problem.FaultFailed, "%s", status.Message)
	case v1alpha1.FaultNotSupported:
		return problem.New(problem.FaultNotSupported, "%s", status.Message)
	}
	return nil
}

// ChaosStatus shows the declared faults.
func (a *App) ChaosStatus(ctx context.Context) error {
	_, env, err := a.environment(ctx)
	if err != nil {
		return err
	}
	faults := chaos.Told(env.Status)
	active, _ := chaos.Active(faults)
	r := ChaosResult{env.Namespace + "/" + env.Name, active, faults}
	if r.Faults == nil {
		r.Faults = []v1alpha1.FaultStatus{}
	}
	return a.Show(r, func(out io.Writer) {
		if len(r.Faults) == 0 {
			_, _ = fmt.Fprintln(out, "No fault is declared.")
			return
		}
		table := [][]string{{"NAME", "KIND", "TARGET", "STATE", "ENDS", ""}}
		for _, f := range r.Faults {
			ends := ""
			if f.EndsAt != nil {
				ends = f.EndsAt.Local().Format(time.TimeOnly)
			}
			table = append(table, []string{f.Name, string(f.Kind), f.Target, string(f.State), ends, f.Message})
		}
		rows(out, "", table)
	})
}

// Restore takes back faults by name, or all, and waits until they are undone.
func (a *App) Restore(ctx context.Context, names []string) error {
	client, env, err := a.environment(ctx)
	if err != nil {
		return err
	}
	removed, err := client.RemoveFaults(ctx, env.Namespace, env.Name, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.Contains(" "+strings.Join(removed, " ")+" ", " "+name+" ") {
			return problem.New(problem.FaultMissing, "no fault %s is declared", name)
		}
	}
	p := a.Progress()
	defer p.Finish()
	p.Show(50, "Waiting until all is undone")
	if err := undone(ctx, client, env, removed); err != nil {
		return err
	}
	p.Finish()
	if len(removed) == 0 {
		a.Note("No fault is declared: there is nothing to undo.")
		return nil
	}
	a.Note("%s Undone: %s. See pawskind health --wait.", a.symbol("✓", "OK"), strings.Join(removed, ", "))
	return nil
}

// withdraw takes back what was declared in vain, and waits until nothing tells of it.
func withdraw(ctx context.Context, client *install.Client, env *v1alpha1.PawsEnvironment, names []string) error {
	if _, err := client.RemoveFaults(ctx, env.Namespace, env.Name, names); err != nil {
		return err
	}
	return undone(ctx, client, env, names)
}

func undone(ctx context.Context, client *install.Client, env *v1alpha1.PawsEnvironment, names []string) error {
	waiting, cancel := context.WithTimeout(ctx, faultPatience)
	defer cancel()
	_, err := client.AwaitFaults(waiting, env.Namespace, env.Name, func(e *v1alpha1.PawsEnvironment) bool { return chaos.Undone(e.Status, names) })
	if err != nil {
		return problem.New(problem.FaultFailed, "not everything is undone yet").Do("See pawskind chaos status, and pawskind logs agent").Because(err)
	}
	return nil
}

// ChaosKind is one kind of fault for the list.
type ChaosKind struct {
	Kind   v1alpha1.FaultKind `json:"kind"`
	Effect string             `json:"effect"`
}

// ChaosListResult is what can be done, and to whom.
type ChaosListResult struct {
	Kinds   []ChaosKind `json:"kinds"`
	Targets []string    `json:"targets"`
}

// ChaosList shows what can be done, and to whom.
func (a *App) ChaosList() error {
	var kinds []ChaosKind
	for _, kind := range chaos.Kinds() {
		kinds = append(kinds, ChaosKind{kind, chaos.Effect(kind)})
	}
	result := ChaosListResult{kinds, chaos.Targets()}
	return a.Show(result, func(out io.Writer) {
		_, _ = fmt.Fprintln(out, "Faults")
		var table [][]string
		for _, k := range kinds {
			table = append(table, []string{chaos.Command(k.Kind), k.Effect})
		}
		rows(out, "  ", table)
		_, _ = fmt.Fprintln(out, "\nTargets\n  "+strings.Join(result.Targets, "\n  "))
	})
}
