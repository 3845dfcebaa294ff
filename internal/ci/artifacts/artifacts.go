// Package artifacts keeps what runs leave behind: one folder a run with the
// artifacts of its jobs, their logs, its result and its report.
//
//	.local/pipeline-artifacts/<workflow>/<run-id>/
//	    artifacts/<name>/...   what jobs uploaded: builds, JUnit, coverage
//	    logs/<job>.log
//	    run.json               the result (ci.Result)
//	    report.html
package artifacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/problem"
)

// The names within a run's folder.
const (
	ArtifactsFolder = "artifacts"
	LogsFolder      = "logs"
	ResultFile      = "run.json"
	ReportFile      = "report.html"
)

// lastRun holds the number of the newest run: numbers are never used twice.
const lastRun = "last-run"

// Store is a project's runs.
type Store struct {
	// Root is the folder of all runs.
	Root string
	// Retention is how long a run is kept; 0 is for ever.
	Retention time.Duration
	// Now tells the time.
	Now func() time.Time
}

// Open is the store below the project's folder of generated files.
func Open(local string, retention time.Duration) *Store {
	return &Store{Root: filepath.Join(local, "pipeline-artifacts"), Retention: retention, Now: time.Now}
}

// RetentionVariable overrides how many days a run is kept.
const RetentionVariable = "ARTIFACT_RETENTION_DAYS"

const day = 24 * time.Hour

// Retention is what the variable's value asks for: seven days when it is empty,
// for ever when it is 0.
func Retention(value string) (time.Duration, error) {
	if value == "" {
		return 7 * day, nil
	}
	days, err := strconv.Atoi(value)
	if err != nil || days < 0 || days > 36500 {
		return 0, problem.New(problem.ConfigInvalid, "%s is %q and must be a number of days", RetentionVariable, value).
			Do("Set it to a number such as 7, or to 0 to keep runs for ever")
	}
	return time.Duration(days) * day, nil
}

// Workflow is the folder's name for a workflow's file.
func Workflow(file string) string {
	name := path.Base(filepath.ToSlash(file))
	return Name(strings.TrimSuffix(name, path.Ext(name)))
}

// Name is a text as a file's name, which no other path can be meant by.
func Name(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_.+=", r):
			return r
		}
		return '_'
	}, strings.TrimSpace(text))
	name = strings.TrimLeft(name[:min(len(name), 150)], ".")
	if name == "" {
		return "_"
	}
	return name
}

// Run is one run's folder.
type Run struct {
	ID       string
	Workflow string
	Folder   string
}

// Begin makes the folder of a new run of the workflow's file.
func (s *Store) Begin(file string) (*Run, error) {
	r := &Run{Workflow: Workflow(file)}
	fail := func(err error) error {
		return problem.New(problem.FileFailed, "cannot make a run's folder in %s", s.Root).Because(err)
	}
	if err := os.MkdirAll(s.Root, 0o755); err != nil {
		return nil, fail(err)
	}
	counter, err := os.OpenFile(filepath.Join(s.Root, lastRun), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fail(err)
	}
	defer func() { _ = counter.Close() }() // which unlocks it
	if err := syscall.Flock(int(counter.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fail(err)
	}
	number, err := s.newest(counter.Name())
	if err != nil {
		return nil, fail(err)
	}
	r.ID = strconv.Itoa(number + 1)
	r.Folder = filepath.Join(s.Root, r.Workflow, r.ID)
	for _, folder := range []string{ArtifactsFolder, LogsFolder} {
		if err := os.MkdirAll(filepath.Join(r.Folder, folder), 0o755); err != nil {
			return nil, fail(err)
		}
	}
	if err := os.WriteFile(counter.Name(), []byte(r.ID+"\n"), 0o644); err != nil {
		return nil, fail(err)
	}
	return r, nil
}

// newest is the highest number ever given, also when the counter was lost.
func (s *Store) newest(counter string) (int, error) {
	content, err := os.ReadFile(counter)
	if err != nil {
		return 0, err
	}
	newest, _ := strconv.Atoi(strings.TrimSpace(string(content)))
	runs, err := s.runs()
	for _, r := range runs {
		number, _ := strconv.Atoi(r.ID)
		newest = max(newest, number)
	}
	return newest, err
}

// Artifacts is the folder that holds one folder an artifact.
func (r *Run) Artifacts() string { return filepath.Join(r.Folder, ArtifactsFolder) }

// Log is the log of the job with that key, relative to the run's folder.
func (r *Run) Log(key string) string { return filepath.Join(LogsFolder, Name(key)+".log") }

// Report is where the run's page goes.
func (r *Run) Report() string { return filepath.Join(r.Folder, ReportFile) }

// Save keeps the result.
func (r *Run) Save(result ci.Result) error {
	file := filepath.Join(r.Folder, ResultFile)
	content, err := json.MarshalIndent(result, "", "  ")
	if err == nil {
		err = replace(file, append(content, '\n'))
	}
	if err != nil {
		return problem.New(problem.FileFailed, "cannot write %s", file).Because(err)
	}
	return nil
}

// replace writes a file at once: whoever reads it sees the old or the new one.
func replace(file string, content []byte) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}

// Entry is a kept run.
type Entry struct {
	Run
	// Result is what it came to; nil while it runs, or when it was killed.
	Result *ci.Result
	// Artifacts are their names.
	Artifacts []string
	// Bytes is what the folder takes.
	Bytes int64
	// Modified is when the run ended, or its folder was made.
	Modified time.Time
}

// List is all kept runs, the newest first.
func (s *Store) List() ([]Entry, error) {
	runs, err := s.runs()
	if err != nil {
		return nil, problem.New(problem.FileFailed, "cannot read %s", s.Root).Because(err)
	}
	var entries []Entry
	for _, r := range runs {
		if e, err := read(r); err == nil { // else it was removed just now
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// runs finds the folders of runs, the newest first.
func (s *Store) runs() ([]Run, error) {
	folders, err := filepath.Glob(filepath.Join(s.Root, "*", "*"))
	var runs []Run
	for _, folder := range folders {
		id := filepath.Base(folder)
		if number, err := strconv.Atoi(id); err == nil && strconv.Itoa(number) == id {
			runs = append(runs, Run{ID: id, Workflow: filepath.Base(filepath.Dir(folder)), Folder: folder})
		}
	}
	slices.SortFunc(runs, func(a, b Run) int {
		x, _ := strconv.Atoi(a.ID)
		y, _ := strconv.Atoi(b.ID)
		return y - x
	})
	return runs, err
}

func read(r Run) (Entry, error) {
	e := Entry{Run: r}
	info, err := os.Stat(r.Folder)
	if err != nil {
		return e, err
	}
	e.Modified = info.ModTime()
	if content, err := os.ReadFile(filepath.Join(r.Folder, ResultFile)); err == nil {
		var result ci.Result
		if json.Unmarshal(content, &result) == nil {
			e.Result, e.Modified = &result, result.Ended
		}
	}
	names, err := os.ReadDir(r.Artifacts())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return e, err
	}
	for _, n := range names {
		e.Artifacts = append(e.Artifacts, n.Name())
	}
	err = filepath.WalkDir(r.Folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			e.Bytes += info.Size()
		}
		return err
	})
	return e, err
}

// Find is the run of that number.
func (s *Store) Find(id string) (Entry, error) {
	runs, err := s.runs()
	if err != nil {
		return Entry{}, problem.New(problem.FileFailed, "cannot read %s", s.Root).Because(err)
	}
	for _, r := range runs {
		if r.ID == id {
			e, err := read(r)
			if err != nil {
				return e, fmt.Errorf("reading run %s: %w", id, err)
			}
			return e, nil
		}
	}
	return Entry{}, problem.New(problem.RunUnknown, "there is no run %s", id)
}
