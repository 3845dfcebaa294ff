// Package docs checks that the documents say what is so.
package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// numbers are all that the specification and its addendum count.
func numbers() []string {
	list := []string{"FR-000", "FR-000a", "FR-037", "FR-039", "FR-050"}
	count := func(prefix string, last int) {
		for n := 1; n <= last; n++ {
			list = append(list, fmt.Sprintf("%s-%03d", prefix, n))
		}
	}
	count("FR", 24)
	count("NFR-SEC", 4)
	count("NFR-OBS", 4)
	count("NFR-PERF", 3)
	count("NFR-ACCESS", 2)
	count("NFR-MAINT", 2)
	count("SC", 12)
	count("TC", 40)
	return list
}

// row is one line of the table.
type row struct {
	number, answer, state string
	tests                 []string
}

var numbered = regexp.MustCompile(`^(FR|NFR-[A-Z]+|SC|TC)-\d{3}a?$`)

func rows(t *testing.T) []row {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "docs/requirements.md"))
	require.NoError(t, err)
	var all []row
	for line := range strings.Lines(string(content)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if !numbered.MatchString(cells[0]) {
			continue
		}
		require.Len(t, cells, 4, line)
		r := row{number: cells[0], answer: cells[1], state: cells[3]}
		if cells[2] != "—" {
			for name := range strings.SplitSeq(cells[2], ",") {
				name = strings.TrimSpace(name)
				require.Regexp(t, "^`Test[^`]+`$", name, cells[0])
				r.tests = append(r.tests, strings.Trim(name, "`"))
			}
		}
		all = append(all, r)
	}
	return all
}

func TestEveryRequirementIsListedOnce(t *testing.T) {
	var listed []string
	for _, r := range rows(t) {
		listed = append(listed, r.number)
	}
	require.ElementsMatch(t, numbers(), listed)
}

func TestRequirementsSayTheirState(t *testing.T) {
	for _, r := range rows(t) {
		require.Contains(t, []string{"done", "partly", "not yet"}, r.state, r.number)
		require.NotEmpty(t, r.answer, r.number)
		if r.state == "done" {
			require.NotEmpty(t, r.tests, "%s is done, and no test proves it", r.number)
		}
	}
}

var declared = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// testFiles are the contents of the repository's own tests, by the names of the
// tests that they declare.
func testFiles(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", ".local", "bin", "dist", "node_modules", "target", ".next"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range declared.FindAllStringSubmatch(string(content), -1) {
			files[match[1]] = append(files[match[1]], string(content))
		}
		return nil
	}))
	return files
}

func TestNamedTestsExist(t *testing.T) {
	files := testFiles(t)
	for _, r := range rows(t) {
		for _, name := range r.tests {
			test, sub, isSub := strings.Cut(name, "/")
			require.Contains(t, files, test, "%s names a test that is not there", r.number)
			if isSub {
				require.True(t, slices.ContainsFunc(files[test], func(content string) bool {
					return strings.Contains(content, fmt.Sprintf("%q", sub))
				}), "%s: %s has no subtest %q", r.number, test, sub)
			}
		}
	}
}
