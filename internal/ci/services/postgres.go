package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/problem"
)

const portPostgres = 5432

// madeHere marks roles and databases that are ours to drop.
const madeHere = "scratch of pawskind ci"

// wanted is what a workflow asks of its PostgreSQL, with the image's defaults.
type wanted struct{ user, password, database string }

func wantedOf(env map[string]string) wanted {
	w := wanted{user: env["POSTGRES_USER"], password: env["POSTGRES_PASSWORD"], database: env["POSTGRES_DB"]}
	if w.user == "" {
		w.user = "postgres"
	}
	if w.database == "" {
		w.database = w.user
	}
	return w
}

// postgres makes a scratch database in the environment and opens its ports.
func (p *Provider) postgres(ctx context.Context, s ci.Service, env Environment, log io.Writer, undo *stack) (schedule.ServiceAddress, string, error) {
	fail := func(err error) (schedule.ServiceAddress, string, error) {
		return schedule.ServiceAddress{}, "", problem.New(problem.ServiceUnavailable, "the service %s cannot use the environment's PostgreSQL at %s", s.Name, env.Postgres).
			Because(err).Do("See pawskind health, or use --services container")
	}
	ports, err := mappings(s)
	if err != nil {
		return schedule.ServiceAddress{}, "", err
	}
	admin, err := p.administer(ctx, env)
	if err != nil {
		return fail(err)
	}
	undo.add(func() {
		ctx, cancel := cleaning()
		defer cancel()
		_ = admin.Close(ctx)
	})
	want := wantedOf(s.Env)
	scratch, err := makeScratch(ctx, admin, want)
	undo.add(func() {
		if err := scratch.drop(env); err != nil {
			_, _ = fmt.Fprintf(log, "The scratch database %s of %s is left over: %v\n", scratch.database, s.Name, err)
		}
	})
	if err != nil {
		return fail(err)
	}
	proxy := &postgresProxy{env: env, want: want, scratch: scratch}
	address, err := open(ports, portPostgres, proxy.serve, undo)
	if err != nil {
		return fail(err)
	}
	address.Env = map[string]string{
		"PGHOST": loopback, "PGPORT": strconv.Itoa(first(address, portPostgres)),
		"PGUSER": want.user, "PGPASSWORD": want.password, "PGDATABASE": want.database,
	}
	version := admin.PgConn().ParameterStatus("server_version")
	if asked := majorOf(s.Image); asked != "" && !strings.HasPrefix(version, asked+".") {
		_, _ = fmt.Fprintf(log, "Service %s asks for PostgreSQL %s; the environment's is %s\n", s.Name, asked, version)
	}
	return address, fmt.Sprintf("database %s in the environment's PostgreSQL %s", scratch.database, version), nil
}

// majorOf is the major version in an image's tag, if there is one.
func majorOf(image string) string {
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	end := strings.IndexFunc(tag, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(tag)
	}
	return tag[:end]
}

// administer connects as superuser, waiting for a server that is not ready yet.
func (p *Provider) administer(ctx context.Context, env Environment) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.ready())
	defer cancel()
	for {
		conn, err := connect(ctx, env, env.Superuser, env.PostgresPassword, "postgres")
		var refused *pgconn.PgError
		if err == nil || (errors.As(err, &refused) && strings.HasPrefix(refused.Code, "28")) { // a wrong password stays wrong
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// connect prefers TLS as the server demands it, and does without where it has none.
func connect(ctx context.Context, env Environment, user, password, database string) (*pgx.Conn, error) {
	config, err := configFor(env, user, password, database)
	if err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, config)
}

func configFor(env Environment, user, password, database string) (*pgx.ConnConfig, error) {
	host, port, err := net.SplitHostPort(env.Postgres)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	// Everything that the user's own PG variables could say is set here. Prefer
	// is TLS, then without: the port is a forwarded one on this very host.
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d sslmode=prefer connect_timeout=5 application_name=pawskind-ci", host, number))
	if err != nil {
		return nil, err
	}
	config.User, config.Password, config.Database = user, password, database
	config.RuntimeParams["standard_conforming_strings"] = "on" // literal relies on it
	return config, nil
}

// scratch is a role and a database of a job's own.
type scratch struct {
	user, password, database string
	ownRole, ownDatabase     bool
}

// makeScratch makes the role and the database under the workflow's own names
// where these are free, so that also a direct connection to the environment
// works, and under names of its own where they are somebody else's. An advisory
// lock, held by the connection, keeps the names for this job.
func makeScratch(ctx context.Context, admin *pgx.Conn, want wanted) (scratch, error) {
	s := scratch{user: want.user, password: want.password, database: want.database}
	suffix := fmt.Sprintf("%d_%d", os.Getpid(), time.Now().UnixNano())
	free := false
	err := admin.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtext($1), hashtext($2))", madeHere, want.user+"/"+want.database).Scan(&free)
	if err != nil {
		return s, fmt.Errorf("reserving the names: %w", err)
	}
	role, err := owner(ctx, admin, "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1", want.user)
	if err != nil {
		return s, err
	}
	if !free || role == others || s.user == "" {
		s.user = "ci_" + suffix
		role = nobodys
	}
	database, err := owner(ctx, admin, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", want.database)
	if err != nil {
		return s, err
	}
	if !free || database == others {
		s.database = "ci_" + suffix
		database = nobodys
	}
	if s.password == "" { // trusted in the container; the server here wants one
		s.password = suffix
	}
	return s, s.make(ctx, admin, role, database)
}

// belongs says whose a name is.
type belongs int

const (
	nobodys belongs = iota
	ours            // left over by a run that was killed
	others
)

func owner(ctx context.Context, admin *pgx.Conn, query, name string) (belongs, error) {
	var comment *string
	err := admin.QueryRow(ctx, query, name).Scan(&comment)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nobodys, nil
	case err != nil:
		return others, fmt.Errorf("looking for %s: %w", name, err)
	case comment != nil && *comment == madeHere:
		return ours, nil
	}
	return others, nil
}

func (s *scratch) make(ctx context.Context, admin *pgx.Conn, role, database belongs) error {
	for _, statement := range s.statements(role, database) {
		if _, err := admin.Exec(ctx, statement.sql); err != nil {
			return fmt.Errorf("%s...: %w", statement.what, err) // the rest may be the password
		}
		s.ownRole = s.ownRole || statement.what == makeRole
		s.ownDatabase = s.ownDatabase || statement.what == makeDatabase
	}
	return nil
}

// statement is one of SQL, and what it does.
type statement struct{ what, sql string }

// What statements do.
const (
	makeRole     = "making the role"
	makeDatabase = "making the database"
)

// statements make the role and the database, instead of those that are left over.
func (s *scratch) statements(role, database belongs) []statement {
	user, name := pgx.Identifier{s.user}.Sanitize(), pgx.Identifier{s.database}.Sanitize()
	var list []statement
	if database == ours {
		list = append(list, statement{"dropping the database", "DROP DATABASE " + name + " WITH (FORCE)"})
	}
	verb := "CREATE"
	if role == ours {
		verb = "ALTER"
	}
	return append(list,
		statement{makeRole, verb + " ROLE " + user + " LOGIN CREATEDB NOSUPERUSER PASSWORD " + literal(s.password)},
		statement{"marking the role", "COMMENT ON ROLE " + user + " IS " + literal(madeHere)},
		statement{makeDatabase, "CREATE DATABASE " + name + " OWNER " + user},
		statement{"marking the database", "COMMENT ON DATABASE " + name + " IS " + literal(madeHere)},
	)
}

// literal quotes a text for statements that take no parameters. A backslash is
// only special where standard_conforming_strings is off, and in E'...'.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// drop takes away what was made, and whatever databases the role made itself.
func (s *scratch) drop(env Environment) error {
	if !s.ownRole {
		return nil
	}
	ctx, cancel := cleaning()
	defer cancel()
	admin, err := connect(ctx, env, env.Superuser, env.PostgresPassword, "postgres")
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close(ctx) }()
	rows, err := admin.Query(ctx, "SELECT datname FROM pg_database WHERE datdba = (SELECT oid FROM pg_roles WHERE rolname = $1)", s.user)
	if err != nil {
		return err
	}
	databases, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range databases {
		_, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		failed = append(failed, err)
	}
	_, err = admin.Exec(ctx, "DROP ROLE IF EXISTS "+pgx.Identifier{s.user}.Sanitize())
	return errors.Join(append(failed, err)...)
}
