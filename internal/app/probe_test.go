package app

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// serve gives the app that the handler is, and a target that leads to it.
func serve(t *testing.T, handler http.HandlerFunc) (v1alpha1.AppSpec, Target) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	number, err := strconv.ParseInt(port, 10, 32)
	require.NoError(t, err)
	app := v1alpha1.AppSpec{Name: "backend", Port: int32(number), Health: v1alpha1.AppHealthSpec{Path: "/health"}}
	return app, Target{Pod: "backend-x", IP: host, Ready: true}
}

func TestProbeReadsWhatTheAppSays(t *testing.T) {
	for name, c := range map[string]struct {
		code         int
		body         string
		status       string
		dependencies map[string]string
	}{
		"Spring Boot": {
			200, `{"status":"UP","components":{"db":{"status":"UP","details":{"database":"PostgreSQL"}},"redis":{"status":"UP"}}}`,
			"UP", map[string]string{"db": "UP", "redis": "UP"},
		},
		"NFR-OBS-004": {
			503, `{"status":"DOWN","dependencies":{"database":{"status":"DOWN"}}}`,
			"DOWN", map[string]string{"database": "DOWN"},
		},
		"no JSON": {200, "ok", "", nil},
		"nothing": {204, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			app, target := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/health" {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.WriteHeader(c.code)
				_, _ = w.Write([]byte(c.body))
			})
			facts := NewProber().Probe(t.Context(), app, []Target{target}, time.Minute)
			require.Len(t, facts, 1)
			require.Positive(t, facts[0].Duration)
			facts[0].Duration = 0
			require.Equal(t, PodFacts{
				Pod: "backend-x", Ready: true, Code: c.code, Status: c.status, Dependencies: c.dependencies,
			}, facts[0])
		})
	}
}

func TestOnePodsFailureHidesNoOther(t *testing.T) {
	app, target := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"UP"}`)) })
	facts := NewProber().Probe(t.Context(), app, []Target{
		{Pod: "waiting", IP: "127.0.0.1", Waiting: "CrashLoopBackOff"},
		{Pod: "no-address"},
		{Pod: "elsewhere", IP: "127.0.0.2"},
		target,
	}, time.Minute)
	require.Equal(t, "container not running", facts[0].Err)
	require.Equal(t, "CrashLoopBackOff", facts[0].Waiting)
	require.Equal(t, "container not running", facts[1].Err)
	require.Contains(t, facts[2].Err, "connection refused")
	require.Equal(t, 200, facts[3].Code)
}

func TestAPodThatHangsIsGivenUp(t *testing.T) {
	app, target := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	facts := NewProber().Probe(t.Context(), app, []Target{target}, 50*time.Millisecond)
	require.Equal(t, "does not answer", facts[0].Err)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	facts = NewProber().Probe(canceled, app, []Target{target}, time.Minute)
	require.Equal(t, "context canceled", facts[0].Err)
}
