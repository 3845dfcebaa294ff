package cache

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

// A result that was kept and read again has no empty map where it had one.
func TestNoOutputsAreAlikeHoweverTheyAreHeld(t *testing.T) {
	told, err := needsPart(map[string]ci.JobResult{"a": {Conclusion: ci.Success, Outputs: map[string]string{}}})
	require.NoError(t, err)
	kept, err := needsPart(map[string]ci.JobResult{"a": {Conclusion: ci.Success}})
	require.NoError(t, err)
	require.Equal(t, told, kept)
}
