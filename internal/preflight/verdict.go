// Package preflight looks at the machine before anything is created, and tells
// all that stands in the way at once.
package preflight

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

// Severity says what a finding does to the start.
type Severity string

const (
	// Error stops the start before anything is created.
	Error Severity = "error"
	// Warning asks on a terminal, and is told elsewhere.
	Warning Severity = "warning"
	// Info is told with --verbose.
	Info Severity = "info"
)

// Finding is one thing that preflight has to say.
type Finding struct {
	Severity Severity `json:"severity"`
	*problem.Problem
}

// EngineState is how the container engine answers.
type EngineState string

// States of the engine.
const (
	EngineWorks   EngineState = "works"
	EngineMissing EngineState = "missing"
	EngineStopped EngineState = "stopped"
	EngineDenied  EngineState = "denied"
	EngineFails   EngineState = "fails"
)

// Facts are what was seen of the machine.
type Facts struct {
	Engine        *engine.Engine
	EngineState   EngineState
	EngineMessage string
	Profile       string
	Nodes         int
	Disks         []Disk
	Ports         []Port
	// InotifyInstances and InotifyWatches are the kernel's limits; 0 where there are none.
	InotifyInstances, InotifyWatches int
	Now                              time.Time
	// Latest is the latest time that the project's own files have seen.
	Latest time.Time
}

// Disk is the free space under a folder.
type Disk struct {
	Path string
	Free uint64
	// Device tells disks apart.
	Device uint64
}

// Port is one port of the host that shall be published.
type Port struct {
	Number int
	// Purpose is what the port is for, such as PostgreSQL.
	Purpose string
	// Key is the setting that chooses it.
	Key    string
	InUse  bool
	Holder Holder
}

// Holder is who uses a port; zero when it cannot be seen.
type Holder struct {
	Name string
	PID  int
	// Container is set when the engine publishes the port for one.
	Container string
}

// String names the holder for people.
func (h Holder) String() string {
	switch {
	case h.Container != "":
		return "container " + h.Container
	case h.PID != 0:
		return fmt.Sprintf("%s (pid %d)", h.Name, h.PID)
	}
	return "another process"
}

const (
	mega = 1_000_000
	giga = 1_000_000_000
	// A machine sold with 16 GB shows a little less: firmware takes its part.
	shown = 0.93
)

type need struct{ wantedMemory, leastMemory, wantedCPUs float64 }

var needs = map[string]need{
	project.ProfileFull: {wantedMemory: 16, leastMemory: 6, wantedCPUs: 4},
	project.ProfileFast: {wantedMemory: 8, leastMemory: 3, wantedCPUs: 2},
}

// Judge finds everything that the facts have to say: errors first.
func Judge(f Facts) []Finding {
	var all []Finding
	all = append(all, judgeEngine(f)...)
	all = append(all, judgePorts(f)...)
	all = append(all, judgeDisks(f)...)
	all = append(all, judgeSize(f)...)
	all = append(all, judgeKernel(f)...)
	all = append(all, judgeClock(f)...)
	var sorted []Finding
	for _, severity := range []Severity{Error, Warning, Info} {
		for _, finding := range all {
			if finding.Severity == severity {
				sorted = append(sorted, finding)
			}
		}
	}
	return sorted
}

// Errors are the findings that stop the start.
func Errors(findings []Finding) problem.Several {
	return of(findings, Error)
}

// Warnings are the findings that a user may go on in spite of.
func Warnings(findings []Finding) problem.Several {
	return of(findings, Warning)
}

func of(findings []Finding, severity Severity) problem.Several {
	var several problem.Several
	for _, f := range findings {
		if f.Severity == severity {
			several = append(several, f.Problem)
		}
	}
	return several
}

func judgeEngine(f Facts) []Finding {
	one := func(code problem.Code, format string, args ...any) []Finding {
		return []Finding{{Error, problem.New(code, format, args...)}}
	}
	switch f.EngineState {
	case EngineMissing:
		return one(problem.EngineMissing, "no container engine is installed")
	case EngineStopped:
		return one(problem.EngineStopped, "the container engine does not answer: %s", f.EngineMessage)
	case EngineDenied:
		return one(problem.EngineDenied, "this user may not use the container engine: %s", f.EngineMessage)
	case EngineFails:
		return one(problem.EngineStopped, "the container engine fails: %s", f.EngineMessage)
	}
	least := map[string][2]int{"docker": {20, 10}, "podman": {4, 0}}[f.Engine.Kind]
	if older(f.Engine.Version, least) {
		return one(problem.EngineOld, "%s %s is too old: %d.%d or newer is needed", f.Engine.Kind, f.Engine.Version, least[0], least[1])
	}
	return nil
}

// older compares the first two numbers of a version. What cannot be read is new.
func older(version string, least [2]int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	return major < least[0] || major == least[0] && minor < least[1]
}

func judgeSize(f Facts) []Finding {
	if f.EngineState != EngineWorks {
		return nil
	}
	n := needs[f.Profile]
	var found []Finding
	have := float64(f.Engine.MemoryBytes) / giga
	if have < n.wantedMemory*shown {
		severity, code := Warning, problem.LowMemory
		rest := "Environment may not start or perform poorly."
		if have < n.leastMemory*shown {
			severity, rest = Error, fmt.Sprintf("The environment cannot run in less than %.0fGB.", n.leastMemory)
		}
		p := problem.New(code, "Insufficient RAM detected. %.0fGB available, %.0fGB required. %s", have, n.wantedMemory, rest)
		if f.Profile == project.ProfileFull {
			p = p.Do("Close other applications, give the engine more memory, or use --profile fast")
		}
		found = append(found, Finding{severity, p})
	}
	if float64(f.Engine.CPUs) < n.wantedCPUs {
		found = append(found, Finding{Warning, problem.New(problem.FewCPUs,
			"%d CPU cores available, %.0f recommended: starting takes longer", f.Engine.CPUs, n.wantedCPUs)})
	}
	return found
}

func judgeDisks(f Facts) []Finding {
	var found []Finding
	seen := map[uint64]bool{}
	for _, d := range f.Disks {
		if seen[d.Device] {
			continue
		}
		seen[d.Device] = true
		switch {
		case d.Free < 2*giga:
			found = append(found, Finding{Error, problem.New(problem.LowDisk,
				"Insufficient disk space, cannot start: %d MB free at %s, 2 GB required", d.Free/mega, d.Path)})
		case d.Free < 5*giga:
			found = append(found, Finding{Warning, problem.New(problem.LowDisk,
				"Low disk space, cleanup recommended: %.1f GB free at %s", float64(d.Free)/giga, d.Path)})
		}
	}
	return found
}

func judgePorts(f Facts) []Finding {
	var found []Finding
	taken := map[int]string{}
	for _, p := range f.Ports {
		if other, ok := taken[p.Number]; ok {
			found = append(found, Finding{Error, problem.New(problem.PortInUse,
				"Port %d is chosen for %s and for %s", p.Number, other, p.Purpose).Do("Choose another %s in %s", p.Key, project.File)})
			continue
		}
		taken[p.Number] = p.Purpose
		if !p.InUse {
			continue
		}
		found = append(found, Finding{Error, problem.New(problem.PortInUse,
			"Port %d required for %s is already in use by %s", p.Number, p.Purpose, p.Holder).Do("%s", p.remedy())})
	}
	return found
}

func (p Port) remedy() string {
	other := fmt.Sprintf("set %s in %s", p.Key, filepath.Base(project.File))
	switch {
	case p.Holder.Container != "":
		return fmt.Sprintf("Stop that container, or %s", other)
	case p.Holder.PID != 0:
		return fmt.Sprintf("Stop it: kill %d, or %s", p.Holder.PID, other)
	}
	return fmt.Sprintf("Find it: sudo lsof -i:%d, or %s", p.Number, other)
}

func judgeKernel(f Facts) []Finding {
	var found []Finding
	// kind's documentation, "Known Issues": pod errors due to too many open files.
	if f.Nodes > 1 && (0 < f.InotifyInstances && f.InotifyInstances < 512 || 0 < f.InotifyWatches && f.InotifyWatches < 262144) {
		found = append(found, Finding{Warning, problem.New(problem.LowInotify,
			"inotify allows %d instances and %d watches, too few for %d nodes", f.InotifyInstances, f.InotifyWatches, f.Nodes)})
	}
	if f.EngineState == EngineWorks && f.Engine.CgroupVersion == "1" {
		found = append(found, Finding{Info, problem.New(problem.CgroupV1, "this host runs cgroup v1: kubelet is told to accept it")})
	}
	return found
}

func judgeClock(f Facts) []Finding {
	behind := f.Latest.Sub(f.Now)
	if behind < 5*time.Minute {
		return nil
	}
	return []Finding{{Error, problem.New(problem.ClockWrong,
		"the clock says %s and is behind the project's own files by %s", f.Now.Format(time.DateTime), behind.Round(time.Minute))}}
}
