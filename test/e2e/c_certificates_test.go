package e2e

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// served is the serial number of the certificate that PostgreSQL's leader shows.
func served(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, databaseURL(t))
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	secured, isTLS := conn.PgConn().Conn().(*tls.Conn)
	require.True(t, isTLS)
	return secured.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// New certificates are taken up by members that go on running.
func TestCertificatesAreRenewedWithoutARestart(t *testing.T) {
	healthy(t, 2*time.Minute)
	before, pods := served(t), podIDs(t)
	ok(t, "certs", "renew", "--yes")
	eventually(t, 3*time.Minute, "PostgreSQL shows the new certificate", func() bool { return served(t) != before })
	healthy(t, time.Minute)
	require.Equal(t, pods, podIDs(t))
	ok(t, "switchover", "--yes") // by Patroni's REST API, over etcd, and with replication anew
	healthy(t, time.Minute)
}
