package secrets

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/problem"
)

const nextHeader = `# Values that a rotation is bringing into use. They are in secrets.env once they
# are all in use; pawskind secrets rotate finishes a rotation that was interrupted.
`

// nextFile stands beside the secrets. A value is in one of the two files from
// before anything knows it until after nothing needs the other one.
func nextFile(file string) string { return filepath.Join(filepath.Dir(file), "secrets.next.env") }

// Pending are the values of a rotation that has begun and is not finished.
func Pending(file string) (map[string]string, error) {
	next, err := Read(nextFile(file))
	if err != nil {
		return nil, err
	}
	now, err := Read(file)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(next, func(key, value string) bool { return now[key] == value })
	return next, nil
}

// Propose generates the next values of the keys and keeps them; a key that is
// being rotated keeps the value that it has been given.
func Propose(file string, keys []string) (map[string]string, error) {
	next, err := Pending(file)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if next[key] == "" {
			next[key] = generate()
		}
	}
	return next, keep(file, next)
}

// Accept puts values of the rotation, which are in use now, among the secrets.
func Accept(file string, values map[string]string) error {
	content, err := read(file)
	if err != nil {
		return err
	}
	if err := write(file, replace(content, values)); err != nil {
		return err
	}
	return Withdraw(file, slices.Collect(maps.Keys(values)))
}

// Withdraw forgets values of the rotation that nothing uses.
func Withdraw(file string, keys []string) error {
	next, err := Pending(file)
	if err != nil {
		return err
	}
	for _, key := range keys {
		delete(next, key)
	}
	return keep(file, next)
}

func keep(file string, next map[string]string) error {
	name := nextFile(file)
	if len(next) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return problem.New(problem.FileFailed, "cannot remove %s", name).Because(err)
		}
		return nil
	}
	var out bytes.Buffer
	out.WriteString(nextHeader)
	for _, key := range slices.Sorted(maps.Keys(next)) {
		fmt.Fprintf(&out, "%s=%s\n", key, next[key])
	}
	return write(name, out.Bytes())
}

// replace gives keys their new values in their old places, marked as generated.
func replace(content []byte, values map[string]string) []byte {
	var out []string
	left := maps.Clone(values)
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		key, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		value, found := values[strings.TrimSpace(key)]
		if !found {
			out = append(out, line)
			continue
		}
		key = strings.TrimSpace(key)
		if len(out) == 0 || out[len(out)-1] != marker {
			out = append(out, marker)
		}
		out = append(out, key+"="+value)
		delete(left, key)
	}
	for _, key := range slices.Sorted(maps.Keys(left)) {
		out = append(out, marker, key+"="+left[key])
	}
	return []byte(strings.Join(out, "\n") + "\n")
}
