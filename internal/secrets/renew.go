package secrets

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/paws360/pawskind/internal/problem"
)

const previousHeader = `# The secrets before a rotation that has not ended. pawskind removes this file.
`

// previousFile keeps what the servers may still know while the secrets are rotated.
func previousFile(file string) string {
	return filepath.Join(filepath.Dir(file), "secrets.previous.env")
}

// Renew gives the keys new values. The old ones are kept beside them until
// Renewed, and are written first: whatever happens, one of the two files has
// what the servers know.
func Renew(file string, keys []string) error {
	content, err := read(file)
	if err != nil {
		return err
	}
	values, err := parse(content)
	if err != nil {
		return err
	}
	before, after := map[string]string{}, map[string]string{}
	for _, key := range keys {
		before[key], after[key] = values[key], generate()
	}
	if err := write(previousFile(file), replace([]byte(previousHeader), before)); err != nil {
		return err
	}
	return write(file, replace(content, after))
}

// Unfinished are the values before a rotation that has not ended.
func Unfinished(file string) (map[string]string, error) {
	values, err := Read(file)
	if err != nil {
		return nil, err
	}
	before, err := Read(previousFile(file))
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(before, func(key, value string) bool { return lacking(value) || values[key] == value })
	return before, nil
}

// Renewed forgets the values before a rotation, which has ended.
func Renewed(file string) error {
	name := previousFile(file)
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.FileFailed, "cannot remove %s", name).Because(err)
	}
	return nil
}

// Names are the keys of values, sorted.
func Names(values map[string]string) []string { return slices.Sorted(maps.Keys(values)) }
