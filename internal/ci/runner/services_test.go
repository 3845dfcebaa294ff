package runner

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci/schedule"
)

// A workflow names the port that it asked for; what it got may be another.
func TestAServicesOtherAddressReachesTheSteps(t *testing.T) {
	l := &leg{
		base: map[string]string{"PATH": "/bin"},
		vars: map[string]string{"DATABASE_URL": "postgres://app@localhost:5432/app", "DB_PORT": "5432", "ELSEWHERE": "example.org:5432"},
		in: schedule.Inputs{Services: map[string]schedule.ServiceAddress{
			"postgres": {Instead: map[string]string{"localhost:5432": "127.0.0.1:40123"}},
		}},
	}
	require.Equal(t, map[string]string{
		"PATH": "/bin", "DATABASE_URL": "postgres://app@127.0.0.1:40123/app", "DB_PORT": "40123", "ELSEWHERE": "example.org:5432",
	}, l.environ(&scope{}, nil))
}
