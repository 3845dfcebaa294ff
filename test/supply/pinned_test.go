package supply

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// Everything that is fetched has a version that is written down.
func TestEverythingIsPinned(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z").Output()
	require.NoError(t, err)
	looked := map[string]int{}
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		// Workflows that are examples of what people write.
		if strings.HasPrefix(name, "test/ci/corpus/") || strings.Contains(name, "testdata/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		require.NoError(t, err)
		found, err := Unpinned(name, content)
		require.NoError(t, err, name)
		require.Empty(t, found, name)
		looked[filepath.Base(name)]++
		if filepath.Base(name) == "go.mod" {
			require.FileExists(t, filepath.Join(root, filepath.Dir(name), "go.sum"), "the digests of what %s names", name)
		}
	}
	for name, atLeast := range map[string]int{"Dockerfile": 7, "go.mod": 6, "package.json": 1, "package-lock.json": 1, "pom.xml": 1, "ci.yml": 1} {
		require.GreaterOrEqual(t, looked[name], atLeast, name)
	}
}

func TestUnpinned(t *testing.T) {
	for name, c := range map[string]struct {
		file, content string
		want          []string
	}{
		"a newest image":              {"a/Dockerfile", "FROM node:latest\n", []string{"FROM node:latest"}},
		"an image by its digest":      {"a/Dockerfile", "FROM node@sha256:00 AS a\nFROM a\n", nil},
		"another release of Debian":   {"a/Dockerfile", "FROM debian:stable-slim\n", []string{"FROM debian:stable-slim"}},
		"npm without the lock":        {"a/Dockerfile", "RUN npm install\n", []string{"npm install"}},
		"Debian's npm":                {"a/Dockerfile", "RUN apt-get install -y npm\n", nil},
		"a script from the network":   {"a.sh", "curl -s https://example.org/x | bash\n", []string{"curl -s https://example.org/x | bash"}},
		"a tool in its newest":        {"Makefile", "x:\n\tgo run example.org/tool@latest\n", []string{"go run example.org/tool@latest"}},
		"an action of a branch":       {".github/workflows/ci.yml", "jobs: {a: {steps: [{uses: a/b@main}, {uses: a/c@v4}, {uses: ./x}]}}", []string{"uses: a/b@main"}},
		"a service without a release": {".github/workflows/ci.yml", "jobs: {a: {services: {db: {image: postgres}, c: {image: 'redis:8'}}}}", []string{"image: postgres"}},
		"a range of npm":              {"package.json", `{"dependencies":{"a":"^1.2.3","b":"1.2.3"},"devDependencies":{"c":"latest"}}`, []string{"a ^1.2.3", "c latest"}},
		"a lock without a digest":     {"package-lock.json", `{"packages":{"":{},"node_modules/a":{"version":"1.0.0"},"node_modules/b":{"version":"1.0.0","integrity":"sha512-x"}}}`, []string{"node_modules/a"}},
		"an old lock":                 {"package-lock.json", `{}`, []string{"no packages: a lock file of version 2 or newer is wanted"}},
		"a range of Maven":            {"pom.xml", "<project><parent><version>3.5.16</version></parent><dependencies><dependency><version>[1,2)</version></dependency></dependencies></project>", []string{"dependencies/dependency/version [1,2)"}},
		"Maven without a parent":      {"pom.xml", "<project><version>1.0</version></project>", []string{"no parent that versions are taken from"}},
		"a module from elsewhere":     {"go.mod", "replace a => /home/me/a\n", []string{"replace => /home/me/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := Unpinned(c.file, []byte(c.content))
			require.NoError(t, err)
			require.Equal(t, c.want, found)
		})
	}
}
