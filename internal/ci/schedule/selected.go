package schedule

import (
	"slices"

	"github.com/paws360/pawskind/internal/ci"
)

// Selected is the part of the plan that would be run.
func Selected(plan *ci.Plan, s Selection) (*ci.Plan, error) {
	how, err := modes(plan, s)
	if err != nil {
		return nil, err
	}
	selected := *plan
	selected.Jobs = slices.DeleteFunc(slices.Clone(plan.Jobs), func(j ci.Job) bool {
		_, chosen := how[j.Key]
		return !chosen
	})
	return &selected, nil
}
