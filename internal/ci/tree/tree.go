// Package tree gives each job of a run a checkout of its own: HEAD with the
// changes that are not committed, and the files that git does not know and does
// not ignore, laid over it. Jobs write into their checkout and not into the
// developer's files, and none sees what another one left.
package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Snapshot is the repository as it was when the run began.
type Snapshot struct {
	folder string
	files  []string
	// Submodules are the folders that stay empty.
	Submodules []string
}

// Take copies the repository's files below a folder that does not exist yet. What
// is edited after it is not seen by the run.
func Take(ctx context.Context, repo, folder string) (*Snapshot, error) {
	s := &Snapshot{folder: folder}
	if err := os.MkdirAll(s.tree(), 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for the run's files: %w", err)
	}
	if err := s.clone(ctx, repo); err != nil {
		return nil, err
	}
	listed, err := git(ctx, repo, nil, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(listed, "\x00") {
		if name == "" || strings.HasSuffix(name, "/") {
			if name != "" { // a repository inside this one
				s.Submodules = append(s.Submodules, strings.TrimSuffix(name, "/"))
			}
			continue
		}
		switch err := copyFile(filepath.Join(repo, name), filepath.Join(s.tree(), name)); {
		case err == nil:
			s.files = append(s.files, name)
		case errors.Is(err, errFolder):
			s.Submodules = append(s.Submodules, name)
		case errors.Is(err, fs.ErrNotExist): // deleted and not committed
		default:
			return nil, fmt.Errorf("copying %s: %w", name, err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return s, nil
}

func (s *Snapshot) tree() string { return filepath.Join(s.folder, "tree") }
func (s *Snapshot) git() string  { return filepath.Join(s.folder, "git") }

// clone makes the snapshot's git folder. Its objects are the repository's own.
func (s *Snapshot) clone(ctx context.Context, repo string) error {
	bare := filepath.Join(s.folder, "clone")
	if _, err := git(ctx, repo, nil, "clone", "--quiet", "--shared", "--no-checkout", "--", repo, bare); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(bare, ".git"), s.git()); err != nil {
		return err
	}
	if err := os.Remove(bare); err != nil {
		return err
	}
	index, err := git(ctx, repo, nil, "rev-parse", "--git-path", "index")
	if err != nil {
		return err
	}
	file := strings.TrimSpace(index)
	if !filepath.IsAbs(file) {
		file = filepath.Join(repo, file)
	}
	if err := copyFile(file, filepath.Join(s.git(), "index")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copying git's index: %w", err)
	}
	// The copies have the originals' times and sizes; with that, git need not read
	// every file to see that it is unchanged.
	config := [][]string{{"core.checkStat", "minimal"}, {"core.trustctime", "false"}}
	if origin, err := git(ctx, repo, nil, "config", "--get", "remote.origin.url"); err == nil {
		config = append(config, []string{"remote.origin.url", strings.TrimSpace(origin)})
	}
	for _, c := range config {
		if _, err := git(ctx, repo, nil, "--git-dir", s.git(), "config", c[0], c[1]); err != nil {
			return err
		}
	}
	return nil
}

// Checkout puts the files that are wanted into a folder, with a git folder of
// their own. Those that git knows and the job does not get are marked in its
// index, so that they do not look deleted.
func (s *Snapshot) Checkout(ctx context.Context, folder string, wanted func(name string) bool) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(folder, ".git")); err != nil {
		return err
	}
	if err := copyFolder(s.git(), filepath.Join(folder, ".git")); err != nil {
		return fmt.Errorf("copying git's folder: %w", err)
	}
	var left []string
	for _, name := range s.files {
		if !wanted(name) {
			left = append(left, name)
			continue
		}
		if err := copyFile(filepath.Join(s.tree(), name), filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("copying %s: %w", name, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, name := range s.Submodules {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			return err
		}
	}
	if err := dateFolders(folder); err != nil {
		return fmt.Errorf("dating the folders of %s: %w", folder, err)
	}
	return skip(ctx, folder, left)
}

// skip marks files as not checked out.
func skip(ctx context.Context, folder string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	known, err := git(ctx, folder, nil, "ls-files", "-z")
	if err != nil {
		return err
	}
	tracked := strings.Split(known, "\x00")
	slices.Sort(tracked)
	names = slices.DeleteFunc(names, func(name string) bool {
		_, found := slices.BinarySearch(tracked, name)
		return !found
	})
	_, err = git(ctx, folder, strings.NewReader(strings.Join(names, "\x00")+"\x00"), "update-index", "-z", "--skip-worktree", "--stdin")
	return err
}

// Remove deletes the snapshot.
func (s *Snapshot) Remove() error { return RemoveAll(s.folder) }

// RemoveAll deletes a folder even when a job made parts of it read-only, as Go's
// module cache is.
func RemoveAll(folder string) error {
	if err := os.RemoveAll(folder); err == nil {
		return nil
	}
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700) // what is still in the way shows below
		}
		return nil
	})
	return os.RemoveAll(folder)
}

func git(ctx context.Context, folder string, in io.Reader, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir, command.Stdin = folder, in
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s in %s: %w: %s", args[0], folder, err, strings.TrimSpace(complaint.String()))
	}
	return string(out), nil
}
