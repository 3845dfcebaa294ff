package runner_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

func TestEnvironmentsLieOverEachOther(t *testing.T) {
	w := repository(t, `
on: push
env: {A: workflow, B: workflow, C: workflow}
jobs:
  job:
    runs-on: ubuntu-latest
    env: {B: job, C: job, D: "of-${{ github.event_name }}"}
    steps:
      - env: {C: step}
        run: test "$A $B $C $D" = "workflow job step of-push"
      - run: |
          echo "E=one two" >> "$GITHUB_ENV"
          echo "F<<END" >> "$GITHUB_ENV"
          printf 'a\nb\nEND\n' >> "$GITHUB_ENV"
          mkdir bin && printf '#!/bin/sh\necho found' > bin/special && chmod +x bin/special
          echo "$PWD/bin" >> "$GITHUB_PATH"
          echo '# Title' >> "$GITHUB_STEP_SUMMARY"
      - run: |
          test "$E" = "one two"
          test "$F" = "$(printf 'a\nb')"
          test "${{ env.E }}" = "one two"
          test "$(special)" = found
          test "$CI $GITHUB_ACTIONS $RUNNER_OS" = "true true Linux"
          test "$GITHUB_WORKSPACE" = "$PWD"
          test "$GITHUB_REF_NAME" = main
          test -f "$GITHUB_EVENT_PATH"
`, nil).run(t, t.Context()).passed(t)
	require.Contains(t, w.log(t, "job"), "# Title")
}

func TestAJobSeesNothingOfTheCallersEnvironment(t *testing.T) {
	t.Setenv("DEVELOPERS_OWN", "secret")
	t.Setenv("GITHUB_TOKEN", "secret")
	repository(t, ci1(`
- run: |
    test -z "${DEVELOPERS_OWN+set}"
    test -z "${GITHUB_TOKEN+set}"
    test -z "$(ls -A "$HOME")"
    test -z "$(ls -A)"
    if test -t 1; then exit 1; fi`), nil).run(t, t.Context()).passed(t)
}

func TestOutputsGoFromStepsToJobs(t *testing.T) {
	w := repository(t, `
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    outputs:
      word: ${{ steps.say.outputs.word }}
      list: ${{ steps.say.outputs.list }}
    steps:
      - id: say
        run: |
          echo "word=hello" >> "$GITHUB_OUTPUT"
          echo 'list=["a","b"]' >> "$GITHUB_OUTPUT"
          echo "::set-output name=old::works"
      - run: test "${{ steps.say.outputs.old }} ${{ steps.say.outcome }}" = "works success"
  two:
    needs: one
    runs-on: ubuntu-latest
    steps:
      - run: test "${{ needs.one.outputs.word }} ${{ needs.one.result }} ${{ fromJSON(needs.one.outputs.list)[1] }}" = "hello success b"
`, nil).run(t, t.Context()).passed(t)
	require.Equal(t, map[string]string{"word": "hello", "list": `["a","b"]`}, w.job(t, "one").Outputs)
}

func TestConditionsAndFailures(t *testing.T) {
	w := repository(t, `
on: push
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - {name: tolerated, id: t, run: exit 3, continue-on-error: true}
      - {name: seen, run: 'test "${{ steps.t.outcome }} ${{ steps.t.conclusion }}" = "failure success"'}
      - {name: not wanted, if: github.event_name == 'pull_request', run: exit 1}
      - {name: fails, run: 'echo about to fail; exit 4'}
      - {name: after, run: exit 0}
      - {name: on failure, if: failure(), run: exit 0}
      - {name: always, if: always(), run: exit 0}
      - {name: on success, if: success(), run: exit 1}
  next: {needs: job, runs-on: ubuntu-latest, steps: [{run: exit 1}]}
  cleanup: {needs: job, if: failure(), runs-on: ubuntu-latest, steps: [{run: 'test "${{ needs.job.result }}" = failure'}]}
  report: {needs: [job, next], if: always(), runs-on: ubuntu-latest, steps: [{run: 'test "${{ needs.next.result }}" = skipped'}]}
`, nil).run(t, t.Context())
	require.Equal(t, ci.Failure, w.result.Conclusion)
	require.Equal(t, []string{
		"tolerated: failure/success", "seen: success/success", "not wanted: skipped/skipped", "fails: failure/failure", "after: skipped/skipped",
		"on failure: success/success", "always: success/success", "on success: skipped/skipped",
	}, steps(w.job(t, "job")))
	for key, want := range map[string]ci.Conclusion{"job": ci.Failure, "next": ci.Skipped, "cleanup": ci.Success, "report": ci.Success} {
		require.Equal(t, want, w.job(t, key).Conclusion, key)
	}
	require.Contains(t, w.log(t, "job"), "Process completed with exit code 4.")
	require.Contains(t, w.job(t, "job").Annotations, ci.Annotation{Level: "error", Message: "Process completed with exit code 4.", Step: "fails"})
}

func TestShellsAndDefaults(t *testing.T) {
	repository(t, `
on: push
defaults: {run: {shell: sh}}
jobs:
  job:
    runs-on: ubuntu-latest
    defaults: {run: {working-directory: sub}}
    steps:
      - {run: mkdir sub, working-directory: .}
      - run: test "$(basename "$PWD")" = sub && test -z "$BASH_VERSION"
      - {shell: bash, run: 'test -n "$BASH_VERSION"; set -o | grep -q "pipefail.*on"'}
      - shell: python
        run: |
          import os
          print(os.getcwd())
          assert os.path.basename(os.getcwd()) == "sub"
      - {shell: 'bash -u {0}', run: exit 0}
      - {shell: 'cat {0}', run: just text}
`, nil).run(t, t.Context()).passed(t)
}

func TestPipesFailOnlyWithTheShellThatIsNamed(t *testing.T) {
	repository(t, ci1(`
- run: false | true
- {shell: bash, run: 'false | true', id: x, continue-on-error: true}
- run: test ${{ steps.x.outcome }} = failure`), nil).run(t, t.Context()).passed(t)
}

func TestMatrixLegsSeeTheirValues(t *testing.T) {
	w := repository(t, `
on: push
jobs:
  test:
    strategy:
      matrix:
        version: [1, 2]
        os: [a, b]
        include: [{version: 2, os: b, extra: yes}, {version: 9}]
        exclude: [{version: 1, os: b}]
    runs-on: ubuntu-latest
    outputs: {last: "${{ matrix.version }}"}
    steps:
      - run: echo "leg=${{ matrix.version }}${{ matrix.os }}${{ matrix.extra }} of ${{ strategy.job-total }}"
`, nil).run(t, t.Context()).passed(t)
	for key, want := range map[string]string{"test (1, a)": "leg=1a of 4", "test (2, a)": "leg=2a of 4", "test (2, b)": "leg=2byes of 4", "test (9)": "leg=9 of 4"} {
		require.Contains(t, w.log(t, key), want)
	}
	require.Len(t, w.result.Jobs, 4)
}

func TestCommandsInTheOutput(t *testing.T) {
	w := repository(t, ci1(`
- name: talk
  run: |
    echo "::add-mask::hunter2-long"
    echo "the word is hunter2-long"
    echo "::error file=src/a.go,line=7,col=2,title=Bad%2C very::first%0Asecond"
    echo "::warning::careful"
    echo "::notice file=$PWD/b.go::look"
    echo "::stop-commands::token"
    echo "::error::not one"
    echo "::token::"
    echo "::group::a group"
    echo "::endgroup::"
    printf 'no newline'`), nil).run(t, t.Context()).passed(t)
	require.Equal(t, []ci.Annotation{
		{Level: "error", File: "src/a.go", Line: 7, Column: 2, Title: "Bad, very", Message: "first\nsecond", Step: "talk"},
		{Level: "warning", Message: "careful", Step: "talk"},
		{Level: "notice", File: "b.go", Message: "look", Step: "talk"},
	}, w.job(t, "job").Annotations)
	log := w.log(t, "job")
	require.NotContains(t, log, "hunter2")
	require.Contains(t, log, "the word is ***")
	require.Contains(t, log, "no newline")
}

func TestSecretsAreMaskedAndNotInTheEnvironment(t *testing.T) {
	w := repository(t, ci1(`
- run: test -z "${TOKEN+set}"
- env: {TOKEN: "${{ secrets.TOKEN }}"}
  run: echo "it is $TOKEN"`), nil)
	w.secrets = map[string]string{"TOKEN": "very-secret-word"}
	w.run(t, t.Context()).passed(t)
	require.Contains(t, w.log(t, "job"), "it is ***")
}

func TestHashFiles(t *testing.T) {
	w := repository(t, ci1(`
- uses: actions/checkout@v4
- run: echo "hash=${{ hashFiles('**/*.sum', '!skip/**') }} none=${{ hashFiles('*.none') }}."`), map[string]string{"a.sum": "a", "skip/b.sum": "b"})
	log := w.run(t, t.Context()).passed(t).log(t, "job")
	require.Regexp(t, `hash=[0-9a-f]{64} none=\.`, log)
	w.put(t, "skip/b.sum", "changed")
	require.Equal(t, log, w.run(t, t.Context()).log(t, "job"))
}
