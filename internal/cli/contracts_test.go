package cli

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/images"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/logscan"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/progress"
	"github.com/paws360/pawskind/internal/project"
)

var update = flag.Bool("update", false, "write docs/contracts anew")

const contracts = "../../docs/contracts"

// golden compares a document with what the code says, or writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join(contracts, name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run: go test ./internal/cli -update")
}

func schemaOf[T any](t *testing.T, title string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[metav1.MicroTime](): {Type: "string", Format: "date-time"},
	}})
	require.NoError(t, err)
	s.Schema, s.Title = "https://json-schema.org/draft/2020-12/schema", title
	for _, health := range []*jsonschema.Schema{s.Properties["overall"], s.Properties["health"]} {
		if health != nil {
			health.Enum = []any{v1alpha1.Healthy, v1alpha1.Degraded, v1alpha1.Unhealthy, v1alpha1.Unknown}
		}
	}
	return s
}

func contract[T any](name, title string, example T) func(*testing.T) {
	return func(t *testing.T) {
		s := schemaOf[T](t, title)
		content, err := json.MarshalIndent(s, "", "  ")
		require.NoError(t, err)
		golden(t, name+".schema.json", string(content)+"\n")

		resolved, err := s.Resolve(nil)
		require.NoError(t, err)
		encoded, err := json.Marshal(example)
		require.NoError(t, err)
		var decoded any
		require.NoError(t, json.Unmarshal(encoded, &decoded))
		require.NoError(t, resolved.Validate(decoded))
		decoded.(map[string]any)["surprise"] = 1
		require.Error(t, resolved.Validate(decoded), "what is not documented is not printed")
	}
}

func exampleReport() *health.Report {
	lag := 0.2
	return &health.Report{
		Environment: "paws360", Namespace: "paws360", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Overall: v1alpha1.Unhealthy,
		Synchronous: health.Synchronous{Active: true, Reason: v1alpha1.ReasonStandbyAcknowledges, Message: "patroni-2 acknowledges commits"},
		Leader:      "patroni-1", RedisMaster: "redis-1",
		Components: []health.Component{
			{Name: "etcd", Title: "etcd Cluster", Health: v1alpha1.Unhealthy, Reason: v1alpha1.ReasonQuorumLost, Summary: "1/3 healthy, no quorum", Members: []health.Member{
				{Component: "etcd", Name: "etcd-1", Role: "follower", Health: v1alpha1.Healthy},
				{Component: "etcd", Name: "etcd-3", Health: v1alpha1.Unhealthy, Message: "container not running"},
			}},
			{Name: "postgres", Title: "Patroni Cluster", Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy, Summary: "1 leader + 2 replicas, lag: 0.2s", Members: []health.Member{
				{Component: "postgres", Name: "patroni-2", Role: "replica", Health: v1alpha1.Healthy, LagSeconds: &lag},
			}},
		},
		DurationSeconds: 0.3,
	}
}

func exampleHealth() HealthResult {
	return HealthResult{*exampleReport(), 2, 3, []logscan.Finding{
		{Component: "backend", Member: "backend-1", Errors: 2, Last: "no connection"},
	}}
}

func TestContracts(t *testing.T) {
	t.Run("health", contract("health", "pawskind health -o json", exampleHealth()))
	t.Run("status", contract("status", "pawskind status -o json", StatusResult{
		Cluster:     ClusterStatus{"pawskind", cluster.Running, "kind-pawskind", []cluster.Node{{Name: "pawskind-control-plane", State: "running"}}},
		Operator:    &install.OperatorStatus{Installed: true, Image: "pawskind/manager:1", Ready: true},
		Environment: "paws360", Namespace: "paws360", Leader: "patroni-1", RedisMaster: "redis-1",
		Addresses:  []Address{{"Frontend", "http://localhost:3000"}},
		Conditions: []Condition{{"Ready", "True", "Ready", "every member is healthy"}},
		Members:    []v1alpha1.MemberStatus{{Component: "etcd", Name: "etcd-1", Role: "leader", Health: v1alpha1.Healthy}},
		Endpoints:  []v1alpha1.EndpointStatus{{Name: "postgres", Address: "patroni-leader.paws360.svc:5432", NodePort: 30432}},
	}))
	t.Run("up", contract("up", "pawskind up -o json", UpResult{
		Cluster: "pawskind", Context: "kind-pawskind", Namespace: "paws360", Environment: "paws360", Profile: "full",
		Health: v1alpha1.Healthy, Healthy: 14, Members: 14, Addresses: []Address{{"Redis", "redis://localhost:6379"}},
		Credentials: "/home/me/.local/secrets.env", Phases: []progress.Phase{{Name: "preflight", Start: 0, Seconds: 0.1}}, Seconds: 42,
	}))
	t.Run("images", contract("images", "pawskind images list -o json", ImagesResult{[]images.Status{{Name: "etcd", Ref: "docker.io/pawskind/etcd:1", Present: true, ID: "sha256:0a", Bytes: 1, Created: time.Unix(1, 0)}}}))
	t.Run("sbom", contract("sbom", "pawskind images sbom -o json", BillsResult{[]BillResult{{Name: "etcd", Ref: "docker.io/pawskind/etcd:1", Document: json.RawMessage(`{"bomFormat":"CycloneDX"}`), File: "sbom/etcd.cdx.json"}}}))
	t.Run("drill", contract("drill", "pawskind drill SCENARIO -o json", drill.Result{
		Scenario: "leader-kill", Title: "PostgreSQL leader killed", Environment: "paws360/paws360", Profile: "full",
		Began: time.Unix(1, 0), Machine: "2 CPUs", Verdict: drill.Passed,
		Runs: []drill.JudgedRun{{Run: drill.Run{Scenario: "leader-kill", Number: 1, Finals: []drill.Final{{System: drill.Postgres, Member: "patroni-1", Authority: true}}},
			Judgement: drill.Judgement{Verdict: drill.Passed, Tallies: []drill.Tally{{System: drill.Postgres, Route: "service"}},
				Phases: []drill.Phase{{Name: drill.Election}}, Leaders: []string{"patroni-1"}, Linearizable: map[string]bool{drill.Etcd: true}}}},
		WriteGap: map[string]drill.Distribution{"postgres/service": {N: 1, P50: 1, P95: 1, Max: 1}}, ReadGap: map[string]drill.Distribution{}, Phases: map[string]drill.Distribution{}, Routing: map[string]drill.Distribution{},
	}))
	fault := v1alpha1.FaultStatus{Name: "lost", Kind: v1alpha1.FaultPartition, Target: "etcd/1", State: v1alpha1.FaultActive, Message: "Partition holds on etcd-1",
		Pods: []v1alpha1.FaultPod{{Name: "etcd-1", UID: "1", Node: "n", Container: "etcd", IP: "10.0.0.1"}}, PeerIPs: []string{"10.0.0.2"},
		StartedAt: &metav1.MicroTime{Time: time.Unix(1, 0)}}
	t.Run("fault", contract("fault", "pawskind chaos FAULT TARGET -o json", FaultResult{fault}))
	t.Run("chaos", contract("chaos", "pawskind chaos status -o json", ChaosResult{"paws360/paws360", true, []v1alpha1.FaultStatus{fault}}))
	t.Run("chaos-list", contract("chaos-list", "pawskind chaos list -o json", ChaosListResult{[]ChaosKind{{v1alpha1.FaultKill, "once"}}, []string{"etcd/1"}}))
	t.Run("operation", contract("operation", "pawskind switchover|failover|reinit -o json", OperationResult{"switchover", "", "patroni-1", "patroni-2", 2.5}))
	t.Run("secrets", contract("secrets", "pawskind secrets gen|validate|rotate -o json", SecretsResult{
		File: ".local/secrets.env", Generated: []string{"JWT_SECRET"}, Valid: []string{"JWT_SECRET"}, Rotated: []string{"JWT_SECRET"}, Seconds: 20,
	}))
	t.Run("certs", contract("certs", "pawskind certs -o json", CertsResult{"paws360/paws360", true, v1alpha1.ReasonCertificatesIssued, "", []Certificate{
		{Name: "etcd-tls", For: "etcd, towards clients", Issuer: "0a", Fingerprint: "0b", IssuedAt: time.Unix(1, 0), Expires: time.Unix(2, 0), Renews: new(time.Time)},
	}}))
	t.Run("certs-ca", contract("certs-ca", "pawskind certs ca -o json", CAResult{"-----BEGIN CERTIFICATE-----", ".local/ca.crt"}))
	t.Run("version", contract("version", "pawskind version -o json", VersionResult{Client: "v1", Go: "go1.26", Platform: "linux/amd64", Kind: "v0.33.0"}))
	t.Run("config", contract("config", "pawskind config view -o json", ConfigResult{"pawskind.yaml", "/home/me", []project.Value{{Key: "name", Value: "pawskind", Origin: "default"}}}))
}

func TestExitCodesDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Exit codes\n\nEvery command of `pawskind`, and every `make local-*` target that calls it, ends with one of these.\n`make` itself ends with 2 when a target fails; the status of the command is in its last line.\n\n| Status | Meaning |\n|---|---|\n")
	for _, row := range [][2]string{
		{"0", "Success."},
		{"1", "A failure of another kind."},
		{"2", "Validation: a wrong argument, setting or file, or a confirmation that was not given."},
		{"3", "Resources: too little memory or disk, a port in use, no container engine."},
		{"4", "Network: the cluster or its API cannot be reached."},
		{"5", "Health: something is not healthy, or does not become so in time."},
		{"130", "Interrupted (Ctrl-C or SIGTERM). Run the same command again: it goes on from there."},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	golden(t, "exit-codes.md", b.String())
}

func TestErrorCodesDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Error codes\n\nEvery failure is one line: `[COMPONENT] CODE: what happened | what to do`. A code never changes its meaning.\n\n| Code | Component | Exit | When | What to do |\n|---|---|---|---|---|\n")
	for _, code := range problem.Codes() {
		e, _ := code.Entry()
		fmt.Fprintf(&b, "| `%s` | %s | %d | %s | %s |\n", code, e.Component, e.Exit, e.Meaning, strings.ReplaceAll(e.Remedy, "|", "\\|"))
	}
	golden(t, "error-codes.md", b.String())
}

func TestConfigDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Settings\n\n`pawskind.yaml` is looked for in the working folder and upward; its folder is the project. A flag wins over a\nvariable, a variable over the file, the file over the default. Every key can be given as `--set KEY=VALUE`.\nAn unknown key is refused with its line. `pawskind config view` shows each value and where it is from.\n\n| Key | Variable | Default | For |\n|---|---|---|---|\n")
	c, err := project.Load("/", nil, nil)
	require.NoError(t, err)
	defaults := map[string]string{}
	for _, v := range c.Values() {
		defaults[v.Key] = v.Value
	}
	defaults["dataDir"], defaults["source"] = ".local/data", "the checkout above the project or the program"
	for _, s := range project.Settings() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Key, s.Variable(), defaults[s.Key], s.Help)
	}
	b.WriteString("\nPaths are relative to the project. Further variables: `PAWSKIND_CONFIG` names the file, `PAWSKIND_OFFLINE=1`\nkeeps the images from being pulled, `NO_COLOR` turns colours off.\n")
	golden(t, "config.md", b.String())
}
