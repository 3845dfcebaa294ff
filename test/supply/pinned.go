// Package supply judges what the repository is built from: nothing may change
// under it without a commit.
package supply

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Debian packages have no version in a Dockerfile: a Debian release takes
// corrections alone, and what it has replaced cannot be fetched any more. The
// release is pinned, and `pawskind images sbom` tells which versions went in.
var suites = []string{"debian:trixie-slim", "debian:bookworm-slim", "debian:${SUITE}-slim", "scratch"}

// Unpinned says what of a file is fetched in a version that is not written down,
// by its name; nothing for a file that fetches nothing.
func Unpinned(name string, content []byte) ([]string, error) {
	base := path.Base(name)
	switch {
	case base == "Dockerfile":
		return append(froms(string(content)), commands(string(content))...), nil
	case base == "Makefile" || path.Ext(base) == ".sh" || name == ".ci/run":
		return commands(string(content)), nil
	case strings.HasPrefix(name, ".github/workflows/"):
		found, err := workflow(content)
		return append(found, commands(string(content))...), err
	case base == "package.json":
		return manifest(content)
	case base == "package-lock.json":
		return lock(content)
	case base == "pom.xml":
		return pom(content)
	case base == "go.mod":
		return modules(string(content)), nil
	}
	return nil, nil
}

// froms are base images beyond the two Debian releases and earlier stages.
func froms(content string) []string {
	var found, stages []string
	for line := range strings.Lines(content) {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.EqualFold(words[0], "FROM") {
			continue
		}
		if !slices.Contains(suites, words[1]) && !slices.Contains(stages, words[1]) && !strings.Contains(words[1], "@sha256:") {
			found = append(found, "FROM "+words[1])
		}
		if len(words) == 4 {
			stages = append(stages, words[3])
		}
	}
	return found
}

// floating are commands that fetch whatever is newest.
var floating = []*regexp.Regexp{
	regexp.MustCompile(`\bnpm (i|install|add)\b[^\n]*`),
	regexp.MustCompile(`\bnpx (-y|--yes)\b[^\n]*`),
	regexp.MustCompile(`\bpip3? install\b[^\n]*`),
	regexp.MustCompile(`\bgo (run|install|get) [^\n]*@(latest|master|main|upgrade|patch)\b[^\n]*`),
	regexp.MustCompile(`\b(curl|wget)\b[^\n]*\| *(ba|z)?sh\b`),
	regexp.MustCompile(`(?m)^ADD +https?:[^\n]*`),
	regexp.MustCompile(`\bgit clone\b[^\n]*`),
	regexp.MustCompile(`\bmvn\b[^\n]*(versions:use-|-U\b)[^\n]*`),
}

// commands are lines of a script that fetch whatever is newest. Debian's package
// of npm is installed like any other.
func commands(content string) []string {
	var found []string
	for line := range strings.Lines(content) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") || strings.Contains(line, "apt-get install") {
			continue
		}
		for _, pattern := range floating {
			if hit := pattern.FindString(line); hit != "" {
				found = append(found, strings.TrimSpace(hit))
			}
		}
	}
	return found
}

// release is a version's tag of an action or an image: v4, 17, 8.2.1.
var release = regexp.MustCompile(`^v?\d+(\.\d+)*(-[\w.]+)?$|^[0-9a-f]{40}$`)

// workflow are actions and service images without a release.
func workflow(content []byte) ([]string, error) {
	var document struct {
		Jobs map[string]struct {
			Steps    []struct{ Uses string }
			Services map[string]struct{ Image string }
		}
	}
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	var found []string
	for _, job := range document.Jobs {
		for _, step := range job.Steps {
			if _, version, _ := strings.Cut(step.Uses, "@"); step.Uses != "" && !strings.HasPrefix(step.Uses, "./") && !release.MatchString(version) {
				found = append(found, "uses: "+step.Uses)
			}
		}
		for _, service := range job.Services {
			if i := strings.LastIndex(service.Image, ":"); !release.MatchString(service.Image[i+1:]) {
				found = append(found, "image: "+service.Image)
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

var exact = regexp.MustCompile(`^\d+\.\d+\.\d+([-+][\w.-]+)?$`)

// manifest are dependencies of a package.json that name a range.
func manifest(content []byte) ([]string, error) {
	var document struct {
		Dependencies, DevDependencies, OptionalDependencies, PeerDependencies map[string]string
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	var found []string
	for _, group := range []map[string]string{document.Dependencies, document.DevDependencies, document.OptionalDependencies, document.PeerDependencies} {
		for name, version := range group {
			if !exact.MatchString(version) {
				found = append(found, name+" "+version)
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

// lock are packages of a lock file without a digest.
func lock(content []byte) ([]string, error) {
	var document struct {
		Packages map[string]struct {
			Version, Integrity string
			Link               bool
		}
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	if len(document.Packages) == 0 {
		return []string{"no packages: a lock file of version 2 or newer is wanted"}, nil
	}
	var found []string
	for name, p := range document.Packages {
		if name != "" && !p.Link && (p.Version == "" || p.Integrity == "") {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found, nil
}

// pom are versions of a pom.xml that Maven would resolve anew. One without a
// version takes that of the parent, which has one.
func pom(content []byte) ([]string, error) {
	decoder := xml.NewDecoder(strings.NewReader(string(content)))
	var found, within []string
	parent := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			within = append(within, t.Name.Local)
			parent = parent || t.Name.Local == "parent"
		case xml.EndElement:
			within = within[:len(within)-1]
		case xml.CharData:
			value := strings.TrimSpace(string(t))
			if len(within) > 0 && within[len(within)-1] == "version" && floats(value) {
				found = append(found, strings.Join(within[1:], "/")+" "+value)
			}
		}
	}
	if !parent {
		found = append(found, "no parent that versions are taken from")
	}
	return found, nil
}

func floats(version string) bool {
	return strings.ContainsAny(version, "[(,") || strings.HasSuffix(version, "SNAPSHOT") || version == "LATEST" || version == "RELEASE"
}

// modules are replacements of a go.mod by a folder outside of the repository. All
// else in it has a version by Go's own rules, and go.sum a digest.
func modules(content string) []string {
	var found []string
	for line := range strings.Lines(content) {
		if _, target, replaces := strings.Cut(line, "=>"); replaces && strings.HasPrefix(strings.TrimSpace(target), "/") {
			found = append(found, fmt.Sprintf("replace => %s", strings.TrimSpace(target)))
		}
	}
	return found
}
