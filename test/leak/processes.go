package leak

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Watch looks at the arguments of every process of this machine, those in its
// containers among them, until the context ends.
type Watch struct {
	// Proc is the folder of processes: /proc.
	Proc string
	// Every is how often it looks. A process that is shorter may be missed.
	Every time.Duration

	mu   sync.Mutex
	seen map[string]bool
}

// Run keeps the arguments that it sees, each command line once.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	for {
		w.look()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *Watch) look() {
	files, _ := filepath.Glob(filepath.Join(w.Proc, "[0-9]*", "cmdline"))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil {
			w.seen[string(content)] = true
		}
	}
}

// Found are the command lines with a secret in them: the secret's name, and the
// program.
func (w *Watch) Found(finder *Finder) (leaks []string, looked int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range slices.Sorted(maps.Keys(w.seen)) {
		for _, name := range finder.InText(line) {
			program, _, _ := strings.Cut(line, "\x00")
			leaks = append(leaks, fmt.Sprintf("%s in the arguments of %s", name, program))
		}
	}
	return leaks, len(w.seen)
}
