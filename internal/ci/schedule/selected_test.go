package schedule

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

func TestSelectedIsThePartThatWouldRun(t *testing.T) {
	plan := &ci.Plan{Jobs: []ci.Job{{Key: "a", ID: "a"}, {Key: "b", ID: "b", Needs: []string{"a"}}, {Key: "c", ID: "c"}}}
	selected, err := Selected(plan, Selection{Jobs: []string{"b"}})
	require.NoError(t, err)
	require.Len(t, selected.Jobs, 2)
	require.Len(t, plan.Jobs, 3, "the plan itself is left as it is")
	_, err = Selected(plan, Selection{Jobs: []string{"ghost"}})
	require.Error(t, err)
}
