package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TC-031: what was refused is refused also once another member leads.
func TestNobodyGetsInAfterAFailover(t *testing.T) {
	healthy(t, 2*time.Minute)
	leader := leaderNow(t)
	ok(t, "switchover", "--yes")
	require.NotEqual(t, leader, leaderNow(t))
	healthy(t, time.Minute)
	nobodyGetsIn(t)
}
