package attack

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

func tryEtcd(ctx context.Context, cell Cell) (Answer, string) {
	if cell.Credential == InPlaintext {
		return tryHTTP(ctx, cell, "GET", "/version")
	}
	secure, err := config(cell.Credential)
	if err != nil {
		return Unclear, err.Error()
	}
	settings := clientv3.Config{
		Context: ctx, Endpoints: []string{"https://" + cell.Address}, TLS: secure,
		DialTimeout: patience, Logger: zap.NewNop(), MaxUnaryRetries: 1,
	}
	if cell.Credential == WithWrong {
		settings.Username, settings.Password = "root", wrongPassword
	}
	client, err := clientv3.New(settings)
	if err == nil {
		defer func() { _ = client.Close() }()
		_, err = client.Get(ctx, "/", clientv3.WithPrefix(), clientv3.WithLimit(1))
	}
	switch {
	case err == nil:
		return Open, "a key was read"
	case errors.Is(err, rpctypes.ErrUserEmpty), errors.Is(err, rpctypes.ErrAuthFailed),
		errors.Is(err, rpctypes.ErrPermissionDenied), errors.Is(err, rpctypes.ErrInvalidAuthToken):
		return AuthRefused, err.Error()
	case strings.Contains(err.Error(), "tls:"), strings.Contains(err.Error(), "authentication handshake failed"):
		return TLSRefused, err.Error()
	}
	return Unclear, err.Error()
}

func tryPostgres(ctx context.Context, cell Cell) (Answer, string) {
	settings, err := pgx.ParseConfig("postgres://postgres@" + cell.Address + "/postgres?sslmode=disable")
	if err != nil {
		return Unclear, err.Error()
	}
	var secure *tls.Config
	if cell.Credential != InPlaintext {
		if secure, err = config(cell.Credential); err != nil {
			return Unclear, err.Error()
		}
	}
	settings.TLSConfig, settings.Fallbacks, settings.ConnectTimeout = secure, nil, patience
	settings.Password = ""
	if cell.Credential == WithWrong {
		settings.Password = wrongPassword
	}
	connection, err := pgx.ConnectConfig(ctx, settings)
	if err == nil {
		_ = connection.Close(ctx)
		return Open, "logged in"
	}
	return judgePostgres(err)
}

// judgePostgres places PostgreSQL's words. 28000 is a connection that pg_hba has
// no line for, which is so of plaintext; 28P01 is a wrong password, and a client
// without one gives up when it is asked.
func judgePostgres(err error) (Answer, string) {
	said := err.Error()
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer) && answer.Code == "28000" && strings.Contains(answer.Message, "no encryption"):
		return TLSRefused, said
	case errors.As(err, &answer) && (answer.Code == "28P01" || answer.Code == "28000"):
		return AuthRefused, said
	case strings.Contains(said, "tls:"), strings.Contains(said, "unknown certificate authority"),
		// The server may be gone before its alert is read.
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return TLSRefused, said
	}
	return Unclear, said
}

func tryRedis(ctx context.Context, cell Cell) (Answer, string) {
	options := &redis.Options{Addr: cell.Address, Protocol: 2, DialTimeout: patience, ReadTimeout: patience, MaxRetries: -1, DisableIdentity: true}
	if cell.Credential == WithWrong {
		options.Username, options.Password = "paws360", wrongPassword
	}
	if cell.Protocol == RedisTLS && cell.Credential != InPlaintext {
		secure, err := config(cell.Credential)
		if err != nil {
			return Unclear, err.Error()
		}
		options.TLSConfig = secure
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	return judgeRedis(client.Info(ctx).Err())
}

// judgeRedis places Redis' words. A server of TLS hangs up on plain text.
func judgeRedis(err error) (Answer, string) {
	if err == nil {
		return Open, "INFO was answered"
	}
	said := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || strings.Contains(said, "tls:") {
		return TLSRefused, said
	}
	for _, refusal := range []string{"NOAUTH", "WRONGPASS", "NOPERM"} {
		if strings.HasPrefix(said, refusal) {
			return AuthRefused, said
		}
	}
	return Unclear, said
}
