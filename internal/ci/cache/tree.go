package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is the files that jobs can read, as they were at one moment: tracked ones
// and untracked ones that git does not ignore.
type Tree struct {
	root   string
	names  []string
	stamps map[string]stamp
	sums   map[string]string
}

// list finds the files of the repository at root, without reading them.
func list(ctx context.Context, root string) (*Tree, error) {
	t := &Tree{root: root, stamps: map[string]stamp{}}
	if err := t.add(ctx, ""); err != nil {
		return nil, err
	}
	slices.Sort(t.names)
	return t, nil
}

// add lists the repository in the folder, and those within it.
func (t *Tree) add(ctx context.Context, folder string) error {
	out, err := git(ctx, filepath.Join(t.root, folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(out, "\x00") {
		if name == "" {
			continue
		}
		name = path.Join(folder, name)
		if name == ".local" || strings.HasPrefix(name, ".local/") { // pawskind's own, ignored or not
			continue
		}
		if _, listed := t.stamps[name]; listed { // a conflict lists it three times
			continue
		}
		info, err := os.Lstat(filepath.Join(t.root, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // deleted, and git has not been told
		case err != nil:
			return fmt.Errorf("looking at %s: %w", name, err)
		case info.IsDir(): // a repository of its own; without one it is empty
			if _, err := os.Lstat(filepath.Join(t.root, name, ".git")); err == nil {
				if err := t.add(ctx, name); err != nil {
					return err
				}
			}
			continue
		}
		t.names = append(t.names, name)
		t.stamps[name] = stampOf(info)
	}
	return nil
}

// read adds the files' content.
func (t *Tree) read(h *hasher) (err error) {
	t.sums, err = h.contents(t.root, t.stamps)
	return err
}

// content is a digest of the files for which reads holds.
func (t *Tree) content(reads func(string) bool) string {
	return t.digest(reads, func(name string) string {
		mode := t.stamps[name].Mode
		return fmt.Sprintf("%o %s", mode.Type()|mode.Perm(), t.sums[name])
	})
}

// stamp is a digest of the stamps of the files for which reads holds: it changes
// also when a file is changed and changed back.
func (t *Tree) stamp(reads func(string) bool) string {
	return t.digest(reads, func(name string) string { return fmt.Sprint(t.stamps[name]) })
}

func (t *Tree) digest(reads func(string) bool, of func(string) string) string {
	var texts []string
	for _, name := range t.names {
		if reads(name) {
			texts = append(texts, name, of(name))
		}
	}
	return digest(texts...)
}

// commit is what a job can learn from git itself: the commit, its branch and the
// tags.
func commit(ctx context.Context, root string) string {
	var facts []string
	for _, args := range [][]string{
		{"rev-parse", "HEAD"},
		{"symbolic-ref", "-q", "HEAD"},
		{"for-each-ref", "--format=%(objectname) %(refname)", "refs/tags"},
		{"config", "--get", "remote.origin.url"},
	} {
		out, err := git(ctx, root, args...)
		if err != nil {
			out = "none" // such as no commit yet, or a detached head
		}
		facts = append(facts, out)
	}
	return digest(facts...)
}

// git asks git without taking its locks.
func git(ctx context.Context, folder string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s in %s: %w: %s", args[0], folder, err, strings.TrimSpace(complaint.String()))
	}
	return string(out), nil
}
