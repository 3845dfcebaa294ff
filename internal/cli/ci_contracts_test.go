package cli

import (
	"testing"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/compare"
)

func TestCIContracts(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	plan := ci.Plan{
		File: ".github/workflows/ci.yml", Name: "ci", Event: "push",
		Jobs: []ci.Job{{
			Key: "unit (1.26)", ID: "unit", Name: "unit (1.26)", Matrix: map[string]any{"go": "1.26"}, Needs: []string{"lint"}, Steps: []string{"Test"},
			Services: []ci.Service{{Name: "postgres", Image: "postgres:17"}},
		}},
		NotReproduced: []ci.Notice{{File: ".github/workflows/ci.yml", Line: 3, What: "permissions", Why: "no token is used"}},
	}
	result := ci.Result{
		ID: "12", File: plan.File, Workflow: "ci", Event: "push", Started: began, Ended: began, Conclusion: ci.Failure, Folder: "/home/me",
		Jobs: []ci.JobResult{{
			Key: "unit (1.26)", ID: "unit", Conclusion: ci.Failure, Steps: []ci.StepResult{{Name: "Test", Outcome: ci.Failure, Conclusion: ci.Failure}},
			Annotations: []ci.Annotation{{Level: "error", File: "a.go", Line: 3, Message: "broken"}},
		}},
	}
	t.Run("event", contract("ci-event", "pawskind ci -o json: one event a line", ci.Event{
		Time: began, Kind: ci.RunEnded, Conclusion: ci.Failure, Plan: &plan, Result: &result, Annotation: &ci.Annotation{Level: "notice", Message: "hello"},
	}))
	t.Run("plan", contract("ci-plan", "pawskind ci --list|--dry-run -o json", plan))
	t.Run("runs", contract("ci-artifacts", "pawskind ci artifacts list|clean -o json", CIRuns{Runs: []CIRun{{ID: "12", Workflow: "ci", Started: &began, Folder: "/home/me"}}}))
	t.Run("compare", contract("ci-compare", "pawskind ci compare -o json", compare.Runs(result, compare.Remote{Jobs: []compare.Job{{Name: "unit (1.26)", Conclusion: ci.Success}}})))
}
