package secrets

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
)

func TestFirstStartGeneratesAllKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".local", "secrets.env")
	values, err := Ensure(file)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, key := range naming.RequiredKeys() {
		require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, values[key])
		require.False(t, seen[values[key]], "each secret is its own")
		seen[values[key]] = true
	}
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, Check(file))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Regexp(t, `(?m)^REDIS_PASSWORD=[A-Za-z0-9_-]{43}$`, string(content), "the value is all that follows the sign")

	again, err := Ensure(file)
	require.NoError(t, err)
	require.Equal(t, values, again)
}

func TestOwnValuesStay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.env")
	require.NoError(t, os.WriteFile(file, []byte("# mine\nexport GITHUB_TOKEN='abc'\nREDIS_PASSWORD=\"p=q\""), 0o644))
	values, err := Ensure(file)
	require.NoError(t, err)
	require.Equal(t, "abc", values["GITHUB_TOKEN"])
	require.Equal(t, "p=q", values["REDIS_PASSWORD"])
	require.NotEmpty(t, values["POSTGRES_PASSWORD"])
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "closed to others")

	require.NoError(t, Forget(file))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "# mine\nexport GITHUB_TOKEN='abc'\nREDIS_PASSWORD=\"p=q\"\n", string(content))
	renewed, err := Ensure(file)
	require.NoError(t, err)
	require.NotEqual(t, values["POSTGRES_PASSWORD"], renewed["POSTGRES_PASSWORD"])
}

func TestForgetRemovesAFileOfGeneratedSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.env")
	_, err := Ensure(file)
	require.NoError(t, err)
	require.NoError(t, Forget(file))
	require.NoFileExists(t, file)
	require.NoError(t, Forget(file), "nothing to forget")
}

func TestCheckNamesEachMissingSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.env")
	require.NoError(t, os.WriteFile(file, []byte("POSTGRES_PASSWORD=\n"), 0o600))
	err := Check(file)
	require.ErrorContains(t, err, "Missing secret: POSTGRES_PASSWORD. Run: make local-gen-secrets")
	require.Len(t, problem.Of(err), len(naming.RequiredKeys()))
	require.Equal(t, problem.ExitValidation, problem.Exit(err))
}

func TestCheckNamesEachWeakSecret(t *testing.T) {
	cases := map[string]struct{ value, why string }{
		"short":      {"Ab3$Ab3$", "has 8 characters"},
		"one letter": {strings.Repeat("ab", 20), "has 2 different characters"},
		"known":      {"postgrespassword123", "words that are tried first"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "secrets.env")
			require.NoError(t, os.WriteFile(file, []byte("POSTGRES_PASSWORD="+c.value+"\n"), 0o600))
			_, err := Ensure(file)
			require.NoError(t, err)
			err = Check(file)
			require.ErrorContains(t, err, "Weak secret: POSTGRES_PASSWORD")
			require.ErrorContains(t, err, c.why)
			require.NotContains(t, err.Error(), c.value)
			require.Equal(t, problem.ExitValidation, problem.Exit(err))
		})
	}
}

func TestGuardClosesAndRefuses(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "secrets.env")
	closed, err := Guard(file)
	require.NoError(t, err)
	require.False(t, closed, "no file yet")

	require.NoError(t, os.WriteFile(file, []byte("A=1\n"), 0o644))
	closed, err = Guard(file)
	require.NoError(t, err)
	require.True(t, closed)
	closed, err = Guard(file)
	require.NoError(t, err)
	require.False(t, closed)

	for _, words := range [][]string{{"init", "-q"}, {"add", "-f", "secrets.env"}} {
		require.NoError(t, exec.Command("git", append([]string{"-C", folder}, words...)...).Run())
	}
	_, err = Guard(file)
	require.ErrorContains(t, err, "ERR_SECRET_005")

	link := filepath.Join(t.TempDir(), "secrets.env")
	require.NoError(t, os.Symlink(file, link))
	_, err = Guard(link)
	require.ErrorContains(t, err, "no ordinary file")
}

func TestTheTemplateNamesEveryKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.env")
	require.NoError(t, os.WriteFile(file, []byte(Template()), 0o600))
	values, err := Read(file)
	require.NoError(t, err)
	require.ElementsMatch(t, naming.RequiredKeys(), slices.Collect(maps.Keys(values)))
	require.ErrorContains(t, Check(file), "Missing secret: REDIS_PASSWORD. Run: make local-gen-secrets")
	_, err = Ensure(file)
	require.NoError(t, err)
	require.NoError(t, Check(file), "placeholders are filled in")
}

func TestAFaultNeverShowsTheLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.env")
	require.NoError(t, os.WriteFile(file, []byte("A=1\nhunter2 oops\n"), 0o600))
	_, err := Ensure(file)
	require.ErrorContains(t, err, "line 2 of secrets.env")
	require.False(t, strings.Contains(err.Error(), "hunter2"))
}
