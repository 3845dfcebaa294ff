package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// stamp is what changes with a file's content without it being read.
type stamp struct {
	Size, Modified, Changed int64
	Inode, Device           uint64
	Mode                    fs.FileMode
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{Size: info.Size(), Modified: info.ModTime().UnixNano(), Mode: info.Mode()}
	if sys, known := info.Sys().(*syscall.Stat_t); known {
		s.Changed, s.Inode, s.Device = changed(sys), sys.Ino, uint64(sys.Dev) //nolint:unconvert // another type on macOS
	}
	return s
}

// settled is how old a file's last change must be when it is read for its stamp
// to be trusted later: within the clock's grain two changes look like one. Two
// seconds is the coarsest grain of a file system in use.
const settled = 2 * time.Second

// hasher knows the content of files by their stamps.
type hasher struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]known
	// own are the files of the run's artifacts, which are not saved.
	own   map[string]known
	dirty bool
}

type known struct {
	Stamp stamp
	Sum   string
}

// newHasher starts with what an earlier one has saved; a file that cannot be
// read is as good as none.
func newHasher(file string, now func() time.Time) *hasher {
	h := &hasher{now: now, known: map[string]known{}, own: map[string]known{}}
	if content, err := os.ReadFile(file); err == nil && json.Unmarshal(content, &h.known) != nil {
		h.known = map[string]known{}
	}
	return h
}

// save keeps what is known of the files for which keep holds.
func (h *hasher) save(file string, keep func(string) bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.known {
		if !keep(name) {
			delete(h.known, name)
			h.dirty = true
		}
	}
	if !h.dirty {
		return nil
	}
	content, err := json.Marshal(h.known)
	if err == nil {
		err = replace(file, content)
	}
	if err != nil {
		return fmt.Errorf("writing what is known of files: %w", err)
	}
	h.dirty = false
	return nil
}

// content is a digest of the file's content, or of where the link leads.
func (h *hasher) content(name string, s stamp) (string, error) {
	if s.Mode&fs.ModeSymlink != 0 {
		to, err := os.Readlink(name)
		return digest("link", to), err
	}
	h.mu.Lock()
	k, mine := h.known[name], h.own[name]
	h.mu.Unlock()
	for _, k := range []known{k, mine} {
		if k.Sum != "" && k.Stamp == s {
			return k.Sum, nil
		}
	}
	before := h.now()
	sum, err := fileSum(name)
	if err != nil {
		return "", err
	}
	if before.Add(-settled).UnixNano() > max(s.Modified, s.Changed) {
		h.mu.Lock()
		h.known[name], h.dirty = known{s, sum}, true
		h.mu.Unlock()
	}
	return sum, nil
}

// learn is a digest of a file of the run's artifacts, known from now on. Such a
// file is replaced and never changed in its place, so that its stamp is trusted
// however young it is.
func (h *hasher) learn(name string) (string, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return "", err
	}
	sum, err := fileSum(name)
	if err == nil {
		h.mu.Lock()
		h.own[name] = known{stampOf(info), sum}
		h.mu.Unlock()
	}
	return sum, err
}

func fileSum(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// contents are the digests of many files, by name.
func (h *hasher) contents(root string, stamps map[string]stamp) (map[string]string, error) {
	sums := make(map[string]string, len(stamps))
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(2 * runtime.NumCPU())
	for name, s := range stamps {
		group.Go(func() error {
			sum, err := h.content(filepath.Join(root, name), s)
			if err != nil {
				return fmt.Errorf("reading %s: %w", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			sums[name] = sum
			return nil
		})
	}
	return sums, group.Wait()
}

// digest is a digest of texts that depends on where one ends and the next begins.
func digest(texts ...string) string {
	hash := sha256.New()
	for _, t := range texts {
		_, _ = fmt.Fprintf(hash, "%d:%s,", len(t), t)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// replace writes a file at once: whoever reads it sees the old or the new one.
func replace(file string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(content)
	if closing := temporary.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	return err
}
