package runner_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
)

func TestCheckoutIsTheWorkingCopy(t *testing.T) {
	w := repository(t, ci1(`
- run: test ! -e file
- {uses: actions/checkout@v4, id: c}
- run: |
    test "$(cat file)" = changed
    test "$(cat new)" = untracked
    test "$(git rev-parse HEAD)" = "$GITHUB_SHA"
    test "${{ steps.c.outputs.commit }}" = "$GITHUB_SHA"
    echo mine > file
- {uses: actions/checkout@v4, with: {path: again}}
- run: test "$(cat again/file)" = changed`), map[string]string{"file": "first"})
	w.put(t, "file", "changed")
	w.put(t, "new", "untracked")
	w.run(t, t.Context()).passed(t)
	content, err := os.ReadFile(filepath.Join(w.repo, "file"))
	require.NoError(t, err)
	require.Equal(t, "changed", string(content), "the developer's file is as it was")
}

func TestAJobGetsTheFilesThatItDeclares(t *testing.T) {
	repository(t, `
on: push
jobs:
  job:
    runs-on: ubuntu-latest
    env: {PAWSKIND_CI_PATHS: "src/** go.mod"}
    steps:
      - uses: actions/checkout@v4
      - run: test -e src/a && test -e go.mod && test ! -e other
`, map[string]string{"src/a": "a", "go.mod": "module a", "other": "b"}).run(t, t.Context()).passed(t)
}

const greet = `
name: greet
inputs:
  who: {required: true}
  how: {default: "Hello, ${{ github.event_name }}"}
outputs:
  said: {value: "${{ steps.say.outputs.text }}"}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      run: |
        echo "text=${{ inputs.how }} ${{ inputs.who }}" >> "$GITHUB_OUTPUT"
        cat "$GITHUB_ACTION_PATH/note"
    - uses: ./.github/actions/inner
      with: {value: "${{ steps.say.outputs.text }}"}
`

func TestCompositeActions(t *testing.T) {
	w := repository(t, ci1(`
- uses: actions/checkout@v4
- {id: g, uses: ./.github/actions/greet, with: {who: world}}
- run: test "${{ steps.g.outputs.said }} $FROM_INNER" = "Hello, push world Hello, push world"`), map[string]string{
		".github/actions/greet/action.yml": greet, ".github/actions/greet/note": "a note\n",
		".github/actions/inner/action.yml": "inputs: {value: {}}\nruns:\n  using: composite\n  steps:\n    - {shell: bash, run: 'echo \"FROM_INNER=${{ inputs.value }}\" >> \"$GITHUB_ENV\"'}\n",
	}).run(t, t.Context()).passed(t)
	require.Equal(t, []string{"Run actions/checkout@v4: success/success", "Run ./.github/actions/greet: success/success"}, steps(w.job(t, "job"))[:2])
	require.Contains(t, w.log(t, "job"), "a note")
}

func TestACompositeActionFailsItsStep(t *testing.T) {
	w := repository(t, ci1(`
- uses: actions/checkout@v4
- {id: f, uses: ./act, continue-on-error: true}
- run: test "${{ steps.f.outcome }}" = failure`), map[string]string{
		"act/action.yml": "runs:\n  using: composite\n  steps:\n    - {shell: bash, run: exit 9}\n    - {shell: bash, run: echo never}\n    - {if: failure(), shell: bash, run: echo mended}\n",
	}).run(t, t.Context()).passed(t)
	require.NotContains(t, w.log(t, "job"), "never")
	require.Contains(t, w.log(t, "job"), "mended")
}

func TestNodeActionsWithTheirPostStep(t *testing.T) {
	w := repository(t, ci1(`
- uses: actions/checkout@v4
- {id: n, uses: ./act, with: {some-name: value}}
- run: test "${{ steps.n.outputs.got }}" = value`), map[string]string{
		"act/action.yml": "inputs: {some-name: {}}\nruns: {using: node20, main: main.js, post: post.js}\n",
		"act/main.js":    `const fs=require("fs"); fs.appendFileSync(process.env.GITHUB_OUTPUT, "got="+process.env["INPUT_SOME-NAME"]+"\n"); fs.appendFileSync(process.env.GITHUB_STATE, "kept=x\n")`,
		"act/post.js":    `console.log("post has "+process.env.STATE_kept)`,
	}).run(t, t.Context()).passed(t)
	require.Contains(t, w.log(t, "job"), "post has x")
	require.Equal(t, "Post Run ./act: success/success", steps(w.job(t, "job"))[3])
}

func TestReusableWorkflows(t *testing.T) {
	w := repository(t, `
on: push
jobs:
  first:
    runs-on: ubuntu-latest
    outputs: {word: "${{ steps.s.outputs.word }}"}
    steps: [{id: s, run: 'echo "word=late" >> "$GITHUB_OUTPUT"'}]
  release:
    needs: first
    uses: ./.github/workflows/called.yml
    with: {name: app, word: "${{ needs.first.outputs.word }}"}
    secrets: {KEY: "${{ secrets.TOKEN }}"}
  after:
    needs: release
    runs-on: ubuntu-latest
    steps: [{run: 'test "${{ needs.release.outputs.result }} ${{ needs.release.result }}" = "app-late success"'}]
`, map[string]string{".github/workflows/called.yml": `
on:
  workflow_call:
    inputs: {name: {type: string, required: true}, word: {type: string}, times: {type: number, default: 2}}
    secrets: {KEY: {required: true}}
    outputs: {result: {value: "${{ jobs.build.outputs.result }}"}}
jobs:
  build:
    runs-on: ubuntu-latest
    outputs: {result: "${{ steps.b.outputs.result }}"}
    steps:
      - run: test "${{ inputs.times }} ${{ secrets.KEY }} ${{ secrets.TOKEN }}" = "2 token-value "
      - {id: b, run: 'echo "result=${{ inputs.name }}-${{ inputs.word }}" >> "$GITHUB_OUTPUT"'}
  check:
    needs: build
    runs-on: ubuntu-latest
    steps: [{run: 'test "${{ needs.build.outputs.result }}" = app-late'}]
`})
	w.secrets = map[string]string{"TOKEN": "token-value"}
	w.run(t, t.Context()).passed(t)
	require.Equal(t, ci.Success, w.job(t, "release / check").Conclusion)
}

func TestArtifacts(t *testing.T) {
	w := repository(t, `
on: push
jobs:
  make:
    runs-on: ubuntu-latest
    steps:
      - run: mkdir -p out/deep && echo a > out/a.txt && echo b > out/deep/b.txt && echo c > out/c.log && echo h > out/.hidden
      - {uses: actions/upload-artifact@v4, with: {name: all, path: out}}
      - uses: actions/upload-artifact@v4
        with:
          name: texts
          path: |
            out/**/*.txt
            !out/deep/**
      - {uses: actions/upload-artifact@v4, with: {name: none, path: nowhere}}
      - {id: e, continue-on-error: true, uses: actions/upload-artifact@v4, with: {name: none, path: nowhere, if-no-files-found: error}}
      - {id: twice, continue-on-error: true, uses: actions/upload-artifact@v4, with: {name: all, path: out}}
      - run: test "${{ steps.e.outcome }} ${{ steps.twice.outcome }}" = "failure failure"
  take:
    needs: make
    runs-on: ubuntu-latest
    steps:
      - {uses: actions/download-artifact@v4, with: {name: all, path: got}}
      - run: test "$(cat got/a.txt got/deep/b.txt got/c.log)" = "$(printf 'a\nb\nc')" && test ! -e got/.hidden
      - {uses: actions/download-artifact@v4, with: {path: every}}
      - run: test -e every/all/a.txt && test -e every/texts/a.txt && test ! -e every/texts/deep
      - {uses: actions/download-artifact@v4, with: {pattern: 't*', merge-multiple: true, path: flat}}
      - run: test -e flat/a.txt && test ! -e flat/c.log
      - {id: no, continue-on-error: true, uses: actions/download-artifact@v4, with: {name: other}}
      - run: test ${{ steps.no.outcome }} = failure
`, nil).run(t, t.Context()).passed(t)
	require.Equal(t, []string{"all", "texts"}, w.job(t, "make").Artifacts)
}

func TestTheCacheAction(t *testing.T) {
	repository(t, `
on: push
jobs:
  fill:
    runs-on: ubuntu-latest
    steps:
      - {id: c, uses: actions/cache@v4, with: {path: "~/.tool\nlocal", key: k-1}}
      - run: test "${{ steps.c.outputs.cache-hit }}" != true && mkdir -p ~/.tool local && echo x > ~/.tool/f && echo y > local/g
  hit:
    needs: fill
    runs-on: ubuntu-latest
    steps:
      - {id: c, uses: actions/cache@v4, with: {path: "~/.tool\nlocal", key: k-1}}
      - run: test "${{ steps.c.outputs.cache-hit }}" = true && test "$(cat ~/.tool/f local/g)" = "$(printf 'x\ny')"
  near:
    needs: fill
    runs-on: ubuntu-latest
    steps:
      - {id: c, uses: actions/cache/restore@v4, with: {path: "~/.tool\nlocal", key: k-2, restore-keys: k-}}
      - run: test "${{ steps.c.outputs.cache-hit }} ${{ steps.c.outputs.cache-matched-key }}" = "false k-1" && test -e local/g
`, nil).run(t, t.Context()).passed(t)
}

func TestSetupActionsSayWhenTheVersionIsAnother(t *testing.T) {
	w := repository(t, ci1(`
- uses: actions/checkout@v4
- {id: g, uses: actions/setup-go@v5, with: {go-version-file: go.mod}}
- run: test -n "${{ steps.g.outputs.go-version }}"
- {uses: actions/setup-python@v5, with: {python-version: "2.3"}}
- run: python --version`), map[string]string{"go.mod": "module a\n\ngo 1.26.0\n"}).run(t, t.Context()).passed(t)
	annotations := w.job(t, "job").Annotations
	require.Len(t, annotations, 1)
	require.Contains(t, annotations[0].Message, "asks for python 2.3")
	require.Len(t, w.result.NotReproduced, 1)
	require.Equal(t, 9, w.result.NotReproduced[0].Line)
}

func TestAnActionThatCannotBeHadIsNamed(t *testing.T) {
	// The name cannot exist: whether there is a network or not, it is not fetched.
	w := repository(t, ci1(`- {name: x, uses: "a-/no-such-action@v1"}`), nil).run(t, t.Context())
	require.Equal(t, ci.Failure, w.result.Conclusion)
	require.Contains(t, w.log(t, "job"), "ERR_CI_004: the action a-/no-such-action@v1 is not built in and cannot be fetched")
}

func TestAnActionWithoutItsCheckout(t *testing.T) {
	w := repository(t, ci1(`- {uses: ./act}`), map[string]string{"act/action.yml": "runs: {using: composite, steps: []}"}).run(t, t.Context())
	require.Contains(t, w.log(t, "job"), "is actions/checkout run before it?")
}

// A JDK beside the PATH's is taken when it is the one that is asked for.
func TestSetupJavaFindsTheVersionThatLiesBeside(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(home, "bin"), 0o755))
	for name, content := range map[string]string{"release": "JAVA_VERSION=\"99.0.1\"\n", "bin/javac": "#!/bin/sh\n", "bin/java": "#!/bin/sh\necho this is 99\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(home, name), []byte(content), 0o755))
	}
	t.Setenv("JAVA_HOME_99_X64", home)
	w := repository(t, ci1(`
- {id: j, uses: actions/setup-java@v4, with: {distribution: temurin, java-version: "99"}}
- run: test "$JAVA_HOME ${{ steps.j.outputs.version }}" = "`+home+` 99.0.1" && java`), nil).run(t, t.Context()).passed(t)
	require.Contains(t, w.log(t, "job"), "this is 99")
	require.Empty(t, w.job(t, "job").Annotations)
	require.Empty(t, w.result.NotReproduced)
}

// A file that the cache and other runs share is replaced, and not written into.
func TestAnArtifactThatIsMergedReplacesItsFiles(t *testing.T) {
	repository(t, ci1(`
- run: echo old > a.txt
- {id: first, uses: actions/upload-artifact@v3, with: {name: merged, path: a.txt}}
- run: |
    kept=$(echo '${{ steps.first.outputs.artifact-url }}' | sed s,^file://,,)
    ln "$kept/a.txt" "$kept/shared" && echo new > a.txt && echo "KEPT=$kept" >> "$GITHUB_ENV"
- {uses: actions/upload-artifact@v3, with: {name: merged, path: a.txt}}
- run: test "$(cat "$KEPT/a.txt" "$KEPT/shared")" = "$(printf 'new\nold')"`), nil).run(t, t.Context()).passed(t)
}

// An action that is a program reaches the run's artifacts, and a step that is a
// script has no token for them.
func TestActionsThatAreProgramsReachTheRunsArtifacts(t *testing.T) {
	w := repository(t, ci1(`
- uses: actions/checkout@v4
- {uses: actions/upload-artifact@v4, with: {name: kept, path: a.txt}}
- uses: ./list
- run: test -z "$ACTIONS_RUNTIME_TOKEN"`), map[string]string{
		"a.txt":           "a",
		"list/action.yml": "name: list\nruns: {using: node20, main: main.js}\n",
		"list/main.js": `const call = async (token) => (await fetch(process.env.ACTIONS_RESULTS_URL + 'twirp/github.actions.results.api.v1.ArtifactService/ListArtifacts',
  { method: 'POST', headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' }, body: '{}' })).json()
const token = process.env.ACTIONS_RUNTIME_TOKEN
call(token).then((a) => console.log('found', a.artifacts.map((x) => x.name).join(), 'with', token))
call('guess').then((a) => console.log('refused', a.code))
`}).run(t, t.Context()).passed(t)
	log := w.log(t, "job")
	require.Contains(t, log, "found kept with ***")
	require.Contains(t, log, "refused unauthenticated")
}
