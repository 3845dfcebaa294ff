package services

import (
	"context"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/patroni"
	"github.com/paws360/pawskind/internal/pki"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
	cache "github.com/paws360/pawskind/internal/redis"
	"github.com/paws360/pawskind/internal/secrets"
)

// Of gives the services of a project's environment, or containers.
func Of(config *project.Config, from string) *Provider {
	return &Provider{
		From:        from,
		Environment: func(ctx context.Context) (Environment, error) { return environmentOf(ctx, config) },
		Engine: func(ctx context.Context) (*engine.Engine, error) {
			e, err := engine.Detect(ctx, config.Provider)
			if err != nil {
				return nil, problem.New(problem.EngineMissing, "services need a container engine").Because(err)
			}
			return e, nil
		},
	}
}

// Configured tells how the project's databases are configured: what a job's
// result may depend on.
func Configured(config *project.Config) string {
	spec := ""
	if config.Environment != "" {
		content, _ := os.ReadFile(config.Environment) // what cannot be read does not start either
		spec = string(content)
	}
	return config.Profile + "\n" + spec
}

// environmentOf reads the passwords and sees whether the published ports answer
// at all: the environment may be stopped.
func environmentOf(ctx context.Context, config *project.Config) (Environment, error) {
	values, err := secrets.Read(config.SecretsFile())
	if err != nil {
		return Environment{}, err
	}
	host := config.Bind
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = loopback
	}
	env := Environment{
		Postgres:  net.JoinHostPort(host, strconv.Itoa(config.Ports.Postgres)),
		Redis:     net.JoinHostPort(host, strconv.Itoa(config.Ports.Redis)),
		Superuser: patroni.Superuser, PostgresPassword: values[naming.KeyPostgresPassword],
		RedisUser: cache.UserPipeline, RedisPassword: values[naming.KeyRedisOperator],
	}
	spec, err := install.Environment(config)
	if err != nil {
		return Environment{}, err
	}
	if spec.Spec.Redis.TLS {
		env.RedisTLS = pki.TrustFile(host, config.CAFile())
	}
	down := problem.New(problem.ServicesDown, "a job uses services, and the environment does not run")
	if env.PostgresPassword == "" || env.RedisPassword == "" {
		return env, down
	}
	dialer := net.Dialer{Timeout: 3 * time.Second}
	for _, address := range []string{env.Postgres, env.Redis} {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return env, down.Because(err)
		}
		_ = conn.Close()
	}
	return env, nil
}
