package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

var errFolder = errors.New("it is a folder")

// copyFile copies a file or a symbolic link with its mode and time. Never a hard
// link: a job that writes into its file would write into the original.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errFolder
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		_ = os.Remove(to) // what is really in the way shows at once
		return os.Symlink(target, to)
	}
	if !info.Mode().IsRegular() {
		return nil // a socket or a pipe is not part of a repository
	}
	if err := copyContent(from, to, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

func copyContent(from, to string, mode fs.FileMode) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	_ = os.Remove(to)
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o200)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if reflink(source, target) {
		return nil
	}
	_, err = io.Copy(target, source)
	return err
}

func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		return copyFile(path, filepath.Join(to, relative))
	})
}
