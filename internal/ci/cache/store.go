package cache

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
)

// format is the layout of entries; those of another one are misses.
const format = 1

// store keeps entries: entries/<key>/{entry.json,log,artifacts/}, complete or
// not at all, and latest/<leg> with the key of its newest.
type store struct {
	folder string
	now    func() time.Time
	hasher *hasher
}

// entry is a success and what came of it.
type entry struct {
	Format int          `json:"format"`
	Key    string       `json:"key"`
	Run    string       `json:"run"`
	Saved  time.Time    `json:"saved"`
	Result ci.JobResult `json:"result"`
	Parts  parts        `json:"parts"`
	// Log is the log's digest, Files are those of the artifacts by their names.
	Log   string      `json:"log"`
	Files []fileFound `json:"files"`
}

// fileFound is a file of an artifact.
type fileFound struct {
	Name string      `json:"name"`
	Mode fs.FileMode `json:"mode"`
	Sum  string      `json:"sum,omitempty"`
	// Link is where a symbolic link leads.
	Link string `json:"link,omitempty"`
}

// sealed is an entry with its digest: a torn or edited one is found out.
type sealed struct {
	Sum   string          `json:"sum"`
	Entry json.RawMessage `json:"entry"`
}

func (s *store) prepare() error {
	for _, name := range []string{"entries", "latest", "new"} {
		if err := os.MkdirAll(filepath.Join(s.folder, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) place(key string) string { return filepath.Join(s.folder, "entries", key) }

// readFolder finds the files in a folder, in the order of their names, with their
// digests when there is a hasher.
func readFolder(folder string, h *hasher) ([]fileFound, error) {
	var files []fileFound
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if name == folder && errors.Is(err, fs.ErrNotExist) {
				return nil // an artifact without files
			}
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := fileFound{Mode: info.Mode()}
		if f.Name, err = filepath.Rel(folder, name); err != nil {
			return err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			f.Link, err = os.Readlink(name)
		case info.Mode().IsRegular() && h != nil:
			f.Sum, err = h.content(name, stampOf(info))
		case info.Mode().IsRegular():
		default:
			err = fmt.Errorf("%s is neither a file nor a link", name)
		}
		files = append(files, f)
		return err
	})
	return files, err
}

// read gives the entry of that key; any fault in it is as good as none.
func (s *store) read(key string) (entry, error) {
	var e entry
	if key == "" {
		return e, fs.ErrNotExist
	}
	content, err := os.ReadFile(filepath.Join(s.place(key), "entry.json"))
	if err != nil {
		return e, err
	}
	var whole sealed
	if err := json.Unmarshal(content, &whole); err != nil {
		return e, err
	}
	if digest(string(whole.Entry)) != whole.Sum {
		return e, fmt.Errorf("entry %s is damaged", key)
	}
	if err := json.Unmarshal(whole.Entry, &e); err != nil {
		return e, err
	}
	if e.Format != format || e.Key != key || e.Result.Conclusion != ci.Success {
		return e, fmt.Errorf("entry %s is of another format", key)
	}
	return e, nil
}

// take puts the entry's log and artifacts into the run's folder and returns its
// result. What turns out to be damaged is removed, and nothing of it stays.
func (s *store) take(key string, folder *artifacts.Run, log string) (ci.JobResult, bool) {
	e, err := s.read(key)
	if err != nil {
		if key != "" && !errors.Is(err, fs.ErrNotExist) {
			s.discard(key)
		}
		return ci.JobResult{}, false
	}
	made := []string{filepath.Join(folder.Folder, log)}
	err = restoreLog(filepath.Join(s.place(key), "log"), made[0], e.Log)
	for i := 0; err == nil && i < len(e.Files); i++ {
		f := e.Files[i]
		if !filepath.IsLocal(f.Name) {
			err = fmt.Errorf("%s leads elsewhere", f.Name)
			break
		}
		to := filepath.Join(folder.Artifacts(), f.Name)
		made = append(made, to)
		err = s.restore(f, filepath.Join(s.place(key), "artifacts", f.Name), to)
	}
	if err != nil {
		for _, name := range made {
			_ = os.Remove(name)
		}
		s.discard(key)
		return ci.JobResult{}, false
	}
	_ = os.Chtimes(s.place(key), s.now(), s.now()) // only tells when it was last used
	result := e.Result
	result.Cached, result.Log = e.Run, log
	return result, true
}

// restoreLog copies the log: a run's own may be added to.
func restoreLog(from, to, sum string) error {
	if err := makeWay(to); err != nil {
		return err
	}
	copied, err := copyFile(from, to, 0o644)
	if err == nil && copied != sum {
		err = damaged(from)
	}
	return err
}

// restore gives the file its place in the run's artifacts, and checks it there.
func (s *store) restore(f fileFound, from, to string) error {
	if err := makeWay(to); err != nil {
		return err
	}
	if f.Mode&fs.ModeSymlink != 0 {
		return os.Symlink(f.Link, to)
	}
	if err := share(from, to, f.Mode.Perm()); err != nil {
		return err
	}
	sum, err := s.hasher.learn(to)
	if err == nil && sum != f.Sum {
		err = damaged(from)
	}
	return err
}

func damaged(file string) error { return fmt.Errorf("%s is damaged", file) }

// put stores an entry with the log and the artifacts that the run's folder holds.
func (s *store) put(e entry, file string, folder *artifacts.Run) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("storing the result of %s: %w", e.Result.Key, err)
		}
	}()
	made, err := os.MkdirTemp(filepath.Join(s.folder, "new"), "entry-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }()
	if e.Log, err = copyFile(filepath.Join(folder.Folder, e.Result.Log), filepath.Join(made, "log"), 0o600); err != nil {
		return err
	}
	for _, name := range e.Result.Artifacts {
		if e.Files, err = s.adopt(e.Files, folder.Artifacts(), name, filepath.Join(made, "artifacts")); err != nil {
			return err
		}
	}
	if err := seal(e, filepath.Join(made, "entry.json")); err != nil {
		return err
	}
	s.discard(e.Key)
	if err := os.Rename(made, s.place(e.Key)); err != nil {
		return err
	}
	return replace(s.pointer(file, e.Result.Key), []byte(e.Key))
}

// adopt keeps an artifact and adds its files to those found.
func (s *store) adopt(found []fileFound, from, artifact, to string) ([]fileFound, error) {
	if !filepath.IsLocal(artifact) {
		return nil, fmt.Errorf("%q is no name for an artifact", artifact)
	}
	files, err := readFolder(filepath.Join(from, artifact), nil)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		f.Name = filepath.Join(artifact, f.Name)
		if f.Mode.IsRegular() {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(to, f.Name)), 0o700); err != nil {
				return nil, err
			}
			if err := share(filepath.Join(from, f.Name), filepath.Join(to, f.Name), f.Mode.Perm()); err != nil {
				return nil, err
			}
			if f.Sum, err = s.hasher.learn(filepath.Join(from, f.Name)); err != nil {
				return nil, err
			}
		}
		found = append(found, f)
	}
	return found, nil
}

func seal(e entry, file string) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	content, err := json.Marshal(sealed{digest(string(body)), body})
	if err != nil {
		return err
	}
	return replace(file, content)
}

// discard removes an entry in one step, so that nobody reads half of it.
func (s *store) discard(key string) {
	grave, err := os.MkdirTemp(filepath.Join(s.folder, "new"), "old-")
	if err != nil {
		return
	}
	_ = os.Rename(s.place(key), filepath.Join(grave, "entry")) // there may be none
	_ = os.RemoveAll(grave)
}

// pointer is the file that holds the key of the leg's newest entry.
func (s *store) pointer(file, key string) string {
	return filepath.Join(s.folder, "latest", digest(file, key))
}

func (s *store) latest(file, key string) string {
	content, err := os.ReadFile(s.pointer(file, key))
	if err != nil || len(content) != 2*sha256.Size {
		return ""
	}
	return string(content)
}

// prune removes what is old, then the longest unused until the rest fits.
func (s *store) prune(age time.Duration, bytes int64) error {
	type used struct {
		key   string
		at    time.Time
		bytes int64
	}
	folders, err := os.ReadDir(filepath.Join(s.folder, "entries"))
	if err != nil {
		return fmt.Errorf("pruning the cache: %w", err)
	}
	var all []used
	var total int64
	for _, d := range folders {
		info, err := d.Info()
		if err != nil {
			continue // removed just now
		}
		u := used{key: d.Name(), at: info.ModTime(), bytes: folderBytes(s.place(d.Name()))}
		all, total = append(all, u), total+u.bytes
	}
	slices.SortFunc(all, func(a, b used) int { return a.at.Compare(b.at) })
	for _, u := range all {
		if total > bytes || s.now().Sub(u.at) > age {
			s.discard(u.key)
			total -= u.bytes
		}
	}
	return s.sweep()
}

// sweep removes what a crash left behind, and pointers to nothing.
func (s *store) sweep() error {
	left, err := os.ReadDir(filepath.Join(s.folder, "new"))
	if err != nil {
		return fmt.Errorf("pruning the cache: %w", err)
	}
	for _, d := range left {
		if info, err := d.Info(); err == nil && s.now().Sub(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(filepath.Join(s.folder, "new", d.Name())) // next time, then
		}
	}
	pointers, err := os.ReadDir(filepath.Join(s.folder, "latest"))
	if err != nil {
		return fmt.Errorf("pruning the cache: %w", err)
	}
	for _, d := range pointers {
		name := filepath.Join(s.folder, "latest", d.Name())
		if key, err := os.ReadFile(name); err == nil {
			if _, err := os.Stat(s.place(string(key))); errors.Is(err, fs.ErrNotExist) {
				_ = os.Remove(name)
			}
		}
	}
	return nil
}

func folderBytes(folder string) int64 {
	var total int64
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}
