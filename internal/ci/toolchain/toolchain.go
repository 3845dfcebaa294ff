// Package toolchain finds the versions of Go, Java, Node.js and Python that are
// on this machine beside those on the PATH: what a setup action would install on
// the remote may lie here already.
package toolchain

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Installed is a version of a tool, in a folder of its own.
type Installed struct {
	Version string
	// Home holds bin; for Java it is the JAVA_HOME.
	Home string
}

// Bin is the folder of its programs.
func (i Installed) Bin() string { return filepath.Join(i.Home, "bin") }

// Names are the tools that are known here.
func Names() []string { return slices.Sorted(maps.Keys(kinds)) }

// kind is where a tool's versions lie. Places are globs; what begins with ~ is
// below the user's home.
type kind struct {
	program   string
	places    []string
	variables *regexp.Regexp
	version   func(home string) string
}

var kinds = map[string]kind{
	"go": {"go", []string{"/usr/local/go", "/usr/lib/go-*", "~/sdk/go*", "~/go/pkg/mod/golang.org/toolchain@*"}, regexp.MustCompile(`^GOROOT$`), goVersion},
	"java": {"javac", []string{
		"/usr/lib/jvm/*", "/usr/java/*", "/opt/java/*", "~/.sdkman/candidates/java/*", "~/.jdks/*", "~/.asdf/installs/java/*", "~/.local/share/mise/installs/java/*",
		"/Library/Java/JavaVirtualMachines/*/Contents/Home", "~/Library/Java/JavaVirtualMachines/*/Contents/Home",
	}, regexp.MustCompile(`^JAVA_HOME(_.*)?$`), javaVersion},
	"node":   {"node", []string{"~/.nvm/versions/node/*", "~/.local/share/fnm/node-versions/*/installation", "~/.volta/tools/image/node/*", "~/.asdf/installs/nodejs/*", "~/.local/share/mise/installs/node/*"}, nil, folderVersion},
	"python": {"python3", []string{"~/.pyenv/versions/*", "~/.asdf/installs/python/*", "~/.local/share/mise/installs/python/*"}, nil, folderVersion},
}

// Find gives the versions of a tool, in the order of their places. The environment
// is the caller's, as os.Environ gives it: it may name places itself, as the
// JAVA_HOME_21_X64 of the remote's runners do.
func Find(tool string, environ []string) []Installed {
	k, known := kinds[tool]
	if !known {
		return nil
	}
	var all []Installed
	for _, place := range k.candidates(environ) {
		home, err := filepath.EvalSymlinks(place)
		if err != nil || slices.ContainsFunc(all, func(i Installed) bool { return i.Home == home }) {
			continue
		}
		if info, err := os.Stat(filepath.Join(home, "bin", k.program)); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		if version := k.version(place); version != "" {
			all = append(all, Installed{version, home})
		}
	}
	return all
}

func (k kind) candidates(environ []string) []string {
	var home string
	var list []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if name == "HOME" {
			home = value
		}
		if k.variables != nil && value != "" && k.variables.MatchString(name) {
			list = append(list, value)
		}
	}
	for _, place := range k.places {
		below, own := strings.CutPrefix(place, "~")
		if own {
			place = home + below
		}
		if own && home == "" {
			continue
		}
		found, _ := filepath.Glob(place) // the patterns are ours
		list = append(list, found...)
	}
	if k.program == "javac" && home != "" {
		list = append(list, toolchainsXML(filepath.Join(home, ".m2", "toolchains.xml"))...)
	}
	return list
}

var jdkHome = regexp.MustCompile(`<jdkHome>\s*([^<]+?)\s*</jdkHome>`)

// toolchainsXML are the places that Maven's own list names.
func toolchainsXML(file string) []string {
	content, _ := os.ReadFile(file) // few have one
	var list []string
	for _, found := range jdkHome.FindAllStringSubmatch(string(content), -1) {
		list = append(list, found[1])
	}
	return list
}

var releaseVersion = regexp.MustCompile(`(?m)^JAVA_VERSION="([^"]+)"`)

// javaVersion is in a file that every JDK has since 9.
func javaVersion(home string) string { return match(releaseVersion, filepath.Join(home, "release")) }

var goRelease = regexp.MustCompile(`^go([0-9][0-9A-Za-z.]*)`)

func goVersion(home string) string { return match(goRelease, filepath.Join(home, "VERSION")) }

func match(pattern *regexp.Regexp, file string) string {
	content, _ := os.ReadFile(file) // what has none is not one of them
	if found := pattern.FindSubmatch(content); found != nil {
		return string(found[1])
	}
	return ""
}

var versionInPath = regexp.MustCompile(`(?:^|/)v?([0-9]+\.[0-9][0-9A-Za-z.]*)(?:/|$)`)

// folderVersion is in the folder's name, as version managers have it.
func folderVersion(home string) string {
	if all := versionInPath.FindAllStringSubmatch(filepath.ToSlash(home), -1); len(all) > 0 {
		return all[len(all)-1][1]
	}
	return ""
}
