package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// group is a cgroup folder.
type group struct {
	dir string
	// v2 tells the version of its hierarchy.
	v2 bool
}

// podGroup is the pod's cgroup for a controller.
func (n *Node) podGroup(p pod, controller string) (group, error) {
	for _, proc := range p.processes {
		if g, ok := n.group(proc, controller, true); ok {
			return g, nil
		}
	}
	return group{}, unsupported("no %s cgroup of the pod is seen under %s", controller, n.Cgroup)
}

// group is the process's cgroup for a controller, or its pod's. A version 1
// hierarchy of the controller goes before the common one of version 2.
func (n *Node) group(p process, controller string, ofPod bool) (group, bool) {
	for list, path := range p.cgroups {
		if list == "" || !slices.Contains(strings.Split(list, ","), controller) {
			continue
		}
		for _, name := range []string{list, controller} {
			if dir, ok := resolve(filepath.Join(n.Cgroup, name), path, ofPod); ok {
				return group{dir: dir}, true
			}
		}
	}
	if path, known := p.cgroups[""]; known {
		for _, root := range []string{n.Cgroup, filepath.Join(n.Cgroup, "unified")} {
			if dir, ok := resolve(root, path, ofPod); ok {
				return group{dir: dir, v2: true}, true
			}
		}
	}
	return group{}, false
}

// resolve finds a cgroup path under a mounted root. The root may be a folder
// deep in the hierarchy (a node that is itself a container), so leading parts
// are left out until the rest exists; the pod's own part is never left out.
func resolve(root, path string, ofPod bool) (string, bool) {
	parts := split(path)
	_, at, found := podUID(parts)
	if !found {
		return "", false
	}
	if ofPod {
		parts = parts[:at+1]
	}
	for i := 0; i <= at; i++ {
		dir := filepath.Join(root, filepath.Join(parts[i:]...))
		if info, err := os.Stat(dir); err == nil && info.IsDir() && parts[i] != ".." {
			return dir, true
		}
	}
	return "", false
}

// seen tells whether any cgroup of the process lies under the roots: a process
// of another node on the same kernel has none.
func (n *Node) seen(p process) bool {
	for list := range p.cgroups {
		for controller := range strings.SplitSeq(list, ",") {
			if _, ok := n.group(p, controller, true); ok {
				return true
			}
		}
	}
	return false
}

func (g group) file(name string) string { return filepath.Join(g.dir, name) }

func read(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading a setting: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("changing a setting: %w", err)
	}
	_, err = f.WriteString(value)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("setting %s to %s: %w", file, value, err)
	}
	return nil
}

// counter is the number after a word in a file such as memory.events.
func counter(file, word string) (int, error) {
	text, err := read(file)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(text)
	if i := slices.Index(fields, word); i >= 0 && i+1 < len(fields) {
		return strconv.Atoi(fields[i+1])
	}
	return 0, fmt.Errorf("%s does not tell %s", file, word)
}
