// Package secrets keeps a project's secrets: one file that only its owner can
// read, from which they go into the cluster.
package secrets

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
)

const header = `# Secrets of this project, made by pawskind. Never commit this file.
# Your own lines stay; what stands below a line "# generated" goes with the data
# when you run pawskind reset.
`

// marker stands on a line of its own: programs that read such files, a
// container engine's --env-file among them, take the rest of a line as the value.
const marker = "# generated"

var keyPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Ensure reads the secrets and generates the missing ones of the required keys.
// A file that others could read is closed to them.
func Ensure(file string) (map[string]string, error) {
	content, err := read(file)
	if err != nil {
		return nil, err
	}
	values, err := parse(content)
	if err != nil {
		return nil, err
	}
	missing := Missing(values)
	if len(missing) == 0 {
		return values, nil
	}
	var out bytes.Buffer
	if len(content) == 0 {
		out.WriteString(header)
	}
	out.Write(content)
	if len(content) > 0 && content[len(content)-1] != '\n' {
		out.WriteByte('\n')
	}
	for _, key := range missing {
		values[key] = generate()
		fmt.Fprintf(&out, "%s\n%s=%s\n", marker, key, values[key])
	}
	return values, write(file, out.Bytes())
}

// Check tells of every required secret that the file lacks.
func Check(file string) error {
	content, err := read(file)
	if err != nil {
		return err
	}
	values, err := parse(content)
	if err != nil {
		return err
	}
	var problems problem.Several
	for _, key := range Missing(values) {
		problems = append(problems, problem.New(problem.SecretMissing, "Missing secret: %s. Run: make local-gen-secrets", key).
			Do("Run make local-start, which generates what is missing"))
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// Exists tells whether the file holds all required secrets.
func Exists(file string) bool { return Check(file) == nil }

// Forget removes the generated secrets, and the file when nothing else is in it.
func Forget(file string) error {
	content, err := read(file)
	if err != nil || len(content) == 0 {
		return err
	}
	var kept []string
	own, marked := false, false
	for _, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
		if line == marker || marked {
			marked = line == marker
			continue
		}
		kept = append(kept, line)
		own = own || (line != "" && !strings.HasPrefix(line, "#"))
	}
	if !own {
		if err := os.Remove(file); err != nil {
			return problem.New(problem.FileFailed, "cannot remove %s", file).Because(err)
		}
		return nil
	}
	return write(file, []byte(strings.Join(kept, "\n")+"\n"))
}

// Missing are the required keys without a value.
func Missing(values map[string]string) []string {
	return slices.DeleteFunc(naming.RequiredKeys(), func(key string) bool { return values[key] != "" })
}

// generate gives 32 random bytes in letters that need no quoting anywhere.
func generate() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(random)
}

func read(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(file, 0o600)
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, problem.New(problem.FileFailed, "cannot read %s", file).Because(err)
	}
	return content, nil
}

// parse reads KEY=value lines. A fault names the line and never its content.
func parse(content []byte) (map[string]string, error) {
	values := map[string]string{}
	scanner := bufio.NewScanner(bytes.NewReader(content))
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		key = strings.TrimSpace(key)
		if !found || !keyPattern.MatchString(key) {
			return nil, problem.New(problem.SecretUnreadable, "line %d of secrets.env is not KEY=value", number)
		}
		values[key] = unquote(strings.TrimSpace(value))
	}
	return values, scanner.Err()
}

func unquote(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// write replaces the file at once: a crash leaves the old or the new one.
func write(file string, content []byte) error {
	fail := func(err error) error {
		return problem.New(problem.FileFailed, "cannot write %s", file).Because(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fail(err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".secrets-*") // mode 0600
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	if _, err = temporary.Write(content); err == nil {
		err = temporary.Sync()
	}
	if closing := temporary.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}
