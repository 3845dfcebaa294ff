package attack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// patience is how long one attempt may take: a packet that a policy drops gets
// no answer at all.
const patience = 3 * time.Second

// parallel bounds the attempts under way.
const parallel = 8

// Try makes every attempt for real and says what became of it.
func Try(ctx context.Context, cells []Cell) []Cell {
	done := make([]Cell, len(cells))
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, cell := range cells {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, 2*patience)
			defer cancel()
			cell.Got, cell.Detail = try(ctx, cell)
			done[i] = cell
		})
	}
	wg.Wait()
	return done
}

func try(ctx context.Context, cell Cell) (Answer, string) {
	dialer := net.Dialer{Timeout: patience}
	connection, err := dialer.DialContext(ctx, "tcp", cell.Address)
	if err != nil {
		return noConnection(err)
	}
	_ = connection.Close()
	switch cell.Protocol {
	case Etcd:
		return tryEtcd(ctx, cell)
	case EtcdPeer:
		return tryHTTP(ctx, cell, http.MethodGet, "/members")
	case Postgres:
		return tryPostgres(ctx, cell)
	case Patroni:
		return tryHTTP(ctx, cell, http.MethodPost, "/reload")
	case Redis, RedisTLS:
		return tryRedis(ctx, cell)
	case HTTP:
		cell.Credential = InPlaintext
		return tryHTTP(ctx, cell, http.MethodGet, "/metrics")
	case HTTPS:
		return tryHTTP(ctx, cell, http.MethodGet, "/metrics")
	}
	return Unclear, "no such protocol: " + string(cell.Protocol)
}

// noConnection tells a network that refuses from a name that does not exist,
// which says nothing.
func noConnection(err error) (Answer, string) {
	var unknown *net.DNSError
	if errors.As(err, &unknown) {
		return Unclear, err.Error()
	}
	return NoRoute, err.Error()
}

// wrongPassword is nobody's.
const wrongPassword = "not-the-password"

// config is the caller's side of TLS. The server is not checked: it is the
// caller who is put to the test.
func config(credential Credential) (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // an attacker does not check
	if credential != WithStrangeCA {
		return c, nil
	}
	certificate, err := strange()
	if err != nil {
		return nil, fmt.Errorf("making another environment's certificate: %w", err)
	}
	// It is shown whatever authorities the server names.
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	return c, nil
}

func tryHTTP(ctx context.Context, cell Cell, method, path string) (Answer, string) {
	client, err := config(cell.Credential)
	if err != nil {
		return Unclear, err.Error()
	}
	scheme := "https"
	if cell.Credential == InPlaintext {
		scheme = "http"
	}
	request, err := http.NewRequestWithContext(ctx, method, scheme+"://"+cell.Address+path, nil)
	if err != nil {
		return Unclear, err.Error()
	}
	if cell.Credential == WithWrong {
		request.SetBasicAuth("patroni", wrongPassword)
	}
	transport := &http.Transport{TLSClientConfig: client, DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return refusedEarly(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 200))
	if err != nil {
		return Unclear, err.Error()
	}
	return judgeHTTP(response.StatusCode, string(body))
}

// judgeHTTP places an answer. A server of TLS answers plain HTTP with 400 and
// this sentence (Go's net/http).
func judgeHTTP(code int, body string) (Answer, string) {
	said := fmt.Sprintf("%d %s", code, strings.TrimSpace(body))
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return AuthRefused, said
	case code == http.StatusBadRequest && strings.Contains(body, "HTTP request to an HTTPS server"):
		return TLSRefused, said
	case code < 500:
		return Open, said
	}
	return Unclear, said
}

// refusedEarly is a connection that was made and then ended by the server.
func refusedEarly(ctx context.Context, err error) (Answer, string) {
	if ctx.Err() != nil {
		return Unclear, "no answer in time: " + err.Error()
	}
	return TLSRefused, err.Error()
}
