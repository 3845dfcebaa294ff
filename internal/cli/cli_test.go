package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/progress"
	"github.com/paws360/pawskind/internal/project"
)

func appIn(t *testing.T, ui *UI) *App {
	t.Helper()
	// The developer's own stack may run beside the tests.
	config, err := project.Load(t.TempDir(), nil, map[string]string{"name": "no-such-cluster"})
	require.NoError(t, err)
	return &App{UI: ui, Config: config}
}

func TestHealthReport(t *testing.T) {
	var out bytes.Buffer
	a := appIn(t, &UI{Out: &out, Format: Text, Symbols: true})
	report := exampleHealth()
	a.printHealth(&out, report, 1200*time.Millisecond)
	text := out.String()
	require.Contains(t, text, "✗ etcd Cluster     1/3 healthy, no quorum\n    etcd-3:  ✗ UNHEALTHY - container not running\n")
	require.Contains(t, text, "✓ Patroni Cluster  1 leader + 2 replicas, lag: 0.2s\n")
	require.Contains(t, text, "Overall: UNHEALTHY (1/2 components passing)\nMembers: 2/3 components healthy\nRuntime: 1.2s\n")
	require.Contains(t, text, "Errors in the logs of the last 5 minutes:\n    backend-1:  2, last:  no connection\n")
	require.NotContains(t, text, "etcd-1", "members that are well are left out")

	out.Reset()
	a.Verbose, a.Symbols = true, false
	a.printHealth(&out, report, 0)
	require.Contains(t, out.String(), "patroni-2:  replica  lag 0.2s  OK   HEALTHY")
	require.NotContains(t, out.String(), "✓")
}

func TestVerdict(t *testing.T) {
	report := exampleReport()
	err := verdict(report)
	require.ErrorContains(t, err, "[ETCD] ERR_ETCD_001: etcd Cluster is unhealthy: 1/3 healthy, no quorum; etcd-3 is unhealthy (container not running)")
	require.Equal(t, problem.ExitHealth, problem.Exit(err))

	report.Components[0].Health, report.Overall = v1alpha1.Healthy, v1alpha1.Degraded
	report.Synchronous.Message = "writes wait"
	require.ErrorContains(t, verdict(report), "ERR_ENV_004: writes wait")
	report.Overall = v1alpha1.Healthy
	require.NoError(t, verdict(report))
}

func TestResetWantsThePhrase(t *testing.T) {
	for typed, want := range map[string]bool{"yes-delete-all-data\n": true, "yes\n": false, "": false} {
		var out bytes.Buffer
		a := appIn(t, &UI{In: strings.NewReader(typed), Err: &out, Asks: true})
		err := a.confirmReset("")
		require.Equal(t, want, err == nil, typed)
		require.Contains(t, out.String(), "This will DELETE all data volumes (PostgreSQL, etcd, Redis)")
	}
	a := appIn(t, &UI{Yes: true})
	require.Equal(t, problem.ExitValidation, problem.Exit(a.confirmReset("")), "--yes never deletes data")
	require.NoError(t, a.confirmReset(Phrase))
}

func TestConfirm(t *testing.T) {
	var out bytes.Buffer
	require.True(t, (&UI{}).Confirm("?"), "without a terminal nobody can say no")
	require.True(t, (&UI{Asks: true, Yes: true}).Confirm("?"))
	require.False(t, (&UI{Asks: true, In: strings.NewReader("\n"), Err: &out}).Confirm("Continue anyway?"))
	require.True(t, (&UI{Asks: true, In: strings.NewReader("y\n"), Err: &out}).Confirm("Continue anyway?"))
	require.Equal(t, "Continue anyway? [y/N] Continue anyway? [y/N] ", out.String())
}

func TestFormats(t *testing.T) {
	for format, want := range map[string]string{
		JSON: "{\n  \"name\": \"a\",\n  \"address\": \"b\"\n}\n", YAML: "address: b\nname: a\n", Text: "in words",
	} {
		var out bytes.Buffer
		ui := &UI{Out: &out, Format: format}
		require.NoError(t, ui.Show(Address{"a", "b"}, func(w io.Writer) { _, _ = w.Write([]byte("in words")) }))
		require.Equal(t, want, out.String())
	}
}

func TestPhaseTable(t *testing.T) {
	var out bytes.Buffer
	rows(&out, "  ", phaseTable([]progress.Phase{{Name: "preflight", Start: 0, Seconds: 0.1}, {Name: "cluster created", Start: 0.1, Seconds: 14}}, 14.1))
	require.Equal(t, "  Phase            begins   takes\n  preflight          0.0 s    0.1 s\n  cluster created    0.1 s   14.0 s\n  in all                     14.1 s\n", out.String())
}

func TestLeadersGoLast(t *testing.T) {
	pod := func(name, role string) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{naming.LabelRole: role}}}
	}
	pods := []corev1.Pod{pod("patroni-1", naming.RolePrimary), pod("patroni-3", naming.RoleReplica), pod("patroni-2", naming.RoleReplica)}
	leadersLast(pods)
	require.Equal(t, "patroni-2", pods[0].Name)
	require.Equal(t, "patroni-1", pods[2].Name)
}

func TestLogLines(t *testing.T) {
	l := parseLine("etcd-1", "2026-01-02T03:04:05.123456789Z hello there")
	require.Equal(t, "hello there", l.text)
	require.Equal(t, 2026, l.when.Year())
	require.Equal(t, "no time", parseLine("etcd-1", "no time").text)

	var out bytes.Buffer
	a := appIn(t, &UI{Out: &out})
	a.newPrinter([]corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "etcd-1"}}, {ObjectMeta: metav1.ObjectMeta{Name: "patroni-1"}}}).print(l)
	require.Regexp(t, `^\[etcd-1   \] \d\d:04:05\.123 hello there\n$`, out.String())
}

func TestLostSecretsAreNotReplaced(t *testing.T) {
	a := appIn(t, &UI{Quiet: true})
	u := &up{App: a}
	require.NoError(t, u.ensureSecrets())
	data := filepath.Join(a.Config.ClusterData(), "paws360", "data-patroni-1", "pgdata")
	require.NoError(t, os.MkdirAll(data, 0o755))
	require.NoError(t, u.ensureSecrets())
	require.NoError(t, os.Remove(a.Config.SecretsFile()))
	require.ErrorContains(t, u.ensureSecrets(), "ERR_SECRET_002")
}

func TestWipe(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data", "pawskind")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "ns", "data-etcd-1", "member"), 0o755))
	require.True(t, anyData(filepath.Dir(folder)))
	require.NoError(t, wipe(context.Background(), nil, "", folder))
	require.False(t, anyData(filepath.Dir(folder)))
}

// A count of nothing read would look like good news.
func TestLossesAreUnknownWithoutALeader(t *testing.T) {
	tally := drill.Tally{System: drill.Postgres}
	read := drill.JudgedRun{Run: drill.Run{Finals: []drill.Final{{System: drill.Postgres, Authority: true}}}}
	unread := drill.JudgedRun{Run: drill.Run{Finals: []drill.Final{{System: drill.Postgres, Authority: true, Error: "timeout"}}}}
	require.Equal(t, "0", lost(tally, read))
	require.Equal(t, "?", lost(tally, read, unread))
}
