package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/services"
	"github.com/paws360/pawskind/internal/ci/services/servicestest"
	"github.com/paws360/pawskind/internal/ci/tree"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/redis"
)

// The services of a pipeline's job are the running stack, in a corner of its own
// that nothing is left of.
func TestPipelineServicesAreTheRunningStack(t *testing.T) {
	servicestest.Environment(t, services.Environment{
		Postgres:         fmt.Sprintf("127.0.0.1:%d", postgresPort),
		Redis:            fmt.Sprintf("127.0.0.1:%d", redisPort),
		Superuser:        "postgres",
		PostgresPassword: secret(t, naming.KeyPostgresPassword),
		RedisUser:        redis.UserPipeline,
		RedisPassword:    secret(t, naming.KeyRedisOperator),
	})
}

// TC-018 with the project's own pipeline: lint, unit, integration, build, deploy
// and smoke of pawskind and the sample apps, with the running stack as services.
// What hack/test.sh has run of it already is served from its cache. A second run
// has nothing to do.
func TestTC018OwnPipelineRuns(t *testing.T) {
	project := ownProject(t)
	first := pipelineRun(t, project, 0, testsEnvironment()...)
	jobs := map[string]ci.JobResult{}
	for _, j := range first.Jobs {
		require.Equal(t, ci.Success, j.Conclusion, "%s: %s", j.Key, j.Reason)
		if !strings.HasPrefix(j.Key, "unit") && j.Key != "lint" {
			require.Empty(t, j.Cached, j.Key)
		}
		jobs[j.Key] = j
		t.Logf("%-16s %.1fs", j.Key, j.Ended.Sub(j.Started).Seconds())
	}
	order := []string{"integration", "deploy", "smoke"}
	for i, key := range order[1:] {
		require.False(t, jobs[order[i]].Ended.After(jobs[key].Started), "%s before %s", order[i], key)
	}
	require.True(t, first.Dirty, "the change that is not committed is part of it")
	log := pipelineLog(t, first, jobs["integration"])
	require.Contains(t, log, "ok     every migration has run")
	require.Contains(t, log, "ok     Redis keeps what is written")
	require.Contains(t, pipelineLog(t, first, jobs["smoke"]), "ok     the page shows the backend's courses")
	for _, file := range []string{"artifacts/release/release.tgz", "artifacts/reports-pawskind/coverage.out", "artifacts/reports-frontend/frontend.xml", "report.html"} {
		require.FileExists(t, filepath.Join(first.Folder, file))
	}

	second := pipelineRun(t, project, 0, testsEnvironment()...)
	for _, j := range second.Jobs {
		require.NotEmpty(t, j.Cached, "%s is served from the cache", j.Key)
	}
	t.Logf("all of it: %.1fs, with nothing changed: %.2fs", first.Ended.Sub(first.Started).Seconds(), second.Ended.Sub(second.Started).Seconds())
}

// ownProject is the checkout as it is now, with a change that is not committed and
// that concerns no job.
func ownProject(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(home, "own", filepath.Base(checkout))
	snapshot, err := tree.Take(t.Context(), checkout, filepath.Join(t.TempDir(), "snapshot"))
	require.NoError(t, err)
	require.NoError(t, snapshot.Checkout(t.Context(), folder, func(string) bool { return true }))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "note.txt"), []byte("not committed\n"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(folder, ".local"), 0o700))
	secrets, err := os.ReadFile(filepath.Join(home, ".local/secrets.env"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, ".local/secrets.env"), secrets, 0o600))
	cached := filepath.Join(checkout, ".local/ci")
	if _, err := os.Stat(cached); err == nil {
		require.NoError(t, os.CopyFS(filepath.Join(folder, ".local/ci"), os.DirFS(cached)))
	}
	return folder
}

// testsEnvironment has a project use the environment of the tests.
func testsEnvironment() []string {
	var flags []string
	for key, value := range map[string]any{
		"name": clusterName, "ports.frontend": frontendPort, "ports.backend": backendPort, "ports.postgres": postgresPort, "ports.redis": redisPort,
	} {
		flags = append(flags, "--set", fmt.Sprintf("%s=%v", key, value))
	}
	return flags
}

// pipelineRun runs the project's pipeline and gives the newest run's result.
func pipelineRun(t *testing.T, project string, status int, args ...string) ci.Result {
	t.Helper()
	r := command(t, project, nil, filepath.Join(checkout, "bin/pawskind"), append([]string{"ci"}, args...)...)
	require.Equal(t, status, r.code, "%s", r.all())
	var result ci.Result
	files, err := filepath.Glob(filepath.Join(project, ".local/pipeline-artifacts/*/*/run.json"))
	require.NoError(t, err)
	for _, file := range files {
		var one ci.Result
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(content, &one))
		if one.Started.After(result.Started) {
			result = one
		}
	}
	return result
}

func pipelineLog(t *testing.T, result ci.Result, job ci.JobResult) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(result.Folder, job.Log))
	require.NoError(t, err)
	return string(content)
}

const containedWorkflow = `name: ci
on: push
jobs:
  inside:
    runs-on: ubuntu-latest
    services:
      answers:
        image: pawskind-e2e/answers:1
        ports: [7000]
        options: --health-cmd "test -e /ready" --health-interval 1s
    outputs: {answer: "${{ steps.ask.outputs.answer }}"}
    steps:
      - uses: actions/checkout@v4
      - id: ask
        shell: bash
        run: |
          . /etc/os-release && echo "this is $VERSION_CODENAME in $(cat /proc/1/comm)"
          cat committed.txt
          exec 3<>/dev/tcp/localhost/${{ job.services.answers.ports[7000] }}
          read -r answer <&3
          echo "answer=$answer" >> "$GITHUB_OUTPUT"
          echo kept > made-inside.txt
      - uses: actions/upload-artifact@v4
        with: {name: made, path: made-inside.txt}
  nowhere:
    if: always()
    needs: inside
    runs-on: ubuntu-latest
    container: pawskind-e2e/is-not-there:1
    steps: [{run: echo never}]
`

// Jobs and services run in containers of either engine; a name that was moved to
// another image is another input, and an image that cannot be had is told.
func TestPipelineRunsInContainers(t *testing.T) {
	for _, kind := range []string{"docker", "podman"} {
		t.Run(kind, func(t *testing.T) {
			if _, err := engine.Detect(t.Context(), kind); err != nil && kind != engineName {
				t.Skip(err)
			}
			runsInContainers(t, kind)
		})
	}
}

func runsInContainers(t *testing.T, kind string) {
	t.Setenv("PAWSKIND_PROVIDER", kind)
	require.Zero(t, command(t, checkout, []string{"ENGINE=" + kind}, filepath.Join(checkout, "images/base/ensure.sh"), "trixie").code)
	t.Cleanup(func() { _ = exec.Command(kind, "rmi", "-f", "pawskind-e2e/answers:1").Run() })
	project := filepath.Join(t.TempDir(), "contained")
	require.NoError(t, os.MkdirAll(filepath.Join(project, ".github/workflows"), 0o755))
	for name, content := range map[string]string{".github/workflows/ci.yml": containedWorkflow, "committed.txt": "a file of the repository\n", "pawskind.yaml": "name: contained\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(project, name), []byte(content), 0o644))
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", "first"}} {
		require.Zero(t, command(t, project, nil, "git", args...).code)
	}
	run := func(want string, cached bool) ci.Result {
		result := pipelineRun(t, project, 1, "--runner", "container", "--image", "debian:trixie-slim", "--services", "container")
		inside := result.Jobs[0]
		require.Equal(t, ci.Success, inside.Conclusion, "%s\n%s", inside.Reason, pipelineLog(t, result, inside))
		require.Equal(t, want, inside.Outputs["answer"])
		require.Equal(t, cached, inside.Cached != "")
		return result
	}

	answering(t, kind, "one")
	result := run("one", false)
	log := pipelineLog(t, result, result.Jobs[0])
	require.Contains(t, log, "this is trixie in")
	require.Contains(t, log, "a file of the repository")
	require.FileExists(t, filepath.Join(result.Folder, "artifacts/made/made-inside.txt"))
	require.Equal(t, ci.Failure, result.Jobs[1].Conclusion)
	require.Contains(t, result.Jobs[1].Reason, "ERR_CI_025")
	run("one", true)
	answering(t, kind, "two")
	run("two", false)

	left, err := exec.Command(kind, "ps", "-aq", "--filter", "name=pawskind-ci-").Output()
	require.NoError(t, err)
	require.Empty(t, strings.TrimSpace(string(left)), "no container of the run is left")
}

// answering moves the service's name to an image that gives that answer.
func answering(t *testing.T, kind, answer string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), kind, "build", "-q", "-t", "pawskind-e2e/answers:1", "-")
	c.Stdin = strings.NewReader(`FROM debian:trixie-slim
CMD ["perl", "-MIO::Socket::INET", "-e", "my $s = IO::Socket::INET->new(LocalPort => 7000, Listen => 5) or die; open(my $f, '>', '/ready'); while (my $c = $s->accept) { print $c '` + answer + `', qq(\\n); close $c }"]
`)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
