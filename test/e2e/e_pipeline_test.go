package e2e

import (
	"fmt"
	"testing"

	"github.com/paws360/pawskind/internal/ci/services"
	"github.com/paws360/pawskind/internal/ci/services/servicestest"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/redis"
)

// The services of a pipeline's job are the running stack, in a corner of its own
// that nothing is left of.
func TestPipelineServicesAreTheRunningStack(t *testing.T) {
	servicestest.Environment(t, services.Environment{
		Postgres:         fmt.Sprintf("127.0.0.1:%d", postgresPort),
		Redis:            fmt.Sprintf("127.0.0.1:%d", redisPort),
		Superuser:        "postgres",
		PostgresPassword: secret(t, naming.KeyPostgresPassword),
		RedisUser:        redis.UserPipeline,
		RedisPassword:    secret(t, naming.KeyRedisOperator),
	})
}
