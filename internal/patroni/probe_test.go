package patroni_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/patroni"
)

// members serve what three real members answered, and let a test change it.
type members struct {
	answer func(member, path string) (string, int)
	bodies chan string
}

func recorded(t *testing.T, member string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "rest", member+".json"))
	require.NoError(t, err)
	return string(data)
}

func (m *members) prober(t *testing.T) *patroni.Prober {
	t.Helper()
	urls := map[string]string{}
	for _, name := range []string{"patroni-1", "patroni-2", "patroni-3"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && m.bodies != nil {
				user, password, _ := r.BasicAuth()
				body, _ := io.ReadAll(r.Body)
				m.bodies <- r.Method + " " + name + r.URL.Path + " " + user + ":" + password + " " + string(body)
			}
			text, status := m.answer(name, r.URL.Path)
			if status == 0 {
				<-r.Context().Done()
				return
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}))
		t.Cleanup(server.Close)
		urls[name] = server.URL
	}
	p := patroni.NewProber()
	p.URL = func(_, member string) string { return urls[member] }
	return p
}

// Patroni hangs up after each answer.
func TestLooksGoOnWithTheSessionOfTheLast(t *testing.T) {
	resumed := make(chan bool, 2)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resumed <- r.TLS.DidResume
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, recorded(t, "patroni-1"))
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	p := patroni.NewProber()
	p.URL = func(_, _ string) string { return server.URL }
	p.Use("paws", patroni.Access{TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}})
	for _, want := range []bool{false, true} {
		require.Empty(t, p.Probe(t.Context(), "paws", 1, nil, 5*time.Second).Members[0].Err)
		require.Equal(t, want, <-resumed)
	}
}

func TestProbeReadsEveryMember(t *testing.T) {
	m := &members{answer: func(member, _ string) (string, int) { return recorded(t, member), 200 }}
	facts := m.prober(t).Probe(t.Context(), "paws", 3, nil, 5*time.Second)

	leaders := facts.Leaders()
	require.Len(t, leaders, 1)
	require.Equal(t, "patroni-2", leaders[0].Name)
	require.Equal(t, int64(85099792), leaders[0].Location)
	require.Equal(t, int64(3), leaders[0].Timeline)
	require.Equal(t, 170012, leaders[0].ServerVersion)
	require.Equal(t, []patroni.Standby{
		{Name: "patroni-1", State: "streaming", SyncState: "quorum"},
		{Name: "patroni-3", State: "streaming", SyncState: "quorum"},
	}, leaders[0].Standbys)

	replica, ok := facts.Member("patroni-3")
	require.True(t, ok)
	require.Equal(t, "replica", replica.Role)
	require.Equal(t, "streaming", replica.ReplicationState)
	require.Equal(t, int64(85099792), replica.Location)
	require.Zero(t, *replica.LagSeconds)
}

func TestOneMembersFailureHidesNoOther(t *testing.T) {
	m := &members{answer: func(member, _ string) (string, int) {
		switch member {
		case "patroni-1":
			return "", 0 // never answers
		case "patroni-3":
			return "<html>", 502
		}
		return recorded(t, member), 200
	}}
	started := time.Now()
	facts := m.prober(t).Probe(t.Context(), "paws", 3, nil, 300*time.Millisecond)
	require.Less(t, time.Since(started), 2*time.Second)
	require.Equal(t, "does not answer", facts.Members[0].Err)
	require.Empty(t, facts.Members[1].Err)
	require.Contains(t, facts.Members[2].Err, "no JSON")
}

// As when Patroni restarts its API to take up a new certificate.
func TestWhoIsTurnedAwayAsksOnceMore(t *testing.T) {
	var asked atomic.Int32
	m := &members{answer: func(member, _ string) (string, int) {
		if member == "patroni-1" && asked.Add(1) == 1 {
			panic(http.ErrAbortHandler) // the connection is closed without a word
		}
		return recorded(t, member), 200
	}}
	facts := m.prober(t).Probe(t.Context(), "paws", 3, nil, 5*time.Second)
	require.Len(t, facts.Leaders(), 1)
	require.EqualValues(t, 2, asked.Load())
}

func TestALeaderWhosePostgresCannotBeAskedIsTold(t *testing.T) {
	m := &members{answer: func(member, _ string) (string, int) { return recorded(t, member), 200 }}
	p := m.prober(t)
	p.Postgres = func(_, _ string) string { return "127.0.0.1:1" }
	facts := p.Probe(t.Context(), "paws", 3, []string{"password"}, 5*time.Second)
	require.Contains(t, facts.Leaders()[0].SQLErr, "refuses connections")
}

func TestLagGrowsWhileAReplicaStandsStill(t *testing.T) {
	var location atomic.Int64
	location.Store(85099792)
	m := &members{answer: func(member, _ string) (string, int) {
		text := recorded(t, member)
		if member == "patroni-2" {
			answer := map[string]any{}
			require.NoError(t, json.Unmarshal([]byte(text), &answer))
			answer["xlog"] = map[string]any{"location": location.Load()}
			changed, err := json.Marshal(answer)
			require.NoError(t, err)
			text = string(changed)
		}
		return text, 200
	}}
	p := m.prober(t)
	now := time.Now()
	patroni.SetClock(p, func() time.Time { return now })
	lag := func() float64 {
		facts := p.Probe(t.Context(), "paws", 3, nil, 5*time.Second)
		replica, _ := facts.Member("patroni-3")
		return *replica.LagSeconds
	}
	require.Zero(t, lag(), "an idle cluster")
	now = now.Add(time.Hour)
	location.Add(1000)
	require.Zero(t, lag(), "a write that the replica may be replaying right now")
	now = now.Add(6 * time.Second)
	location.Add(1000)
	require.InDelta(t, 6, lag(), 0.01, "the write of six seconds ago is still not replayed")
}

// A frozen standby streams by the leader's word, and clients that give up and come
// again wait a moment each: only what it has written tells.
func TestAStandbyThatWritesNothingIsSilent(t *testing.T) {
	p := patroni.NewProber()
	start := time.Unix(1_800_000_000, 0)
	silent := func(after time.Duration, leader, flushed int64) bool {
		facts := healthy()
		facts.Time = start.Add(after)
		facts.Members[0].Location = leader
		facts.Members[0].Standbys[0].Flushed = flushed
		patroni.AddLag(p, "paws", facts)
		return facts.Members[0].Standbys[0].Silent()
	}
	require.False(t, silent(0, 1000, 1000), "an idle cluster")
	require.False(t, silent(time.Hour, 2000, 1000), "it may be writing it right now")
	require.True(t, silent(time.Hour+3*time.Second, 2500, 1000), "what it was sent three seconds ago is not written")
	require.False(t, silent(time.Hour+5*time.Second, 3000, 3000), "it has written all")
}

func TestVerbs(t *testing.T) {
	m := &members{
		bodies: make(chan string, 1),
		answer: func(_, path string) (string, int) {
			if path == "/config" {
				return recorded(t, "config"), 200
			}
			return "done", 200
		},
	}
	p := m.prober(t)
	ctx := t.Context()
	require.NoError(t, p.Switchover(ctx, "paws", "patroni-2", "patroni-1", []string{"pw"}))
	require.Equal(t, `POST patroni-2/switchover patroni:pw {"candidate":"patroni-1","leader":"patroni-2"}`, <-m.bodies)
	require.NoError(t, p.Restart(ctx, "paws", "patroni-1", []string{"pw"}))
	require.Equal(t, `POST patroni-1/restart patroni:pw {"restart_pending":true}`, <-m.bodies)
	require.NoError(t, p.Reinitialize(ctx, "paws", "patroni-1", []string{"pw"}))
	require.Equal(t, `POST patroni-1/reinitialize patroni:pw {"force":true}`, <-m.bodies)
	require.NoError(t, p.Wake(ctx, "paws", "patroni-1", []string{"pw"}))
	require.Equal(t, `PATCH patroni-1/config patroni:pw {"wake":null}`, <-m.bodies)

	have, err := p.Configuration(ctx, "paws", "patroni-1")
	require.NoError(t, err)
	require.Nil(t, patroni.Drift(patroni.DynamicConfig(environment(nil)), have), "what a real cluster answers is no drift")
}

func TestARefusalTellsPatronisWords(t *testing.T) {
	m := &members{bodies: make(chan string, 1), answer: func(_, _ string) (string, int) { return "switchover is not possible", 412 }}
	err := m.prober(t).Switchover(t.Context(), "paws", "patroni-2", "", []string{"pw"})
	require.ErrorContains(t, err, "switchover is not possible")
	require.NotContains(t, err.Error(), "pw")
	require.Len(t, m.bodies, 1, "times that it was asked")
}

func TestALeaderThatReachesNoReplicaIsAskedAgain(t *testing.T) {
	answers := []struct {
		words  string
		status int
	}{{"switchover is not possible: no good candidates have been found", 412}, {"Switchover failed", 503}, {"Successfully switched over", 200}}
	asked := 0
	m := &members{bodies: make(chan string, len(answers)), answer: func(_, _ string) (string, int) {
		now := answers[asked]
		asked++
		return now.words, now.status
	}}
	require.NoError(t, patroni.WithoutPause(m.prober(t)).Switchover(t.Context(), "paws", "patroni-2", "", []string{"pw"}))
	require.Equal(t, len(answers), asked)
}

func TestALeaderThatNeverReachesAReplicaSaysSo(t *testing.T) {
	m := &members{bodies: make(chan string, 3), answer: func(_, _ string) (string, int) { return "Switchover failed", 503 }}
	err := patroni.WithoutPause(m.prober(t)).Switchover(t.Context(), "paws", "patroni-2", "", []string{"pw"})
	require.ErrorContains(t, err, "Switchover failed")
	require.Len(t, m.bodies, 3, "times that it was asked")
}
