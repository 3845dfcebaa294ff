package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// marker is what is remembered of a fault. It is written before the fault is
// done, so that whatever was done can be undone.
type marker struct {
	Fault          Fault
	State, Message string
	Since          time.Time
	// Undo are the settings as they were before.
	Undo []setting `json:",omitempty"`
	// Victim is the process that a crash is about to kill.
	Victim *victim `json:",omitempty"`
	// Memory is the cgroup that a memory fault fills.
	Memory *memoryMark `json:",omitempty"`
}

// setting is a file of the kernel and its former content.
type setting struct{ File, Old string }

type victim struct {
	PID   int
	Start uint64
}

func (m *marker) status() Status {
	return Status{ID: m.Fault.ID, State: m.State, Message: m.Message, Since: m.Since}
}

// digest is a short name for an ID that files and tables can carry.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func (n *Node) file(m *marker) string { return filepath.Join(n.StateDir, digest(m.Fault.ID)+".json") }

func (n *Node) load() (map[string]*marker, error) {
	entries, err := os.ReadDir(n.StateDir)
	if err != nil && !isGone(err) {
		return nil, fmt.Errorf("reading what is held: %w", err)
	}
	held := map[string]*marker{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(n.StateDir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading what is held: %w", err)
		}
		m := &marker{}
		if err := json.Unmarshal(data, m); err != nil {
			// Torn by a power cut, which also undid what it told of.
			_ = os.Remove(filepath.Join(n.StateDir, e.Name()))
			n.swept = false
			continue
		}
		held[m.Fault.ID] = m
	}
	return held, nil
}

// save replaces the marker as a whole, so that a crash leaves the old or the new one.
func (n *Node) save(m *marker) error {
	if err := os.MkdirAll(n.StateDir, 0o700); err != nil {
		return fmt.Errorf("remembering %s: %w", m.Fault.ID, err)
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("remembering %s: %w", m.Fault.ID, err)
	}
	if old, err := os.ReadFile(n.file(m)); err == nil && string(old) == string(data) {
		return nil
	}
	draft := n.file(m) + ".new"
	if err := os.WriteFile(draft, data, 0o600); err != nil {
		return fmt.Errorf("remembering %s: %w", m.Fault.ID, err)
	}
	if err := os.Rename(draft, n.file(m)); err != nil {
		return fmt.Errorf("remembering %s: %w", m.Fault.ID, err)
	}
	return nil
}

func (n *Node) forget(m *marker) error {
	if err := os.Remove(n.file(m)); err != nil && !isGone(err) {
		return fmt.Errorf("forgetting %s: %w", m.Fault.ID, err)
	}
	return nil
}
