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
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/logscan"
	"github.com/paws360/pawskind/internal/problem"
)

// HealthResult is the report with its sums.
type HealthResult struct {
	health.Report
	// HealthyMembers of Members are healthy.
	HealthyMembers int `json:"healthyMembers"`
	Members        int `json:"memberCount"`
	// LogErrors are the members with error lines in their recent logs.
	LogErrors []logscan.Finding `json:"logErrors"`
}

// HealthOptions are those of health alone.
type HealthOptions struct {
	// Wait looks until all members are healthy, or the timeout ends.
	Wait bool
	// Strict also fails on error lines in recent logs. They are of the past: a
	// cluster that failed over as it should has some, and is well.
	Strict bool
}

// Health has every member looked at, and fails when one is not healthy.
func (a *App) Health(ctx context.Context, o HealthOptions) error {
	client, err := a.client(ctx)
	if p := new(problem.Problem); o.Wait && errors.As(err, &p) && p.Code == problem.APIUnreachable {
		client, err = a.awaitClient(ctx)
	}
	if err != nil {
		return err
	}
	name, err := a.environmentName()
	if err != nil {
		return err
	}
	start := time.Now()
	logErrors := make(chan []logscan.Finding, 1)
	if !o.Wait {
		go func() { logErrors <- client.LogErrors(ctx, a.Config.Namespace) }()
	}
	report, err := a.report(ctx, client, name, o.Wait)
	if err != nil {
		if problem.Exit(err) == problem.ExitHealth {
			a.lastKnown(ctx, client, name)
		}
		return err
	}
	if o.Wait {
		logErrors <- client.LogErrors(ctx, a.Config.Namespace)
	}
	healthy, all := report.Healthy()
	result := HealthResult{*report, healthy, all, <-logErrors}
	if err := a.Show(result, func(out io.Writer) { a.printHealth(out, result, time.Since(start)) }); err != nil {
		return err
	}
	if err := verdict(report); err != nil || !o.Strict || len(result.LogErrors) == 0 {
		return err
	}
	worst := result.LogErrors[0]
	return problem.New(problem.LogErrors, "%s logged %d errors in the last %d minutes, the last: %s",
		worst.Member, worst.Errors, logscan.WindowSeconds/60, worst.Last)
}

// awaitClient waits for the API of a node that was just restarted.
func (a *App) awaitClient(ctx context.Context) (*install.Client, error) {
	p := a.Progress()
	defer p.Finish()
	p.Show(0, "Waiting for the Kubernetes API")
	return a.clientWithin(ctx, a.Config.Timeout)
}

func (a *App) report(ctx context.Context, client *install.Client, name string, wait bool) (*health.Report, error) {
	if !wait {
		return client.Report(ctx, a.Config.Namespace, name)
	}
	ctx, cancel := context.WithTimeout(ctx, a.Config.Timeout)
	defer cancel()
	p := a.Progress()
	defer p.Finish()
	report, err := client.Follow(ctx, a.Config.Namespace, name, true, func(s install.Step) {
		p.Show(100*s.Healthy/max(s.Expected, 1), "%s", a.waiting(s))
	})
	return report, err
}

// verdict is the problem of the first component that is not healthy.
func verdict(report *health.Report) error {
	var worst *health.Component
	for i, c := range report.Components {
		if c.Health == v1alpha1.Unhealthy || c.Health == v1alpha1.Unknown {
			worst = &report.Components[i]
			break
		}
		if c.Health == v1alpha1.Degraded && worst == nil {
			worst = &report.Components[i]
		}
	}
	switch {
	case report.Overall == v1alpha1.Healthy:
		return nil
	case worst == nil:
		return problem.New(problem.EnvironmentUnhealthy, "%s", report.Synchronous.Message)
	}
	code, known := map[string]problem.Code{
		v1alpha1.ReasonNoLeader: problem.PatroniNoLeader, v1alpha1.ReasonReplicationLag: problem.PatroniLag,
		v1alpha1.ReasonDiskPressure: problem.EtcdDisk, v1alpha1.ReasonNoMaster: problem.RedisQuorum,
	}[worst.Reason]
	if !known {
		code = problem.EnvironmentUnhealthy
		if worst.Reason == v1alpha1.ReasonQuorumLost {
			code = problem.RedisQuorum
			if worst.Name == "etcd" {
				code = problem.EtcdQuorum
			}
		}
	}
	what := fmt.Sprintf("%s is %s: %s", worst.Title, strings.ToLower(string(worst.Health)), worst.Summary)
	if members := install.Ailing(&health.Report{Components: []health.Component{*worst}}); members != "" {
		what += "; " + members
	}
	return problem.New(code, "%s", what)
}

// printHealth is the report of addendum §5. Members are shown where they are
// not healthy, and all of them with --verbose.
func (a *App) printHealth(out io.Writer, result HealthResult, took time.Duration) {
	report := &result.Report
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	say("Health Check Report (%s)", report.Time.Local().Format(time.DateTime))
	say("%s", a.rule())
	width, passing := 0, 0
	for _, c := range report.Components {
		width = max(width, len([]rune(c.Title)))
		if c.Health == v1alpha1.Healthy {
			passing++
		}
	}
	for _, c := range report.Components {
		say("%s %-*s  %s", a.mark(c.Health), width, c.Title, c.Summary)
		a.printMembers(out, c.Members)
	}
	if !report.Synchronous.Active || a.Verbose {
		say("\nSynchronous replication: %s", report.Synchronous.Message)
	}
	if report.Isolation.Enforced == metav1.ConditionFalse || a.Verbose {
		say("\nNetwork policies: %s", report.Isolation.Message)
	}
	a.printLogErrors(out, result.LogErrors)
	say("\nOverall: %s (%d/%d components passing)", strings.ToUpper(string(report.Overall)), passing, len(report.Components))
	say("Members: %d/%d components healthy", result.HealthyMembers, result.Members)
	say("Runtime: %.1fs", took.Seconds())
}

func (a *App) printLogErrors(out io.Writer, findings []logscan.Finding) {
	if len(findings) == 0 {
		return
	}
	_, _ = fmt.Fprintf(out, "\nErrors in the logs of the last %d minutes:\n", logscan.WindowSeconds/60)
	var table [][]string
	for _, f := range findings {
		table = append(table, []string{f.Member + ":", fmt.Sprintf("%d, last:", f.Errors), f.Last})
	}
	rows(out, "    ", table)
}

func (a *App) printMembers(out io.Writer, members []health.Member) {
	var table [][]string
	for _, m := range members {
		if m.Health == v1alpha1.Healthy && !a.Verbose {
			continue
		}
		verdict := strings.ToUpper(string(m.Health))
		if m.Message != "" {
			verdict += " - " + m.Message
		}
		lag := ""
		if m.LagSeconds != nil {
			lag = fmt.Sprintf("lag %.1fs", *m.LagSeconds)
		}
		if a.Verbose {
			table = append(table, []string{m.Name + ":", m.Role, lag, a.mark(m.Health) + " " + verdict})
		} else {
			table = append(table, []string{m.Name + ":", a.mark(m.Health) + " " + verdict})
		}
	}
	rows(out, "    ", table)
}

// lastKnown shows what there is to see without the operator's answer.
func (a *App) lastKnown(ctx context.Context, client *install.Client, name string) {
	env, err := client.Environment(ctx, a.Config.Namespace, name)
	var one *problem.Problem
	if errors.As(err, &one) || err != nil {
		return
	}
	a.Note("The operator's last word on the environment, and the pods now:")
	var table [][]string
	for _, c := range env.Status.Conditions {
		table = append(table, []string{c.Type, string(c.Status), c.Reason, c.Message})
	}
	rows(a.Err, "  ", table)
	table = nil
	for _, p := range client.Pods(ctx, a.Config.Namespace) {
		table = append(table, []string{p.Name, p.State})
	}
	rows(a.Err, "  ", table)
}
