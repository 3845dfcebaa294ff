package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
)

// CIRuns is what `ci artifacts list` and `clean` print as data.
type CIRuns struct {
	Runs []CIRun `json:"runs"`
}

// CIRun is one kept run.
type CIRun struct {
	ID       string `json:"id"`
	Workflow string `json:"workflow"`
	// Conclusion is empty while the run goes on, or when it was killed.
	Conclusion ci.Conclusion `json:"conclusion,omitempty"`
	Started    *time.Time    `json:"started,omitempty"`
	Seconds    float64       `json:"seconds,omitempty"`
	Artifacts  []string      `json:"artifacts,omitempty"`
	Bytes      int64         `json:"bytes"`
	Folder     string        `json:"folder"`
}

// store is where the project's runs are kept. A repository without a pawskind.yaml
// is a project as a whole, wherever in it one is.
func (a *App) store() (*artifacts.Store, error) {
	if a.Config.File == "" {
		if repo, err := a.repository(context.Background()); err == nil {
			a.Config.Root = repo
		}
	}
	retention, err := artifacts.Retention(os.Getenv(artifacts.RetentionVariable))
	if err != nil {
		return nil, err
	}
	return artifacts.Open(a.Config.Local(), retention), nil
}

// CIArtifactsList shows the kept runs.
func (a *App) CIArtifactsList() error {
	store, err := a.store()
	if err != nil {
		return err
	}
	entries, err := store.List()
	if err != nil {
		return err
	}
	result := runsOf(entries)
	return a.Show(result, func(out io.Writer) {
		if len(entries) == 0 {
			_, _ = fmt.Fprintln(out, "No run is kept. Make one: pawskind ci")
			return
		}
		rows(out, "", a.runRows(result.Runs))
		_, _ = fmt.Fprintf(out, "\nIn %s, %s\n", relative(store.Root), kept(store.Retention))
	})
}

func kept(retention time.Duration) string {
	if retention == 0 {
		return "kept for ever"
	}
	return fmt.Sprintf("kept for %.0f days", retention.Hours()/24)
}

func (a *App) runRows(runs []CIRun) [][]string {
	table := [][]string{{"RUN", "WORKFLOW", "RESULT", "STARTED", "TIME", "SIZE", "ARTIFACTS"}}
	for _, r := range runs {
		result, started, took := string(r.Conclusion), "-", "-"
		if result == "" {
			result = "not ended"
		}
		if r.Started != nil {
			started, took = r.Started.Local().Format("2006-01-02 15:04:05"), fmt.Sprintf("%.1fs", r.Seconds)
		}
		table = append(table, []string{r.ID, r.Workflow, result, started, took, size(r.Bytes), strings.Join(r.Artifacts, ", ")})
	}
	return table
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d B", bytes)
}

func runsOf(entries []artifacts.Entry) CIRuns {
	result := CIRuns{Runs: []CIRun{}}
	for _, e := range entries {
		run := CIRun{ID: e.ID, Workflow: e.Workflow, Artifacts: e.Artifacts, Bytes: e.Bytes, Folder: e.Folder}
		if e.Result != nil {
			started := e.Result.Started
			run.Conclusion, run.Started, run.Seconds = e.Result.Conclusion, &started, e.Result.Ended.Sub(started).Round(time.Millisecond).Seconds()
		}
		result.Runs = append(result.Runs, run)
	}
	return result
}

// CIGot is what `ci artifacts get` prints as data.
type CIGot struct {
	Run       string   `json:"run"`
	Folder    string   `json:"folder"`
	Artifacts []string `json:"artifacts"`
}

// CIArtifactsGet copies a run's artifacts to a folder; the newest run's when id
// is empty, and to one named after the run when folder is.
func (a *App) CIArtifactsGet(id string, names []string, folder string) error {
	store, err := a.store()
	if err != nil {
		return err
	}
	if id == "" {
		if id, err = newest(store); err != nil {
			return err
		}
	}
	if folder == "" {
		folder = "artifacts-" + id
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return usageFailed(err)
	}
	got, err := store.Get(id, names, folder)
	if err != nil {
		return err
	}
	return a.Show(CIGot{id, folder, append([]string{}, got...)}, func(out io.Writer) {
		if len(got) == 0 {
			_, _ = fmt.Fprintf(out, "Run %s has no artifacts\n", id)
			return
		}
		for _, name := range got {
			_, _ = fmt.Fprintf(out, "%s\n", relative(filepath.Join(folder, name)))
		}
	})
}

// CIArtifactsClean removes those runs, or all that have ended when none is named.
func (a *App) CIArtifactsClean(ids []string) error {
	store, err := a.store()
	if err != nil {
		return err
	}
	removed, err := store.Clean(ids...)
	if err != nil {
		return err
	}
	return a.Show(runsOf(removed), func(out io.Writer) {
		total := int64(0)
		for _, e := range removed {
			total += e.Bytes
		}
		_, _ = fmt.Fprintf(out, "%d runs removed, %s freed\n", len(removed), size(total))
	})
}

// CIRunIDs are the numbers of the kept runs, for completion.
func (a *App) CIRunIDs() []string {
	store, err := a.store()
	if err != nil {
		return nil
	}
	entries, err := store.List()
	if err != nil {
		return nil
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.ID+"\t"+e.Workflow)
	}
	return ids
}
