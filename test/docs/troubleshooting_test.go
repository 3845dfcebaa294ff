package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/problem"
)

func troubleshooting(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "docs/troubleshooting.md"))
	require.NoError(t, err)
	return string(content)
}

// TC-029: ten issues and more, each from symptom to fix.
func TestTroubleshootingHasItsParts(t *testing.T) {
	issues := strings.Split(troubleshooting(t), "\n## ")[1:]
	require.GreaterOrEqual(t, len(issues), 10)
	for _, issue := range issues {
		title, text, _ := strings.Cut(issue, "\n")
		for _, part := range []string{"Symptom", "Diagnosis", "Cause", "Fix"} {
			require.Contains(t, text, "- **"+part+"**: ", title)
		}
	}
}

var code = regexp.MustCompile(`ERR_[A-Z]+_\d{3}`)

func TestTroubleshootingNamesKnownCodes(t *testing.T) {
	codes := code.FindAllString(troubleshooting(t), -1)
	require.NotEmpty(t, codes)
	for _, c := range codes {
		_, known := problem.Code(c).Entry()
		require.True(t, known, c)
	}
}
