package drillclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/naming"
)

// The drill's tables. Writes have no key: a repeated one would show.
const postgresSetup = `
DROP TABLE IF EXISTS drill_writes, drill_register, drill_watch, drill_bulk;
CREATE TABLE drill_bulk (content bytea NOT NULL);
CREATE TABLE drill_writes (client text NOT NULL, value bigint NOT NULL);
CREATE INDEX ON drill_writes (client, value);
CREATE TABLE drill_register (id int PRIMARY KEY, value bigint NOT NULL);
INSERT INTO drill_register VALUES (1, 0);
CREATE TABLE drill_watch (member text PRIMARY KEY, n bigint NOT NULL);
INSERT INTO drill_watch SELECT 'patroni-' || i, 0 FROM generate_series(1, 9) i`

const postgresTeardown = `DROP TABLE IF EXISTS drill_writes, drill_register, drill_watch, drill_bulk`

// Routes to PostgreSQL.
const (
	routeURL     = "multi-host URL"
	routeService = "service"
)

// postgresURL is how an app is told to reach PostgreSQL over the route.
func postgresURL(s Settings, secrets Secrets, route string) string {
	hosts := []string{fmt.Sprintf("%s.%s.svc:%d", naming.ServicePatroniLeader, s.Namespace, naming.PortPostgres)}
	if route == routeURL {
		hosts = nil
		for i := int32(1); i <= s.PostgresReplicas; i++ {
			hosts = append(hosts, memberAddress(s.Namespace, i))
		}
	}
	return databaseURL(secrets.DatabaseUser, secrets.Database, strings.Join(hosts, ","),
		"target_session_attrs=read-write&connect_timeout=1&application_name=drill&sslmode="+s.sslMode())
}

func (s Settings) sslMode() string {
	if s.Plain {
		return "disable"
	}
	return "verify-full"
}

// databaseURL is the application's at these hosts, whatever its password is made of.
func databaseURL(user, password, hosts, options string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: hosts, Path: naming.Database, RawQuery: options}
	return u.String()
}

func memberAddress(namespace string, ordinal int32) string {
	return net.JoinHostPort(naming.MemberHost(namespace, naming.Postgres, ordinal), fmt.Sprint(naming.PortPostgres))
}

const connectPatience = 6 * time.Second

// postgresClient keeps a connection and makes a new one after a failure.
type postgresClient struct {
	url, name string
	conn      *pgx.Conn
	server    string
}

// connectError is a failure before anything was sent.
type connectError struct{ error }

func (e connectError) Unwrap() error { return e.error }

func (c *postgresClient) connection(ctx context.Context) (*pgx.Conn, error) {
	if c.conn != nil && !c.conn.IsClosed() {
		return c.conn, nil
	}
	// The hosts are tried one after the other: that takes longer than a statement.
	connecting, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectPatience)
	defer cancel()
	conn, err := pgx.Connect(connecting, c.url)
	if err != nil {
		return nil, connectError{err}
	}
	c.conn = conn
	c.server = conn.PgConn().Conn().RemoteAddr().String()
	return conn, nil
}

func (c *postgresClient) write(ctx context.Context, value int64) (string, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "INSERT INTO drill_writes VALUES ($1, $2)", c.name, value)
	return c.server, c.settle(err)
}

func (c *postgresClient) read(ctx context.Context) (int64, string, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return 0, "", err
	}
	var value int64
	err = conn.QueryRow(ctx, "SELECT coalesce(max(value), 0) FROM drill_writes WHERE client = $1", c.name).Scan(&value)
	return value, c.server, c.settle(err)
}

// settle drops a connection that failed: its server may lead no more.
func (c *postgresClient) settle(err error) error {
	if err != nil {
		c.close()
	}
	return err
}

func (c *postgresClient) close() {
	if c.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
		defer cancel()
		_ = c.conn.Close(ctx)
		c.conn = nil
	}
}

// outcome: what the server refused, and what was never sent, was not done. A
// server that shuts down may have committed what it did not answer.
// Source: PostgreSQL, "Appendix A. PostgreSQL Error Codes".
func (*postgresClient) outcome(err error) drill.Outcome {
	var unsent connectError
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &unsent), pgconn.SafeToRetry(err):
		return drill.Failed
	case !errors.As(err, &refused):
		return drill.Uncertain
	case strings.HasPrefix(refused.Code, "57P"), strings.HasPrefix(refused.Code, "08"):
		return drill.Uncertain
	}
	return drill.Failed
}

// postgresRegister is a register of one row. Its read is an update too: a read
// that writes nothing could be answered by a leader that was just deposed.
type postgresRegister struct{ postgresClient }

func (c *postgresRegister) write(ctx context.Context, value int64) (string, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "UPDATE drill_register SET value = $1 WHERE id = 1", value)
	return c.server, c.settle(err)
}

func (c *postgresRegister) read(ctx context.Context) (int64, string, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return 0, "", err
	}
	var value int64
	err = conn.QueryRow(ctx, "UPDATE drill_register SET value = value WHERE id = 1 RETURNING value").Scan(&value)
	return value, c.server, c.settle(err)
}

// postgresFinal reads all rows of one member.
func postgresFinal(ctx context.Context, s Settings, secrets Secrets, ordinal int32) FinalRows {
	f := FinalRows{Final: drill.Final{System: drill.Postgres, Member: naming.Member(naming.Postgres, ordinal)}}
	address := databaseURL(secrets.DatabaseUser, secrets.Database, memberAddress(s.Namespace, ordinal), "connect_timeout=5&sslmode="+s.sslMode())
	err := func() error {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		if err := conn.QueryRow(ctx, "SELECT NOT pg_is_in_recovery()").Scan(&f.Authority); err != nil {
			return err
		}
		rows, err := conn.Query(ctx, "SELECT client, value, count(*)::int FROM drill_writes GROUP BY client, value")
		if err != nil {
			return err
		}
		f.Rows, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (drill.Row, error) {
			var r drill.Row
			err := row.Scan(&r.Client, &r.Value, &r.Count)
			return r, err
		})
		return err
	}()
	if err != nil {
		f.Error = short(err)
	}
	return f
}
