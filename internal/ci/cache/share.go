package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// makeWay makes the file's folder, and removes what is in its place.
func makeWay(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// share gives a file a second name, so that its content is neither written nor
// kept twice: who replaces one leaves the other as it was. Where the file system
// can't, it is copied.
func share(from, to string, mode fs.FileMode) error {
	if err := os.Link(from, to); err != nil {
		_, err = copyFile(from, to, mode)
		return err
	}
	return os.Chmod(to, mode)
}

// copyFile copies a file and returns the digest of what it copied.
func copyFile(from, to string, mode fs.FileMode) (string, error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, hash), in)
	if err == nil {
		err = out.Chmod(mode)
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	return hex.EncodeToString(hash.Sum(nil)), err
}
