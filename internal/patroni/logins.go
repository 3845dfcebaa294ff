package patroni

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"

	"github.com/paws360/pawskind/internal/naming"
)

// Login is a role of PostgreSQL and the one password that lets it in.
type Login struct {
	Role, Password string
	// As is the role as which it acts, with all its rights; empty for one that
	// acts as itself. A role that acts as another one is made when it is missing.
	As string
}

// ServerLogins are those of the servers themselves: the superuser, and the standbys'.
func ServerLogins(superuser, replication string) []Login {
	return []Login{{Role: Superuser, Password: superuser}, {Role: replicationUser, Password: replication}, {Role: rewindUser, Password: replication}}
}

// Let gives the roles their passwords where they have others. What is already so
// costs a look. Sessions that are there stay.
func (p *Prober) Let(ctx context.Context, namespace, leader string, superuser []string, logins []Login) error {
	return p.administer(ctx, namespace, leader, superuser, func(conn *pgx.Conn) error {
		for _, login := range logins {
			if err := let(ctx, conn, login); err != nil {
				return fmt.Errorf("giving PostgreSQL's role %s its password: %w", login.Role, silent(err))
			}
		}
		return nil
	})
}

// Bar lets a role in no more. One that is not there needs nothing.
func (p *Prober) Bar(ctx context.Context, namespace, leader string, superuser []string, role string) error {
	return p.administer(ctx, namespace, leader, superuser, func(conn *pgx.Conn) error {
		var enters bool
		err := conn.QueryRow(ctx, "SELECT rolcanlogin OR rolpassword IS NOT NULL FROM pg_authid WHERE rolname = $1", role).Scan(&enters)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && !enters {
			return nil
		}
		if err == nil {
			_, err = conn.Exec(ctx, "ALTER ROLE "+name(role)+" NOLOGIN PASSWORD NULL")
		}
		if err != nil {
			return fmt.Errorf("barring PostgreSQL's role %s: %w", role, silent(err))
		}
		return nil
	})
}

// administer does something as the superuser on the leader, by the first of the
// passwords that lets it in.
func (p *Prober) administer(ctx context.Context, namespace, leader string, superuser []string, do func(*pgx.Conn) error) error {
	conn, err := p.connection(ctx, namespace, p.Postgres(namespace, leader), superuser)
	if err != nil {
		return fmt.Errorf("reaching PostgreSQL at %s: %w", leader, silent(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return do(conn)
}

func let(ctx context.Context, conn *pgx.Conn, login Login) error {
	var kept *string
	var enters bool
	err := conn.QueryRow(ctx, "SELECT rolpassword, rolcanlogin FROM pg_authid WHERE rolname = $1", login.Role).Scan(&kept, &enters)
	missing := errors.Is(err, pgx.ErrNoRows)
	switch {
	case missing && login.As == "":
		return errors.New("there is no such role")
	case err != nil && !missing:
		return err
	case enters && kept != nil && opens(*kept, login.Password):
		return nil
	}
	fresh, err := newVerifier(login.Password)
	if err != nil {
		return err
	}
	statements, err := letting(login, missing, fresh)
	if err != nil {
		return err
	}
	// All or nothing, and nothing of it in the log.
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, statement := range append([]string{
			"SET LOCAL log_statement = none", "SET LOCAL log_min_error_statement = panic", "SET LOCAL log_min_duration_statement = -1",
		}, statements...) {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// verifierForm is what may stand between quotes as it is.
var verifierForm = regexp.MustCompile(`^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$`)

// letting are the statements that let a role in, once it is there. PostgreSQL
// takes no parameters in them.
func letting(login Login, missing bool, verifier string) ([]string, error) {
	if !verifierForm.MatchString(verifier) {
		return nil, errors.New("not what PostgreSQL keeps of a password")
	}
	var list []string
	if missing {
		list = append(list, "CREATE ROLE "+name(login.Role))
	}
	if login.As != "" {
		list = append(list,
			"GRANT "+name(login.As)+" TO "+name(login.Role),
			"ALTER ROLE "+name(login.Role)+" SET role TO "+name(login.As))
	}
	return append(list, "ALTER ROLE "+name(login.Role)+" LOGIN PASSWORD '"+verifier+"'"), nil
}

func name(role string) string { return pgx.Identifier{role}.Sanitize() }

// silent is what an error says, without the error itself: that holds the
// settings of the connection.
func silent(err error) error { return errors.New(reason(err)) }

// AppLogin lets the application in as that user.
func AppLogin(user, password string) Login {
	login := Login{Role: user, Password: password}
	if user != naming.DatabaseUser {
		login.As = naming.DatabaseUser
	}
	return login
}
