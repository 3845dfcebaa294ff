package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/secrets"
)

// SecretsResult is what the secrets commands have to tell: names, never values.
type SecretsResult struct {
	File string `json:"file"`
	// Generated are the secrets that this run has made.
	Generated []string `json:"generated,omitempty"`
	// Valid are the secrets that the file has.
	Valid []string `json:"valid,omitempty"`
	// Rotated are the secrets that have new values, in force everywhere.
	Rotated []string `json:"rotated,omitempty"`
	Seconds float64  `json:"seconds,omitempty"`
}

// guardSecrets sees to it that nobody else reads the file, and git least of all.
func (a *App) guardSecrets() error {
	if err := a.Config.Prepare(); err != nil {
		return err
	}
	file := a.Config.SecretsFile()
	closed, err := secrets.Guard(file)
	if err != nil {
		return err
	}
	if closed {
		a.Note("%s was readable for other users, and is closed to them now (0600).", relative(file))
	}
	return secrets.WriteTemplate(file)
}

// SecretsGen generates what is missing.
func (a *App) SecretsGen() error {
	unlock, err := a.Config.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := a.guardSecrets(); err != nil {
		return err
	}
	file := a.Config.SecretsFile()
	before, err := secrets.Read(file)
	if err != nil {
		return err
	}
	missing := secrets.Missing(before)
	if lost := dataBound(missing); len(lost) > 0 && hasData(a.Config.ClusterData()) {
		return a.secretsLost(lost)
	}
	if _, err := secrets.Ensure(file); err != nil {
		return err
	}
	result := SecretsResult{File: file, Generated: missing, Valid: naming.RequiredKeys()}
	return a.Show(result, func(out io.Writer) {
		if len(missing) == 0 {
			_, _ = fmt.Fprintf(out, "%s %s has all %d secrets; nothing was changed.\n", a.symbol("✓", "OK"), relative(file), len(result.Valid))
			return
		}
		_, _ = fmt.Fprintf(out, "%s Generated %d secrets in %s: %s\n", a.symbol("✓", "OK"), len(missing), relative(file), strings.Join(missing, ", "))
	})
}

// dataBound are the secrets that data was made with.
func dataBound(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		return !strings.HasPrefix(key, "POSTGRES_") && !strings.HasPrefix(key, "ETCD_")
	})
}

func (a *App) secretsLost(keys []string) error {
	return problem.New(problem.SecretsLost, "%s has data that was made with passwords which are no longer in %s: %s",
		a.Config.ClusterData(), a.Config.SecretsFile(), strings.Join(keys, ", "))
}

// SecretsValidate tells of every secret that is missing or weak.
func (a *App) SecretsValidate() error {
	if err := a.guardSecrets(); err != nil {
		return err
	}
	file := a.Config.SecretsFile()
	if err := secrets.Check(file); err != nil {
		return err
	}
	result := SecretsResult{File: file, Valid: naming.RequiredKeys()}
	return a.Show(result, func(out io.Writer) {
		_, _ = fmt.Fprintf(out, "%s %s has all %d secrets.\n", a.symbol("✓", "OK"), relative(file), len(result.Valid))
		if a.Verbose {
			for _, key := range result.Valid {
				_, _ = fmt.Fprintf(out, "  %s\n", key)
			}
		}
	})
}

// SecretsShow prints one secret: at once where its output is read by a program,
// after a question where it would stand on a screen.
func (a *App) SecretsShow(name string) error {
	if a.Format != Text {
		return problem.New(problem.Usage, "secrets show prints the bare value and takes no -o")
	}
	if err := a.guardSecrets(); err != nil {
		return err
	}
	values, err := secrets.Read(a.Config.SecretsFile())
	if err != nil {
		return err
	}
	if values[name] == "" {
		if slices.Contains(naming.RequiredKeys(), name) {
			return problem.New(problem.SecretMissing, "Missing secret: %s. Run: make local-gen-secrets", name)
		}
		return problem.New(problem.SecretUnknown, "%s has no %s", relative(a.Config.SecretsFile()), name)
	}
	if out, ok := a.Out.(*os.File); ok && isTerminal(out) && !a.Confirm("This will show "+name+" on the screen. Continue?") {
		return problem.New(problem.Interrupted, "nothing was shown")
	}
	_, err = fmt.Fprintln(a.Out, values[name])
	return err
}

// SecretNames are the names that the secrets commands know, for completion.
func (a *App) SecretNames(own bool) []string {
	known := naming.RequiredKeys()
	if values, err := secrets.Read(a.Config.SecretsFile()); err == nil && own {
		for _, key := range secrets.Names(values) {
			if !slices.Contains(known, key) {
				known = append(known, key)
			}
		}
	}
	return known
}
