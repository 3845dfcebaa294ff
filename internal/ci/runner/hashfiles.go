package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// hashFiles is the function of that name: a digest of the digests of the files
// that match, in the order of their paths; empty when none does.
func (l *leg) hashFiles(arguments []reflect.Value) (any, error) {
	var patterns []string
	for _, a := range arguments {
		for line := range strings.SplitSeq(a.String(), "\n") {
			if line = strings.TrimSpace(line); line != "" && line != "--follow-symbolic-links" {
				patterns = append(patterns, line)
			}
		}
	}
	names, err := matching(l.workspace(), patterns)
	if err != nil || len(names) == 0 {
		return "", err
	}
	all := sha256.New()
	for _, name := range names {
		one, err := hashFile(filepath.Join(l.workspace(), name))
		if err != nil {
			return "", fmt.Errorf("hashing %s: %w", name, err)
		}
		_, _ = all.Write(one)
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

func hashFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return sum.Sum(nil), err
}

// matching are the files below a folder that the last pattern that matches them
// takes in, in the order of their paths. A pattern after ! takes out; one that
// names a folder means all that is in it.
func matching(folder string, patterns []string) ([]string, error) {
	for i, p := range patterns {
		not := strings.HasPrefix(p, "!")
		p = strings.TrimPrefix(strings.TrimPrefix(p, "!"), "./")
		if relative, err := filepath.Rel(folder, p); err == nil && filepath.IsAbs(p) {
			p = relative
		}
		if p = strings.TrimSuffix(p, "/"); not {
			p = "!" + p
		}
		patterns[i] = p
	}
	var names []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil // a link to nowhere or to a folder is no file
		}
		if taken(relative, patterns) {
			names = append(names, relative)
		}
		return nil
	})
	return names, err
}

func taken(name string, patterns []string) bool {
	in := false
	for _, p := range patterns {
		pattern, not := strings.CutPrefix(p, "!")
		match := pattern == "." || doublestar.MatchUnvalidated(pattern, name) || doublestar.MatchUnvalidated(pattern+"/**", name)
		if match {
			in = !not
		}
	}
	return in
}
