package runner

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// copyFollowing copies what a file is or points to, with its mode.
func copyFollowing(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, info.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	_, err = io.Copy(target, source)
	return err
}

// copyTree copies a folder with its links and modes.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		place := filepath.Join(to, relative)
		switch {
		case entry.IsDir():
			return os.MkdirAll(place, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			_ = os.Remove(place) // what is really in the way shows at once
			return os.Symlink(target, place)
		case entry.Type().IsRegular():
			return copyFollowing(path, place)
		}
		return nil
	})
}
