package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/problem"
)

// StatusResult is what there is, as far as it can be seen.
type StatusResult struct {
	Cluster   ClusterStatus           `json:"cluster"`
	Operator  *install.OperatorStatus `json:"operator,omitempty"`
	Addresses []Address               `json:"addresses,omitempty"`
	// Environment is the environment's name, and the rest its status.
	Environment string                    `json:"environment,omitempty"`
	Namespace   string                    `json:"namespace,omitempty"`
	Leader      string                    `json:"leader,omitempty"`
	RedisMaster string                    `json:"redisMaster,omitempty"`
	Conditions  []Condition               `json:"conditions,omitempty"`
	Members     []v1alpha1.MemberStatus   `json:"members,omitempty"`
	Endpoints   []v1alpha1.EndpointStatus `json:"endpoints,omitempty"`
}

// ClusterStatus is how the cluster is.
type ClusterStatus struct {
	Name    string         `json:"name"`
	State   string         `json:"state"`
	Context string         `json:"context"`
	Nodes   []cluster.Node `json:"nodes,omitempty"`
}

// Condition is one condition of the environment.
type Condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// Status shows the cluster and the resource as they are. It judges nothing.
func (a *App) Status(ctx context.Context) error {
	_, nodes, err := a.cluster(ctx)
	if err != nil {
		return err
	}
	r := StatusResult{Cluster: ClusterStatus{a.Config.Name, cluster.StateOf(nodes), a.Config.Context(), nodes}}
	if r.Cluster.State == cluster.Running || r.Cluster.State == cluster.Mixed {
		if err := a.statusInside(ctx, &r); err != nil {
			return err
		}
	}
	return a.Show(r, func(out io.Writer) { a.printStatus(out, r) })
}

func (a *App) statusInside(ctx context.Context, r *StatusResult) error {
	client, err := a.client(ctx)
	if err != nil {
		return err
	}
	operator, err := client.OperatorStatus(ctx)
	if err != nil {
		return err
	}
	r.Operator = &operator
	name, err := a.environmentName()
	if err != nil {
		return err
	}
	env, err := client.Environment(ctx, a.Config.Namespace, name)
	var one *problem.Problem
	if errors.As(err, &one) && one.Code == problem.EnvironmentMissing {
		return nil
	}
	if err != nil {
		return err
	}
	r.Environment, r.Namespace, r.Addresses = env.Name, env.Namespace, a.addresses(env)
	r.Leader, r.RedisMaster = env.Status.Leader, env.Status.RedisMaster
	r.Members, r.Endpoints = env.Status.Members, env.Status.Endpoints
	for _, c := range env.Status.Conditions {
		r.Conditions = append(r.Conditions, Condition{c.Type, string(c.Status), c.Reason, c.Message})
	}
	return nil
}

func (a *App) printStatus(out io.Writer, r StatusResult) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	say("Cluster %s is %s (%d nodes, context %s)", r.Cluster.Name, r.Cluster.State, len(r.Cluster.Nodes), r.Cluster.Context)
	if r.Operator == nil {
		return
	}
	switch {
	case !r.Operator.Installed:
		say("The operator is not installed")
	case !r.Operator.Ready:
		say("The operator is not ready (%s)", r.Operator.Image)
	default:
		say("The operator is ready (%s)", r.Operator.Image)
	}
	if r.Environment == "" {
		say("There is no environment in namespace %s", a.Config.Namespace)
		return
	}
	say("\nEnvironment %s/%s", r.Namespace, r.Environment)
	var table [][]string
	for _, c := range r.Conditions {
		table = append(table, []string{a.conditionMark(c), c.Type, c.Status, c.Reason, c.Message})
	}
	rows(out, "  ", table)
	say("\nMembers")
	table = nil
	for _, m := range r.Members {
		table = append(table, []string{a.mark(m.Health), m.Name, m.Role, m.Lag, m.Message})
	}
	rows(out, "  ", table)
	say("\nAddresses")
	table = nil
	for _, address := range r.Addresses {
		table = append(table, []string{address.Name, address.Address})
	}
	rows(out, "  ", table)
}

// conditionMark is a verdict on a condition: those of negative polarity are
// well when they are false.
func (a *App) conditionMark(c Condition) string {
	well := string(metav1.ConditionTrue)
	switch c.Type {
	case v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled, v1alpha1.ConditionDegraded, v1alpha1.ConditionChaosActive:
		well = string(metav1.ConditionFalse)
	}
	if c.Status == well {
		return a.mark(v1alpha1.Healthy)
	}
	if c.Type == v1alpha1.ConditionReconciling || c.Type == v1alpha1.ConditionDegraded || c.Type == v1alpha1.ConditionChaosActive ||
		c.Reason == v1alpha1.ReasonSynchronousModeOff || c.Reason == v1alpha1.ReasonPoliciesNotEnforced {
		return a.mark(v1alpha1.Degraded)
	}
	return a.mark(v1alpha1.Unhealthy)
}
