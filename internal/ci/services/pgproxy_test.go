package services

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// server is as much of a PostgreSQL as a session's start and one query need. It
// tells who came.
func server(t *testing.T) (address string, came chan map[string]string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	came = make(chan map[string]string, 9)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go session(conn, came)
		}
	}()
	return listener.Addr().String(), came
}

func session(conn net.Conn, came chan map[string]string) {
	defer func() { _ = conn.Close() }()
	b := pgproto3.NewBackend(conn, conn)
	first, err := b.ReceiveStartupMessage()
	if _, tls := first.(*pgproto3.SSLRequest); err == nil && tls {
		_, _ = conn.Write([]byte{'N'})
		first, err = b.ReceiveStartupMessage()
	}
	switch m := first.(type) {
	case *pgproto3.CancelRequest:
		came <- map[string]string{"cancel": string(m.SecretKey)}
		return
	case *pgproto3.StartupMessage:
		who := m.Parameters
		b.Send(&pgproto3.AuthenticationCleartextPassword{})
		if err != nil || b.Flush() != nil || b.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
			return
		}
		answer, err := b.Receive()
		if err != nil {
			return
		}
		who["password"] = answer.(*pgproto3.PasswordMessage).Password
		came <- who
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: "17.2"})
	b.Send(&pgproto3.BackendKeyData{ProcessID: 7, SecretKey: []byte("keys")})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for b.Flush() == nil {
		message, err := b.Receive()
		if err != nil {
			return
		}
		if _, query := message.(*pgproto3.Query); query {
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 0")})
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		}
	}
}

func TestPostgresProxy(t *testing.T) {
	address, came := server(t)
	proxy := &postgresProxy{
		env:     Environment{Postgres: address},
		want:    wanted{"postgres", "postgres", "test"},
		scratch: scratch{user: "ci_1", password: "secret", database: "ci_2"},
	}
	f, err := forward(0, proxy.serve)
	require.NoError(t, err)
	defer f.close()
	dial := func(user, password, database, mode string) (*pgx.Conn, error) {
		config, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d sslmode=%s application_name=psql default_query_exec_mode=simple_protocol", f.port(), mode))
		require.NoError(t, err)
		config.User, config.Password, config.Database = user, password, database
		return pgx.ConnectConfig(t.Context(), config)
	}
	for _, mode := range []string{"disable", "prefer"} {
		conn, err := dial("postgres", "postgres", "test", mode)
		require.NoError(t, err)
		who := <-came
		require.Equal(t, "ci_1", who["user"])
		require.Equal(t, "secret", who["password"])
		require.Equal(t, "ci_2", who["database"])
		require.Equal(t, "psql", who["application_name"], "the client's own settings go through")
		require.Equal(t, "17.2", conn.PgConn().ParameterStatus("server_version"))
		_, err = conn.Exec(t.Context(), "SELECT 1")
		require.NoError(t, err)
		require.NoError(t, conn.PgConn().CancelRequest(t.Context()))
		require.Equal(t, map[string]string{"cancel": "keys"}, <-came)
		require.NoError(t, conn.Close(context.WithoutCancel(t.Context())))
	}
	_, err = dial("postgres", "wrong", "test", "disable")
	require.ErrorContains(t, err, "28P01")
	conn, err := dial("another", "own", "second", "disable")
	require.NoError(t, err)
	require.NoError(t, conn.Close(context.WithoutCancel(t.Context())))
	who := <-came
	require.Equal(t, []string{"another", "own", "second"}, []string{who["user"], who["password"], who["database"]}, "what a job made itself goes through")
}
