package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/compare"
	"github.com/paws360/pawskind/internal/problem"
)

// CICompare sets a kept run, the newest when id is empty, beside a downloaded run
// of the remote.
func (a *App) CICompare(file, id string) error {
	content, err := os.Open(file)
	if err != nil {
		return problem.New(problem.RemoteUnreadable, "cannot read %s", file).Because(err)
	}
	defer func() { _ = content.Close() }()
	remote, err := compare.Read(content)
	if err != nil {
		return problem.New(problem.RemoteUnreadable, "%s is no run of the remote", file).Because(err)
	}
	store, err := a.store()
	if err != nil {
		return err
	}
	if id == "" {
		if id, err = newest(store); err != nil {
			return err
		}
	}
	entry, err := store.Find(id)
	if err != nil {
		return err
	}
	if entry.Result == nil {
		return problem.New(problem.RunUnknown, "run %s has not ended", id)
	}
	c := compare.Runs(*entry.Result, remote)
	if err := a.Show(c, func(out io.Writer) { a.printComparison(out, c) }); err != nil {
		return err
	}
	if !c.Same {
		return problem.New(problem.RemoteDiffers, "run %s and the remote differ: %s", id, c.Differences[0].Text)
	}
	return nil
}

// newest is the newest run that has ended.
func newest(store *artifacts.Store) (string, error) {
	entries, err := store.List()
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.Result != nil {
			return e.ID, nil
		}
	}
	return "", problem.New(problem.RunUnknown, "no run is kept").Do("Make one: pawskind ci")
}

func (a *App) printComparison(out io.Writer, c compare.Comparison) {
	rows(out, "", c.Table())
	_, _ = fmt.Fprintf(out, "\nHere (run %s) %.1fs, on the remote %.1fs. Order is that of the starts, here/remote.\n\n", c.Run, c.LocalSeconds, c.RemoteSeconds)
	for _, d := range c.Differences {
		_, _ = fmt.Fprintf(out, "%s %s\n", a.symbol("≠", "!"), d.Text)
	}
	if c.Same {
		_, _ = fmt.Fprintf(out, "%s every job and step ended alike\n", a.symbol("✓", "OK"))
	}
}

func usageFailed(err error) error { return problem.New(problem.Usage, "%s", err) }
