package workflow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

const file = ".github/workflows/ci.yml"

// repository has that workflow and other files.
func repository(t *testing.T, yaml string, others map[string]string) string {
	t.Helper()
	repo := t.TempDir()
	all := map[string]string{file: yaml}
	for name, content := range others {
		all[name] = content
	}
	for name, content := range all {
		path := filepath.Join(repo, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return repo
}

func read(t *testing.T, yaml string, others map[string]string) *ci.Plan {
	t.Helper()
	plan, err := workflow.Read(repository(t, yaml, others), file, "", nil)
	require.NoError(t, err)
	return plan
}

func keys(plan *ci.Plan) []string {
	var list []string
	for _, job := range plan.Jobs {
		list = append(list, job.Key)
	}
	return list
}

const step = "runs-on: ubuntu-latest, steps: [{run: 'true'}]"

func TestFindListsTheWorkflows(t *testing.T) {
	repo := repository(t, "", map[string]string{".github/workflows/b.yaml": "", ".github/workflows/notes.md": "", ".github/workflows/deep/c.yml": ""})
	files, err := workflow.Find(repo)
	require.NoError(t, err)
	require.Equal(t, []string{".github/workflows/b.yaml", file}, files)
}

func TestAPlanHasWhatTheFileSays(t *testing.T) {
	plan := read(t, `name: My checks
on: [pull_request, push]
jobs:
  late:
    needs: [early]
    name: Late ${{ github.event_name }}
    runs-on: [self-hosted, linux]
    timeout-minutes: 1.5
    continue-on-error: true
    concurrency: {group: "g-${{ github.event_name }}"}
    container: {image: "debian:${{ 13 }}"}
    env: {PAWSKIND_CI_PATHS: "a/** b"}
    services:
      db: {image: postgres:17, env: {A: b}, ports: [5432, "1:2"], options: --x}
    steps:
      - uses: actions/checkout@v4
      - {uses: actions/setup-go@v5, with: {go-version: "1.26"}}
      - run: |
          echo ${{ secrets.ONE }} ${{ secrets['TWO'] }}
          more
      - {name: "Named ${{ github.event_name }}", run: x}
  early: {`+step+`}
`, nil)
	require.Equal(t, "My checks", plan.Name)
	require.Equal(t, "push", plan.Event)
	require.Equal(t, []string{"late", "early"}, keys(plan), "in the file's order")
	late := plan.Jobs[0]
	require.NotEmpty(t, late.Definition)
	require.NotNil(t, late.Work)
	late.Definition, late.Work = "", nil
	require.Equal(t, ci.Job{
		Key: "late", ID: "late", Group: "late", Name: "Late push", Line: 4, Needs: []string{"early"}, RunsOn: []string{"self-hosted", "linux"},
		Container: "debian:13", Timeout: 90 * time.Second, ContinueOnError: true, Concurrency: "g-push", FailFast: true,
		Services: []ci.Service{{Name: "db", Image: "postgres:17", Env: map[string]string{"A": "b"}, Ports: []string{"5432", "1:2"}, Options: "--x"}},
		Steps:    []string{"Run actions/checkout@v4", "Run actions/setup-go@v5", "Run echo ${{ secrets.ONE }} ${{ secrets['TWO'] }}", "Named push"},
		Paths:    []string{"a/**", "b"}, Secrets: []string{"ONE", "TWO"}, Tools: map[string]string{"go": "1.26"},
	}, late)
}

func TestMatrices(t *testing.T) {
	for name, test := range map[string]struct {
		strategy string
		want     []string
	}{
		"product in the file's order": {"matrix: {b: [2, 1], a: [x, y]}", []string{"j (2, x)", "j (2, y)", "j (1, x)", "j (1, y)"}},
		"exclude":                     {"matrix: {a: [x, y], b: [1, 2], exclude: [{a: x, b: 2}, {a: y}]}", []string{"j (x, 1)"}},
		"include extends and adds":    {"matrix: {a: [x, y], include: [{a: x, c: 1}, {a: z, c: 2}, {d: 3}]}", []string{"j (x)", "j (y)", "j (z, 2)"}},
		"only include":                {"matrix: {include: [{v: 1.26, os: linux}, {v: 2}]}", []string{"j (1.26, linux)", "j (2)"}},
		"from an expression":          {`matrix: {a: "${{ fromJSON('[\"p\", \"q\"]') }}"}`, []string{"j (p)", "j (q)"}},
		"values that are mappings":    {"matrix: {a: [{k: 1, l: x}]}", []string{"j (1, x)"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, keys(read(t, "on: push\njobs:\n  j:\n    strategy: {"+test.strategy+", fail-fast: false, max-parallel: 2}\n    runs-on: ubuntu-latest\n    steps: [{run: x}]\n", nil)))
		})
	}
}

func TestAnIncludeDoesNotOverwriteWhatTheMatrixSays(t *testing.T) {
	plan := read(t, "on: push\njobs:\n  j:\n    strategy: {fail-fast: false, max-parallel: 2, matrix: {a: [x, y], include: [{c: 1}, {a: x, c: 2}]}}\n    runs-on: ubuntu-latest\n    steps: [{run: x}]\n", nil)
	require.Equal(t, map[string]any{"a": "x", "c": 2}, plan.Jobs[0].Matrix)
	require.Equal(t, map[string]any{"a": "y", "c": 1}, plan.Jobs[1].Matrix)
	require.False(t, plan.Jobs[0].FailFast)
	require.Equal(t, 2, plan.Jobs[0].MaxParallel)
}

func TestALegNeedsAllLegsOfTheJobsThatItNeeds(t *testing.T) {
	plan := read(t, "on: push\njobs:\n  a: {strategy: {matrix: {v: [1, 2]}}, "+step+"}\n  b: {needs: a, "+step+"}\n", nil)
	require.Equal(t, []string{"a (1)", "a (2)"}, plan.Jobs[2].Needs)
}

const reusable = `on: {workflow_call: {inputs: {who: {required: true, type: string}}}}
jobs:
  build: {name: "Build ${{ inputs.who }}", ` + step + `}
  test: {needs: build, ` + step + `}
`

func TestCalledWorkflows(t *testing.T) {
	plan := read(t, "on: push\njobs:\n  first: {"+step+"}\n  release: {needs: first, uses: ./.github/workflows/r.yml, with: {who: me}}\n  last: {needs: release, "+step+"}\n",
		map[string]string{".github/workflows/r.yml": reusable})
	require.Equal(t, []string{"first", "release / build", "release / test", "last"}, keys(plan))
	require.Equal(t, "release / Build me", plan.Jobs[1].Name)
	require.Equal(t, []string{"first"}, plan.Jobs[1].Needs)
	require.Equal(t, []string{"first", "release / build"}, plan.Jobs[2].Needs)
	require.Equal(t, []string{"release / build", "release / test"}, plan.Jobs[3].Needs)
	require.Equal(t, "build", plan.Jobs[1].ID)
	require.Equal(t, 4, plan.Jobs[1].Line)
}

func TestInputs(t *testing.T) {
	repo := repository(t, `on:
  workflow_dispatch:
    inputs:
      level: {type: choice, options: [low, high], default: low}
      sure: {type: boolean, required: true}
jobs:
  j: {name: "${{ inputs.level }} ${{ inputs.sure }}", `+step+`}
`, nil)
	plan, err := workflow.Read(repo, file, "workflow_dispatch", map[string]string{"sure": "true", "level": "high"})
	require.NoError(t, err)
	require.Equal(t, "high true", plan.Jobs[0].Name)
	for _, given := range []map[string]string{{}, {"sure": "true", "level": "other"}, {"sure": "true", "more": "x"}} {
		_, err := workflow.Read(repo, file, "workflow_dispatch", given)
		require.ErrorContains(t, err, "ERR_CI_001")
	}
}

func TestWhatIsWrongIsToldWithItsLine(t *testing.T) {
	for name, test := range map[string]struct {
		yaml, want string
	}{
		"no YAML":           {"on: push\njobs: [\n", "ci.yml:2: "},
		"no mapping":        {"just text", "ci.yml:1: it is not a workflow"},
		"no jobs":           {"on: push\njobs: {}\n", "ci.yml:1: "},
		"an unknown key":    {"on: push\njobs:\n  a:\n    runs-on: x\n    stepz: []\n", "ci.yml:4: "},
		"an unknown need":   {"on: push\njobs:\n  a:\n    needs: [b]\n    runs-on: ubuntu-latest\n    steps: [{run: x}]\n", "ci.yml:4: the job a needs b, which is not there"},
		"a circle":          {"on: push\njobs:\n  a: {needs: b, " + step + "}\n  b: {needs: c, " + step + "}\n  c: {needs: b, " + step + "}\n", "in a circle: b → c → b"},
		"no runs-on":        {"on: push\njobs:\n  a:\n    steps: [{run: x}]\n", "ci.yml:"},
		"another machine":   {"on: push\njobs:\n  a:\n    runs-on: windows-latest\n    steps: [{run: x}]\n", `ERR_CI_003: .github/workflows/ci.yml:4: a runs on "windows-latest"`},
		"an unknown label":  {"on: push\njobs:\n  a:\n    runs-on: [self-hosted, gpu]\n    steps: [{run: x}]\n", `"gpu"`},
		"a late matrix":     {"on: push\njobs:\n  a: {" + step + "}\n  b:\n    needs: a\n    strategy: {matrix: {v: \"${{ fromJSON(needs.a.outputs.list) }}\"}}\n    runs-on: ubuntu-latest\n    steps: [{run: x}]\n", "ci.yml:6: the matrix of b is made from what another job puts out"},
		"a foreign call":    {"on: push\njobs:\n  a: {uses: other/repo/.github/workflows/x.yml@v1}\n", "a workflow of another repository"},
		"a missing call":    {"on: push\njobs:\n  a: {uses: ./.github/workflows/none.yml}\n", "cannot read .github/workflows/none.yml"},
		"an empty matrix":   {"on: push\njobs:\n  a:\n    strategy: {matrix: {v: []}}\n    runs-on: ubuntu-latest\n    steps: [{run: x}]\n", "ci.yml:"},
		"a foreign event":   {"on: {workflow_call: {}}\njobs:\n  a: {" + step + "}\n", "ERR_CI_002: .github/workflows/ci.yml:1: only other workflows run it"},
		"a bad expression":  {"on: push\njobs:\n  a:\n    timeout-minutes: ${{ fromJSON('[') }}\n    runs-on: ubuntu-latest\n    steps: [{run: x}]\n", "ci.yml:4: "},
		"a step of nothing": {"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - name: nothing\n", "ci.yml:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := workflow.Read(repository(t, test.yaml, nil), file, "", nil)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := workflow.Read(repository(t, "on: [push]\njobs:\n  a: {"+step+"}\n", nil), file, "release", nil)
	require.EqualError(t, err, "[CI] ERR_CI_002: .github/workflows/ci.yml:1: the workflow does not run on release | It runs on: push")
}

func TestWhatIsNotReproducedIsToldWithItsLine(t *testing.T) {
	plan := read(t, `on:
  push: {branches: [main]}
  schedule: [{cron: "0 0 * * *"}]
permissions: {contents: read, id-token: write}
concurrency: {group: x}
jobs:
  a:
    runs-on: ubuntu-latest
    environment: {name: staging}
    steps:
      - {uses: actions/checkout@v4, with: {submodules: true}}
      - run: echo ${{ secrets.GITHUB_TOKEN }} ${{ vars.X }}
`, nil)
	var told []string
	for _, n := range plan.NotReproduced {
		require.Equal(t, file, n.File)
		require.NotEmpty(t, n.Why)
		told = append(told, fmt.Sprintf("%s:%d", n.What, n.Line))
	}
	require.ElementsMatch(t, []string{"schedule:3", "branches:2", "id-token:4", "permissions:4", "environment:9", "submodules:11", "token:12", "vars:12"}, told)
	require.Equal(t, "x", plan.Concurrency)
	require.Equal(t, "it deploys to staging", plan.Jobs[0].NoCache)
	require.Empty(t, plan.Jobs[0].Secrets)
}

func TestAServiceThatIsGivenASecretIsTold(t *testing.T) {
	plan := read(t, `on: push
jobs:
  a:
    runs-on: ubuntu-latest
    services:
      db:
        image: postgres:17
        env: {PASSWORD: "${{ secrets.PASSWORD }}"}
    steps: [{run: x}]
`, nil)
	require.Len(t, plan.NotReproduced, 1)
	require.Equal(t, 8, plan.NotReproduced[0].Line)
	require.Equal(t, "services", plan.NotReproduced[0].What)
}

func TestTheDefinitionIsWhatCanChangeTheJob(t *testing.T) {
	definition := func(yaml, action string) string {
		return read(t, yaml, map[string]string{"act/action.yml": action}).Jobs[0].Definition
	}
	const base = "on: push\nenv: {A: 1}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{uses: ./act}]\n  b: {" + step + "}\n"
	const action = "runs: {using: composite, steps: [{shell: bash, run: x}]}"
	same := definition(base, action)
	require.Equal(t, same, definition("# a remark\n"+base, action))
	require.Equal(t, same, definition(strings.Replace(base, "run: 'true'", "run: 'false'", 1), action), "another job's step")
	require.NotEqual(t, same, definition(strings.Replace(base, "A: 1", "A: 2", 1), action))
	require.NotEqual(t, same, definition(strings.Replace(base, "./act}", "./act, with: {x: y}}", 1), action))
	require.NotEqual(t, same, definition(base, strings.Replace(action, "run: x", "run: y", 1)))
}
