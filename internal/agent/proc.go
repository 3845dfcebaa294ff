package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pod are the processes of one pod, oldest first.
type pod struct {
	uid       string
	processes []process
}

type process struct {
	pid int
	// start is when it began, in the kernel's ticks.
	start uint64
	// names are what it may be called: its command, and its executable.
	names []string
	// cgroups are its paths by list of controllers; "" is the version 2 hierarchy.
	cgroups map[string]string
}

// podPattern is a pod's cgroup: "pod<uid>" of the cgroupfs driver and
// "kubepods-burstable-pod<uid with _>.slice" of systemd's. Static pods have a
// uid of 32 digits.
var podPattern = regexp.MustCompile(`(?:^|-)pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$`)

// podUID finds the pod that a cgroup path belongs to, and the index of its folder.
func podUID(parts []string) (uid string, at int, found bool) {
	for i, part := range parts {
		if match := podPattern.FindStringSubmatch(part); match != nil {
			return strings.ReplaceAll(match[1], "_", "-"), i, true
		}
	}
	return "", 0, false
}

func split(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// pods are all pods of the node that have a process in a cgroup seen from here.
func (n *Node) pods() (map[string]pod, error) {
	entries, err := os.ReadDir(n.Proc)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	pods := map[string]pod{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if uid, proc, ok := n.process(pid); ok {
			p := pods[uid]
			p.uid = uid
			p.processes = append(p.processes, proc)
			pods[uid] = p
		}
	}
	for _, p := range pods {
		slices.SortFunc(p.processes, func(a, b process) int {
			if a.start != b.start {
				return int(int64(a.start) - int64(b.start))
			}
			return a.pid - b.pid
		})
	}
	return pods, nil
}

// process reads one process; false when it is no living process of a pod.
func (n *Node) process(pid int) (uid string, p process, ok bool) {
	data, err := os.ReadFile(n.procFile(pid, "cgroup"))
	if err != nil || !strings.Contains(string(data), "pod") {
		return "", p, false
	}
	p = process{pid: pid, cgroups: map[string]string{}}
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		p.cgroups[fields[1]] = fields[2]
		if found, _, isPod := podUID(split(fields[2])); isPod {
			uid = found
		}
	}
	state, start, ok := n.stat(pid)
	if uid == "" || !ok || state == "Z" || !n.seen(p) {
		return "", p, false
	}
	p.start = start
	if comm, err := os.ReadFile(n.procFile(pid, "comm")); err == nil {
		p.names = append(p.names, strings.TrimSpace(string(comm)))
	}
	if exe, err := os.Readlink(n.procFile(pid, "exe")); err == nil {
		p.names = append(p.names, filepath.Base(exe))
	}
	return uid, p, true
}

// stat is the state of a process and when it began.
func (n *Node) stat(pid int) (state string, start uint64, ok bool) {
	data, err := os.ReadFile(n.procFile(pid, "stat"))
	if err != nil {
		return "", 0, false
	}
	// The name in parentheses may hold anything; what follows has fixed places.
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 {
		return "", 0, false
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return fields[0], start, err == nil
}

func (n *Node) procFile(pid int, name string) string {
	return filepath.Join(n.Proc, strconv.Itoa(pid), name)
}

func (p process) called(name string) bool { return slices.Contains(p.names, name) }

// container are the processes of one container of the pod. The kubelet mounts a
// file into each that has the container's name in its path; where there is
// none, all processes but the pod's own pause are meant.
func (n *Node) container(p pod, name string) []process {
	var named, all []process
	anyNamed := false
	for _, proc := range p.processes {
		if proc.called("pause") {
			continue
		}
		all = append(all, proc)
		if found := n.containerName(proc); found != "" {
			anyNamed = true
			if found == name {
				named = append(named, proc)
			}
		}
	}
	if anyNamed && name != "" {
		return named
	}
	return all
}

func (n *Node) containerName(p process) string {
	for _, m := range n.mounts(p.pid) {
		parts := split(m.root)
		if i := slices.Index(parts, "containers"); i > 0 && i == len(parts)-3 && m.point == "/dev/termination-log" {
			return parts[i+1]
		}
	}
	return ""
}

type mount struct{ root, point string }

func (n *Node) mounts(pid int) []mount {
	data, err := os.ReadFile(n.procFile(pid, "mountinfo"))
	if err != nil {
		return nil
	}
	var list []mount
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			list = append(list, mount{root: fields[3], point: fields[4]})
		}
	}
	return list
}
