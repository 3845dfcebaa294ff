package controllers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
)

// A password with the end of a line would be another line of a configuration file.
func TestSecretsThatNoLineCanHoldAreNamed(t *testing.T) {
	data := map[string][]byte{
		naming.KeyRedisPassword:                        []byte("a b\"'\\$(id)é"),
		naming.KeyRedisMonitor:                         []byte("x\nuser default on nopass"),
		naming.KeyDatabasePassword + naming.SuffixNext: []byte("tab\t"),
		"OF_AN_APP": []byte("its own\naffair"),
	}
	require.Equal(t, naming.KeyDatabasePassword+".next, "+naming.KeyRedisMonitor, unfit(data))
	delete(data, naming.KeyRedisMonitor)
	delete(data, naming.KeyDatabasePassword+naming.SuffixNext)
	require.Empty(t, unfit(data))
}
