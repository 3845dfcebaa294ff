package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRelax(t *testing.T) {
	for name, c := range map[string]struct {
		kind       specKind
		spec, want string
	}{
		"takes the capability out of every set": {
			bundleSpec,
			`{"process":{"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_RESOURCE"],"effective":["CAP_SYS_RESOURCE"]}}}`,
			`{"process":{"capabilities":{"bounding":["CAP_CHOWN"],"effective":[]}}}`,
		},
		"drops limits and a negative OOM score": {
			bundleSpec,
			`{"process":{"rlimits":[{"type":"RLIMIT_NOFILE","hard":1048576,"soft":1048576}],"oomScoreAdj":-500}}`,
			`{"process":{}}`,
		},
		"keeps a positive OOM score and big numbers as they are": {
			bundleSpec,
			`{"process":{"oomScoreAdj":1000},"linux":{"resources":{"memory":{"limit":9223372036854771712}}}}`,
			`{"process":{"oomScoreAdj":1000},"linux":{"resources":{"memory":{"limit":9223372036854771712}}}}`,
		},
		"reads a process file from its top": {
			processSpec,
			`{"rlimits":[{}],"capabilities":{"bounding":["CAP_SYS_RESOURCE","CAP_KILL"]},"args":["sh"]}`,
			`{"capabilities":{"bounding":["CAP_KILL"]},"args":["sh"]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := relax([]byte(c.spec), c.kind)
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(got))
		})
	}
}

func TestRelaxRefusesWhatIsNotJSON(t *testing.T) {
	_, err := relax([]byte("not json"), bundleSpec)
	require.ErrorContains(t, err, "reading the bundle specification")
}

func TestSpecFile(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"bundle of create":                 {[]string{"--root", "/run/x", "--log", "/l", "create", "--bundle", "/b", "id"}, "/b/config.json"},
		"bundle with equals":               {[]string{"create", "--bundle=/b", "id"}, "/b/config.json"},
		"bundle defaults to the folder":    {[]string{"run", "id"}, "config.json"},
		"process file of exec":             {[]string{"--root", "create", "exec", "--process", "/p.json", "-d", "id"}, "/p.json"},
		"exec of words has no file":        {[]string{"exec", "id", "ls"}, ""},
		"other commands are left alone":    {[]string{"--root", "/run/x", "delete", "--force", "id"}, ""},
		"the root may be named like one":   {[]string{"--root", "run", "state", "id"}, ""},
		"the first command is what counts": {[]string{"create", "-b", "/b", "exec"}, "/b/config.json"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := specFile(c.args)
			require.Equal(t, c.want, got)
		})
	}
}
