package services

import (
	"context"
	"maps"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// postgresProxy lets clients into the scratch with the workflow's own user,
// password and database, and without TLS. Other users and databases, which a job
// has made itself, go through as they are.
// Source: PostgreSQL, "Frontend/Backend Protocol", "Start-up".
type postgresProxy struct {
	env     Environment
	want    wanted
	scratch scratch
}

func (p *postgresProxy) serve(ctx context.Context, client net.Conn) {
	backend := pgproto3.NewBackend(client, client)
	for {
		first, err := backend.ReceiveStartupMessage()
		if err != nil {
			return
		}
		switch m := first.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := client.Write([]byte{'N'}); err != nil {
				return
			}
		case *pgproto3.CancelRequest:
			p.cancel(ctx, m)
			return
		case *pgproto3.StartupMessage:
			p.session(ctx, client, backend, m)
			return
		default:
			return
		}
	}
}

// cancel passes a request to cancel on; servers take it without TLS as well.
func (p *postgresProxy) cancel(ctx context.Context, m *pgproto3.CancelRequest) {
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", p.env.Postgres)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if request, err := m.Encode(nil); err == nil {
		_, _ = server.Write(request) // it has no answer
	}
}

func (p *postgresProxy) session(ctx context.Context, client net.Conn, backend *pgproto3.Backend, start *pgproto3.StartupMessage) {
	refuse := func(code, message string) {
		backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: message})
		_ = backend.Flush() // the connection ends in any case
	}
	user, database := start.Parameters["user"], start.Parameters["database"]
	if database == "" {
		database = user
	}
	password, err := p.password(backend, user)
	if err != nil {
		return
	}
	if user == p.want.user {
		if p.want.password != "" && password != p.want.password {
			refuse("28P01", "password authentication failed for user \""+user+"\"")
			return
		}
		user, password = p.scratch.user, p.scratch.password
	}
	if database == p.want.database {
		database = p.scratch.database
	}
	server, err := p.server(ctx, user, password, database, start.Parameters)
	if err != nil {
		refuse("08006", err.Error())
		return
	}
	defer func() { _ = server.Conn.Close() }()
	backend.Send(&pgproto3.AuthenticationOk{})
	for _, name := range slices.Sorted(maps.Keys(server.ParameterStatuses)) {
		backend.Send(&pgproto3.ParameterStatus{Name: name, Value: server.ParameterStatuses[name]})
	}
	backend.Send(&pgproto3.BackendKeyData{ProcessID: server.PID, SecretKey: server.SecretKey})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: server.TxStatus})
	if backend.Flush() != nil {
		return
	}
	// The backend reads ahead no further than what it was given: a client sends
	// nothing before it is told to be ready.
	join(client, server.Conn, server.Conn, func() { _ = server.Conn.Close() })
}

// password asks the client for its password, in clear: this is loopback, and the
// database a scratch. Who is trusted is not asked.
func (p *postgresProxy) password(backend *pgproto3.Backend, user string) (string, error) {
	if user == p.want.user && p.want.password == "" {
		return "", nil
	}
	backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := backend.Flush(); err != nil {
		return "", err
	}
	if err := backend.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return "", err
	}
	answer, err := backend.Receive()
	if err != nil {
		return "", err
	}
	if m, is := answer.(*pgproto3.PasswordMessage); is {
		return m.Password, nil
	}
	return "", nil
}

// server is a connection to the scratch with the client's own settings.
func (p *postgresProxy) server(ctx context.Context, user, password, database string, settings map[string]string) (*pgconn.HijackedConn, error) {
	config, err := configFor(p.env, user, password, database)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams = map[string]string{}
	for name, value := range settings {
		if name != "user" && name != "database" {
			config.RuntimeParams[name] = value
		}
	}
	conn, err := pgconn.ConnectConfig(ctx, &config.Config)
	if err != nil {
		return nil, err
	}
	if err := conn.SyncConn(ctx); err != nil {
		return nil, err
	}
	return conn.Hijack()
}
