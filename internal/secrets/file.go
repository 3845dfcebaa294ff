package secrets

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/paws360/pawskind/internal/problem"
)

var keyPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Guard closes the file to other users, and tells whether it was open to them.
// A file that git tracks is refused: it would be pushed with the next commit.
func Guard(file string) (closed bool, err error) {
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no ordinary file")
	}
	if err != nil {
		return false, problem.New(problem.FileFailed, "cannot use %s", file).Because(err)
	}
	if tracked(file) {
		return false, problem.New(problem.SecretTracked, "git tracks %s", file).
			Do("Run: git -C %s rm --cached %s, commit, and replace what was committed: pawskind secrets rotate", filepath.Dir(file), filepath.Base(file))
	}
	return private(file)
}

// private closes the file to others, and tells whether it was open.
func private(file string) (closed bool, err error) {
	info, err := os.Stat(file)
	if err == nil && info.Mode().Perm()&0o077 == 0 {
		return false, nil
	}
	if err == nil {
		err = os.Chmod(file, 0o600)
	}
	if err != nil {
		return false, problem.New(problem.FileFailed, "cannot close %s to others", file).Because(err)
	}
	return true, nil
}

// tracked asks git, whoever owns the repository; where there is none, nothing is
// tracked.
func tracked(file string) bool {
	git := exec.Command("git", "-c", "safe.directory=*", "-C", filepath.Dir(file), "ls-files", "--error-unmatch", "--", filepath.Base(file))
	return git.Run() == nil
}

func read(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		_, err = private(file)
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
