package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/chaos"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/preflight"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/progress"
	"github.com/paws360/pawskind/internal/project"
	"github.com/paws360/pawskind/internal/secrets"
)

// UpOptions are those of up alone.
type UpOptions struct {
	// Wait returns only once the environment is healthy.
	Wait bool
	// Retain keeps a cluster that this run made and that fails.
	Retain bool
}

// UpResult is what up has to tell in the end.
type UpResult struct {
	Cluster     string           `json:"cluster"`
	Context     string           `json:"context"`
	Namespace   string           `json:"namespace"`
	Environment string           `json:"environment"`
	Profile     string           `json:"profile"`
	Health      v1alpha1.Health  `json:"health"`
	Healthy     int              `json:"healthyMembers"`
	Members     int              `json:"members"`
	Addresses   []Address        `json:"addresses"`
	Credentials string           `json:"credentials"`
	Phases      []progress.Phase `json:"phases"`
	Seconds     float64          `json:"totalSeconds"`
}

// Address is where a service is on the host.
type Address struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// up is one start of the stack.
type up struct {
	*App
	UpOptions
	*progress.Progress
	engine  *engine.Engine
	cluster *cluster.Cluster
	env     *v1alpha1.PawsEnvironment
	secrets map[string]string
	// previous are the secrets before a rotation that has not ended.
	previous map[string]string
	refs     map[string]string
	// created is set once this run has begun to make the cluster.
	created bool
	// restarted is set when this run has started a stopped cluster: what its API
	// remembers is of an earlier life.
	restarted bool
	client    *install.Client
}

// Up brings the stack up from wherever it is.
func (a *App) Up(ctx context.Context, o UpOptions) error {
	unlock, err := a.Config.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	u := &up{App: a, UpOptions: o, Progress: a.Progress()}
	report, err := u.run(ctx)
	if err != nil {
		return u.failed(ctx, err)
	}
	phases, total := u.Finish()
	return a.Show(u.result(report, phases, total), func(out io.Writer) { u.summary(out, report, phases, total) })
}

func (u *up) run(ctx context.Context) (*health.Report, error) {
	nodes, err := u.look(ctx)
	if err != nil {
		return nil, err
	}
	if u.env, err = install.Environment(u.Config); err != nil {
		return nil, err
	}
	if u.Config.Profile == project.ProfileFast {
		u.Note("Profile fast: single members, high availability is off: nothing survives the loss of a member.")
	}
	if err := u.ensureSecrets(); err != nil {
		return nil, err
	}
	if err := install.Folders(u.Config.ClusterData(), install.Claims(u.env)); err != nil {
		return nil, err
	}
	if err := u.bringCluster(ctx, nodes); err != nil {
		return nil, err
	}
	return u.bringEnvironment(ctx)
}

// look finds the cluster and judges the machine, before anything is made.
func (u *up) look(ctx context.Context) ([]cluster.Node, error) {
	defer u.Phase("preflight")()
	u.Show(1, "Looking at this machine")
	e, engineErr := engine.Detect(ctx, u.Config.Provider)
	var nodes []cluster.Node
	if engineErr == nil {
		u.engine = e
		u.cluster = cluster.New(e, u.Config.Name, u.kindLogger(func(step string) { u.Show(-1, "Cluster: %s", step) }))
		var err error
		if nodes, err = u.cluster.Nodes(ctx); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	running := cluster.StateOf(nodes) == cluster.Running
	findings := preflight.Judge(preflight.Gather(ctx, u.Config, e, engineErr, cluster.HoldsPorts(nodes)))
	if problems := preflight.Errors(findings); len(problems) > 0 {
		u.Warn(preflight.Warnings(findings))
		return nil, problems
	}
	if warnings := preflight.Warnings(findings); len(warnings) > 0 && !running {
		u.clearFor(func() { u.Warn(warnings) })
		if !u.Confirm("Continue anyway?") {
			return nil, problem.New(problem.Interrupted, "stopped before anything was created")
		}
	}
	return nodes, nil
}

// clearFor takes the bar away while something else is printed.
func (u *up) clearFor(print func()) {
	u.Clear()
	print()
}

// ensureSecrets generates the secrets of a new project. One that has some must
// have all: passwords are part of the data, which would refuse every member.
func (u *up) ensureSecrets() error {
	if err := u.guardSecrets(); err != nil {
		return err
	}
	file := u.Config.SecretsFile()
	values, err := secrets.Read(file)
	if err != nil {
		return err
	}
	if lost := dataBound(secrets.Missing(values)); len(lost) > 0 && hasData(u.Config.ClusterData()) {
		return u.secretsLost(lost)
	}
	if secrets.Begun(file) {
		if err := secrets.Check(file); err != nil {
			return err
		}
	}
	if u.secrets, err = secrets.Ensure(file); err != nil {
		return err
	}
	u.previous, err = secrets.Unfinished(file)
	return err
}

// hasData tells whether a member has ever written into the folder of the volumes.
func hasData(folder string) bool {
	found, _ := filepath.Glob(filepath.Join(folder, "*", "data-*", "*"))
	return len(found) > 0
}

// failed takes away what this run made, and keeps the data. An interrupted run
// leaves all as it is: the next one goes on from there.
func (u *up) failed(ctx context.Context, err error) error {
	u.Finish()
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return problem.New(problem.Interrupted, "interrupted: what is there so far stays")
	}
	if !u.created {
		return err
	}
	if u.Retain {
		u.Note("The cluster is kept (--retain). Remove it with: pawskind down --name %s", u.Config.Name)
		return err
	}
	u.Note("Removing the cluster that this run made; its data stays in %s", u.Config.ClusterData())
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return joined(err, u.cluster.Delete(cleaning))
}

// joined adds a problem of cleaning up to the one that made it necessary.
func joined(err, cleaning error) error {
	if cleaning == nil {
		return err
	}
	return append(problem.Of(err), problem.Of(cleaning)...)
}

func (u *up) bringEnvironment(ctx context.Context) (*health.Report, error) {
	u.Show(50, "Applying the environment")
	endApply := u.Phase("environment applied")
	objects, err := install.Objects(u.env, u.secrets, u.previous)
	if err != nil {
		return nil, err
	}
	if err := u.client.Apply(ctx, objects...); err != nil {
		return nil, err
	}
	if err := install.NoteShape(u.Config.ClusterData(), u.env); err != nil {
		return nil, err
	}
	endApply()
	u.tellFaults(ctx)
	if !u.Wait {
		return nil, nil
	}
	waiting, cancel := context.WithTimeout(ctx, u.Config.Timeout)
	defer cancel()
	ends := map[string]func(){
		v1alpha1.ConditionEtcdReady: u.Phase("etcd ready"), v1alpha1.ConditionPostgresReady: u.Phase("PostgreSQL ready"),
		v1alpha1.ConditionRedisReady: u.Phase("Redis ready"), v1alpha1.ConditionAppsReady: u.Phase("apps ready"),
	}
	endHealth := u.Phase("everything healthy")
	report, err := u.client.Follow(waiting, u.env.Namespace, u.env.Name, u.restarted, func(s install.Step) {
		for _, condition := range s.Ready {
			ends[condition]()
		}
		percent := 55
		if s.Expected > 0 {
			percent += 44 * s.Healthy / s.Expected
		}
		u.Show(percent, "%s", u.waiting(s))
	})
	if err != nil {
		return nil, err
	}
	for _, end := range ends {
		end()
	}
	endHealth()
	if len(u.previous) > 0 {
		u.Show(95, "Ending the rotation of %s", strings.Join(secrets.Names(u.previous), ", "))
		if err := u.endRotation(waiting, u.client, u.env, nil); err != nil {
			return nil, err
		}
	}
	if err := u.saveCA(ctx, u.client); err != nil {
		return nil, err
	}
	if err := u.reach(ctx); err != nil {
		return nil, err
	}
	u.Show(100, "All services healthy %s", u.symbol("✓", ""))
	return report, nil
}

// tellFaults says which faults were declared before and go on: whom they befall may
// not become healthy.
func (u *up) tellFaults(ctx context.Context) {
	env, err := u.client.Environment(ctx, u.env.Namespace, u.env.Name)
	if err != nil {
		return
	}
	if active, faults := chaos.Active(chaos.Told(env.Status)); active {
		u.Note("%s Faults go on (%s). End them with: pawskind chaos restore", u.symbol("⚠ WARNING:", "WARNING:"), faults)
	}
}

const reachPatience = 10 * time.Second

// reach sees to it that what is healthy inside the cluster also answers on the
// host. The cluster itself is well: it stays.
func (u *up) reach(ctx context.Context) error {
	defer u.Phase("host ports")()
	u.created = false
	ctx, cancel := context.WithTimeout(ctx, reachPatience)
	defer cancel()
	return install.Reach(ctx, install.PublishedServices(u.env, u.Config))
}

func (u *up) result(report *health.Report, phases []progress.Phase, total float64) UpResult {
	r := UpResult{
		Cluster: u.Config.Name, Context: u.Config.Context(), Namespace: u.env.Namespace, Environment: u.env.Name,
		Profile: u.Config.Profile, Health: v1alpha1.Unknown, Addresses: u.addresses(u.env), Credentials: u.Config.SecretsFile(),
		Phases: phases, Seconds: total,
	}
	if report != nil {
		r.Health = report.Overall
		r.Healthy, r.Members = report.Healthy()
	}
	return r
}

// addresses are where the host finds the published services.
func (a *App) addresses(env *v1alpha1.PawsEnvironment) []Address {
	host := a.Config.Bind
	if host == "127.0.0.1" || host == "0.0.0.0" {
		host = "localhost"
	}
	cache := "redis"
	if env.Spec.Redis.TLS {
		cache = "rediss"
	}
	at := func(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
	return []Address{
		{"Frontend", "http://" + at(a.Config.Ports.Frontend)},
		{"Backend", "http://" + at(a.Config.Ports.Backend)},
		{"PostgreSQL", "postgresql://paws360@" + at(a.Config.Ports.Postgres) + "/paws360"},
		{"Redis", cache + "://paws360@" + at(a.Config.Ports.Redis)},
	}
}

func (u *up) summary(out io.Writer, report *health.Report, phases []progress.Phase, total float64) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	switch {
	case report == nil:
		say("The environment is applied; pawskind health --wait tells when it is healthy.")
	case report.Overall == v1alpha1.Healthy:
		healthy, all := report.Healthy()
		say("%s All services healthy (%d/%d members)", u.mark(v1alpha1.Healthy), healthy, all)
	default:
		say("%s The environment serves, with something that needs a look: pawskind health --verbose", u.mark(report.Overall))
	}
	if u.Quiet {
		return
	}
	var table [][]string
	for _, address := range u.addresses(u.env) {
		table = append(table, []string{address.Name, address.Address})
	}
	table = append(table,
		[]string{"Credentials", relative(u.Config.SecretsFile())},
		[]string{"Kubernetes", "kubectl --context " + u.Config.Context() + " -n " + u.env.Namespace + " get pods"})
	say("")
	rows(out, "  ", table)
	if u.Config.Profile == project.ProfileFast {
		say("\n  High availability is off (profile fast).")
	}
	if report != nil && report.Isolation.Enforced == metav1.ConditionFalse {
		say("\n%s", problem.New(problem.NotIsolated, "%s", report.Isolation.Message))
	}
	say("")
	rows(out, "  ", phaseTable(phases, total))
}

func phaseTable(phases []progress.Phase, total float64) [][]string {
	table := [][]string{{"Phase", "begins", "takes"}}
	for _, p := range phases {
		table = append(table, []string{p.Name, fmt.Sprintf("%5.1f s", p.Start), fmt.Sprintf("%5.1f s", p.Seconds)})
	}
	return append(table, []string{"in all", "", fmt.Sprintf("%5.1f s", total)})
}

// relative shortens a path for people.
func relative(path string) string {
	folder, err := os.Getwd()
	if err != nil {
		return path
	}
	short, err := filepath.Rel(folder, path)
	if err != nil || strings.HasPrefix(short, "..") {
		return path
	}
	return short
}
