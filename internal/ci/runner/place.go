package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/tree"
)

// place is where a run's legs work.
type place struct {
	folder string
	// lock is held on a folder that later runs use again; nil for one of the run's own.
	lock *os.File
}

// lockFile is in a folder that is used again; it stays there.
const lockFile = "lock"

// newPlace gives the repository's folder below work, named after it and the same in
// each run, as on the remote: tools whose caches know files by paths find them warm.
// While another run has it, or it is not this user's, the folder is a new one.
func newPlace(work, repo string) (place, error) {
	if work == "" {
		work = os.TempDir()
	}
	folder := filepath.Join(work, fmt.Sprintf("pawskind-ci-%d-%s", os.Getuid(), artifacts.Name(filepath.Base(repo))))
	if lock := claim(folder); lock != nil {
		p := place{folder, lock}
		return p, p.clear() // what a killed run left
	}
	folder, err := os.MkdirTemp(work, "pawskind-ci-")
	return place{folder: folder}, err
}

// claim locks a folder that is this user's alone; nil when it cannot be had.
func claim(folder string) *os.File {
	_ = os.Mkdir(folder, 0o700) // it may be there already
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return nil
	}
	if owner, known := info.Sys().(*syscall.Stat_t); !known || int(owner.Uid) != os.Getuid() {
		return nil
	}
	lock, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		_ = lock.Close()
		return nil
	}
	return lock
}

// clear removes everything but the lock.
func (p place) clear() error {
	entries, err := os.ReadDir(p.folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFile {
			continue
		}
		if err := tree.RemoveAll(filepath.Join(p.folder, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// leave removes what the run made, and lets the next one have the folder.
func (p place) leave() error {
	if p.lock == nil {
		return tree.RemoveAll(p.folder)
	}
	err := p.clear()
	_ = p.lock.Close() // which lets go of the lock
	return err
}

// job makes a leg's folder, the same in each run where its name is free.
func (p place) job(name string) (string, error) {
	folder := filepath.Join(p.folder, "job-"+name)
	if os.Mkdir(folder, 0o700) == nil {
		return folder, nil
	}
	return os.MkdirTemp(p.folder, "job-"+name+"-")
}

// aside moves a leg's folder out of the way of later ones, and returns where to.
func (p place) aside(folder string) (string, error) {
	gone, err := os.MkdirTemp(p.folder, "gone-")
	if err != nil {
		return "", err
	}
	return gone, os.Rename(folder, filepath.Join(gone, filepath.Base(folder)))
}
