package pki

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAClientGoesOnThroughAChangeOfTheCA(t *testing.T) {
	w := newWorld(t)
	w.now = time.Now()
	w.plan()
	shown := w.issued[Etcd]
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		pair, err := tls.X509KeyPair(shown.Certificate, shown.Key)
		return &tls.Config{Certificates: []tls.Certificate{pair}}, err
	}}
	server.StartTLS()
	defer server.Close()
	trusted := w.issued[EtcdPeer]
	read := func() (Issued, error) { return trusted, nil }
	ask := func(config *tls.Config) error {
		connection, err := tls.Dial("tcp", server.Listener.Addr().String(), config)
		if err == nil {
			_ = connection.Close()
		}
		return err
	}
	client := ClientConfig("etcd-1.etcd.paws.svc", read)
	require.NoError(t, ask(client))
	require.NoError(t, ask(ClientConfig("127.0.0.1", read)))
	require.ErrorContains(t, ask(ClientConfig("redis", read)), "not redis")
	require.ErrorContains(t, ask(ClientConfig("", read)), "no name")

	other := newWorld(t)
	other.now = w.now
	other.plan()
	shown = other.issued[Etcd]
	require.ErrorContains(t, ask(client), "unknown authority")
	trusted = other.issued[EtcdPeer]
	require.NoError(t, ask(client))
}
