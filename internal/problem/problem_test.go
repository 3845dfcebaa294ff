package problem

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestForm(t *testing.T) {
	p := New(PortInUse, "Port %d required for PostgreSQL is already in use by nc (pid %d)", 5432, 123).Do("Stop it: kill 123")
	require.Equal(t, "[NETWORK] ERR_NET_001: Port 5432 required for PostgreSQL is already in use by nc (pid 123) | Stop it: kill 123", p.Error())
	require.Equal(t, ExitResource, p.Exit())
}

func TestCauseIsToldAndKept(t *testing.T) {
	cause := errors.New("no\n  such thing")
	p := New(General, "reading").Because(cause)
	require.Equal(t, "[CLI] ERR_CLI_001: reading: no such thing | Run it again with --verbose", p.Error())
	require.ErrorIs(t, p, cause)
}

func TestExit(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"none":         {nil, 0},
		"any":          {errors.New("x"), 1},
		"problem":      {New(ConfigInvalid, "x"), 2},
		"wrapped":      {fmt.Errorf("doing: %w", New(LowDisk, "x")), 3},
		"several":      {Several{New(EnvironmentTimeout, "x"), New(LowDisk, "y")}, 5},
		"interrupted":  {fmt.Errorf("doing: %w", context.Canceled), 130},
		"cancelled in": {New(ClusterNotCreated, "x").Because(context.Canceled), 1},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, Exit(test.err)) })
	}
}

func TestEverythingHasACode(t *testing.T) {
	require.Equal(t, General, Of(errors.New("x"))[0].Code)
	require.Equal(t, Interrupted, Of(context.Canceled)[0].Code)
	require.Equal(t, LowDisk, Of(fmt.Errorf("a: %w", New(LowDisk, "x")))[0].Code)
}

func TestRegistryIsWhole(t *testing.T) {
	for _, code := range Codes() {
		e, _ := code.Entry()
		require.Regexp(t, regexp.MustCompile(`^ERR_[A-Z]+_\d{3}$`), string(code))
		require.NotEmpty(t, e.Component)
		require.NotEmpty(t, e.Meaning, code)
		require.NotEmpty(t, e.Remedy, code)
		require.Contains(t, []int{1, 2, 3, 4, 5, 130}, e.Exit, code)
	}
}
