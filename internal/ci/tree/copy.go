package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
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
		if err := os.Symlink(target, to); err != nil {
			return err
		}
		return dateLink(to, info.ModTime())
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

// dateLink gives a symbolic link itself a time of change.
func dateLink(name string, at time.Time) error {
	when, err := unix.TimeToTimespec(at)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{when, when}, unix.AT_SYMLINK_NOFOLLOW)
}

// dateFolders has each folder be as old as the youngest file below it. Tools that
// remember results, such as go test, take a folder that was just made for one that
// was just changed.
func dateFolders(root string) error {
	var folders []string
	youngest := map[string]time.Time{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case entry.IsDir():
			folders = append(folders, path)
			return nil
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(youngest[filepath.Dir(path)]) {
			youngest[filepath.Dir(path)] = info.ModTime()
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, folder := range slices.Backward(folders) { // what is below comes first
		at := youngest[folder]
		if up := filepath.Dir(folder); at.After(youngest[up]) {
			youngest[up] = at
		}
		if at.IsZero() {
			at = time.Unix(0, 0)
		}
		if err := os.Chtimes(folder, at, at); err != nil {
			return err
		}
	}
	return nil
}
