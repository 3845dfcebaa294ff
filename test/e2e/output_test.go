package e2e

import (
	"bytes"
	"strings"
	"sync"
)

// watchedOutput collects what a command prints and tells when a word appears.
type watchedOutput struct {
	word string
	seen chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
	told bool
}

func (w *watchedOutput) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if !w.told && strings.Contains(strings.ToLower(w.text.String()), w.word) {
		w.told = true
		close(w.seen)
	}
	return n, err
}

func (w *watchedOutput) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
