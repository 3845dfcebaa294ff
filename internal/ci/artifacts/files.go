package artifacts

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/problem"
)

// Get copies artifacts of a run, all when none is named, to a folder: one folder
// an artifact. It returns the names of what it copied.
func (s *Store) Get(id string, names []string, folder string) ([]string, error) {
	e, err := s.Find(id)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.Contains(e.Artifacts, name) {
			p := problem.New(problem.ArtifactUnknown, "run %s has no artifact %q", id, name)
			if len(e.Artifacts) > 0 {
				p = p.Do("It has: %s", strings.Join(e.Artifacts, ", "))
			}
			return nil, p
		}
	}
	if len(names) == 0 {
		names = e.Artifacts
	}
	for _, name := range names {
		if err := copyTree(filepath.Join(e.Run.Artifacts(), name), filepath.Join(folder, name)); err != nil {
			return nil, problem.New(problem.FileFailed, "cannot copy the artifact %s to %s", name, folder).Because(err)
		}
	}
	return names, nil
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return os.Symlink(link, target)
		case d.Type().IsRegular():
			return copyFile(name, target)
		}
		return nil
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// Clean removes runs: those named, or all that have ended when none is. A run
// that is still going on is only removed by its number.
func (s *Store) Clean(ids ...string) ([]Entry, error) {
	var chosen []Entry
	for _, id := range ids {
		e, err := s.Find(id)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, e)
	}
	if len(ids) == 0 {
		all, err := s.List()
		if err != nil {
			return nil, err
		}
		chosen = slices.DeleteFunc(all, s.mayRun)
	}
	return chosen, remove(chosen)
}

// Prune removes what is older than the retention.
func (s *Store) Prune() ([]Entry, error) {
	if s.Retention == 0 {
		return nil, nil
	}
	all, err := s.List()
	if err != nil {
		return nil, err
	}
	old := slices.DeleteFunc(all, func(e Entry) bool {
		return s.Now().Sub(e.Modified) < s.Retention || s.mayRun(e)
	})
	return old, remove(old)
}

// mayRun tells whether a run without a result could still be going on: a job
// ends after six hours, as on the remote, and a day holds a few after another.
func (s *Store) mayRun(e Entry) bool {
	return e.Result == nil && s.Now().Sub(e.Modified) < 24*time.Hour
}

func remove(entries []Entry) error {
	for _, e := range entries {
		if err := os.RemoveAll(e.Folder); err != nil {
			return problem.New(problem.FileFailed, "cannot remove %s", e.Folder).Because(err)
		}
		_ = os.Remove(filepath.Dir(e.Folder)) // only an empty one goes
	}
	return nil
}
