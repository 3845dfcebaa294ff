package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the matrix in docs/security.md")

const (
	document = "../../docs/security.md"
	begin    = "<!-- attack matrix -->\n"
	end      = "<!-- end of the attack matrix -->\n"
)

func TestTheDocumentShowsTheMatrix(t *testing.T) {
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(content), begin)
	require.True(t, found)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found)
	redis, sentinel := redisServices(true)
	want := before + begin + "\n" + Table(Services(false)) + "\nWith `spec.redis.tls`:\n\n" + Table([]Service{redis, sentinel}) + "\n" + end + after
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(content), "run go test ./internal/attack -update")
}

// Without the network's help every port but the public ones still refuses.
func TestNothingButTheAppsAndMetricsIsOpen(t *testing.T) {
	open := map[string]bool{}
	for _, c := range append(Cells(false), Cells(true)...) {
		require.NotEqual(t, Unclear, c.Want)
		if c.Want == Open {
			open[c.Service] = true
		}
	}
	require.Equal(t, map[string]bool{"etcd": true, "backend": true, "frontend": true}, open)
	for _, s := range append(Services(false), Services(true)...) {
		require.NotEmpty(t, s.Answers, s.Name)
		for credential, answer := range s.Answers {
			if s.Protocol != HTTP {
				require.NotEqual(t, Open, answer, "%s %d %s", s.Name, s.Port, credential)
			}
		}
	}
}

func TestEveryCallerTriesEveryPort(t *testing.T) {
	for _, caller := range Callers() {
		if caller == FromHost {
			continue
		}
		ports := map[int32]bool{}
		for _, c := range Of(Cells(false), caller) {
			ports[c.Port] = true
		}
		require.Len(t, ports, len(Services(false)), caller)
	}
}

func attempt(t *testing.T, address string, protocol Protocol, credential Credential) Answer {
	t.Helper()
	got, detail := try(t.Context(), Cell{Address: address, Protocol: protocol, Credential: credential})
	t.Log(detail)
	return got
}

func TestAClosedPortHasNoRoute(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	for _, protocol := range []Protocol{Etcd, EtcdPeer, Postgres, Patroni, Redis, HTTP, HTTPS} {
		require.Equal(t, NoRoute, attempt(t, address, protocol, WithNothing))
	}
}

// A misspelt name must not pass for a network that refuses.
func TestAnUnknownNameIsUnclear(t *testing.T) {
	got, _ := noConnection(&net.OpError{Err: &net.DNSError{Err: "no such host"}})
	require.Equal(t, Unclear, got)
}

func TestAnswersOverHTTP(t *testing.T) {
	password := "right"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, given, _ := r.BasicAuth(); given != password {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	server.Config.ErrorLog = nil
	address := strings.TrimPrefix(server.URL, "https://")
	require.Equal(t, AuthRefused, attempt(t, address, Patroni, WithNothing))
	require.Equal(t, AuthRefused, attempt(t, address, Patroni, WithWrong))
	require.Equal(t, TLSRefused, attempt(t, address, Patroni, InPlaintext))
	password = ""
	require.Equal(t, Open, attempt(t, address, Patroni, WithNothing), "a door that is open is seen")
}

func TestAServerThatAsksForACertificateRefuses(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	client, err := config(WithNothing)
	require.NoError(t, err)
	client.ClientAuth = tls.RequireAndVerifyClientCert
	client.GetClientCertificate = nil
	server.TLS = client
	server.StartTLS()
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "https://")
	for _, credential := range []Credential{WithNothing, InPlaintext, WithStrangeCA} {
		require.Equal(t, TLSRefused, attempt(t, address, EtcdPeer, credential), credential)
	}
}

func TestTheDatabasesWords(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Answer
	}{
		{&pgconn.PgError{Code: "28000", Message: `no pg_hba.conf entry for host "1", user "postgres", database "postgres", no encryption`}, TLSRefused},
		{&pgconn.PgError{Code: "28P01", Message: "password authentication failed"}, AuthRefused},
		{errors.New("remote error: tls: unknown certificate authority"), TLSRefused},
		{fmt.Errorf("failed to write startup message: %w", syscall.ECONNRESET), TLSRefused},
		{&pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}, Unclear},
	} {
		got, _ := judgePostgres(c.err)
		require.Equal(t, c.want, got, c.err)
	}
	for said, want := range map[string]Answer{
		"NOAUTH Authentication required.":     AuthRefused,
		"WRONGPASS invalid username-password": AuthRefused,
		"LOADING Redis is loading":            Unclear,
	} {
		got, _ := judgeRedis(errors.New(said))
		require.Equal(t, want, got)
	}
	got, _ := judgeRedis(io.EOF)
	require.Equal(t, TLSRefused, got, "a server of TLS hangs up on plain text")
	got, _ = judgeRedis(nil)
	require.Equal(t, Open, got)
}

func TestRunAnswersInJSON(t *testing.T) {
	cells, err := json.Marshal([]Cell{{Service: "x", Protocol: HTTP, Address: "127.0.0.1:1", Credential: WithNothing, Want: NoRoute}})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, Run(context.Background(), string(cells), &out))
	var got []Cell
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.False(t, got[0].Failed(), got[0].Detail)
	require.Error(t, Run(context.Background(), "{", &out))
}
