package schedule

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

func TestJobThatMayFailHasPassedForItsDependants(t *testing.T) {
	for _, tc := range []struct {
		may       bool
		was, seen ci.Conclusion
	}{{true, ci.Failure, ci.Success}, {false, ci.Failure, ci.Failure}, {true, ci.Cancelled, ci.Cancelled}, {true, ci.Skipped, ci.Skipped}} {
		require.Equal(t, tc.seen, forgiven(ci.JobResult{ContinueOnError: tc.may, Conclusion: tc.was}).Conclusion)
	}
}
