package e2e

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paws360/pawskind/test/leak"
)

func onlyWhenJudged(t *testing.T) {
	t.Helper()
	if !judged() {
		t.Skip("looks at the whole run: make test-leaks")
	}
}

// record keeps what a run leaves nowhere else: what commands printed, the
// arguments of every process, and each value that a secret had.
type record struct {
	mu        sync.Mutex
	outputs   []output
	values    map[string][]string
	processes leak.Watch
}

// output is what one command printed.
type output struct{ command, text string }

// watch begins to look at processes and secrets.
func (r *record) watch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.processes.Proc, r.processes.Every = "/proc", 200*time.Millisecond
	go r.processes.Run(ctx)
	return cancel
}

// output keeps what a command printed, but for what it was asked to show.
func (r *record) output(name string, args []string, text string) {
	r.noteSecrets()
	if len(args) > 1 && args[0] == "secrets" && args[1] == "show" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outputs = append(r.outputs, output{strings.Join(append([]string{name}, args...), " "), text})
}

// noteSecrets keeps the values of the project's secrets as they are now.
func (r *record) noteSecrets() {
	content, err := os.ReadFile(filepath.Join(home, ".local/secrets.env"))
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		r.values = map[string][]string{}
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		key, value, found := strings.Cut(lines.Text(), "=")
		if found && !strings.HasPrefix(key, "#") && !strings.Contains(strings.Join(r.values[key], "\n"), value) {
			r.values[key] = append(r.values[key], value)
		}
	}
}
