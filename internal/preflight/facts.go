package preflight

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/project"
)

// Gather looks at the machine; e and engineErr are what looking for the engine
// gave. With ours set, the project's own cluster runs and holds the ports itself.
func Gather(ctx context.Context, c *project.Config, e *engine.Engine, engineErr error, ours bool) Facts {
	f := Facts{Engine: e, Profile: c.Profile, Nodes: c.Nodes, Now: time.Now()}
	f.EngineState, f.EngineMessage = StateOf(engineErr)
	folders := []string{c.DataDir}
	if f.Engine != nil {
		folders = append(folders, f.Engine.Root)
	}
	for _, folder := range folders {
		if d, ok := disk(folder); ok {
			f.Disks = append(f.Disks, d)
		}
	}
	f.Ports = wanted(c)
	if !ours {
		for i := range f.Ports {
			look(ctx, f.Engine, c.Bind, &f.Ports[i])
		}
	}
	f.InotifyInstances = kernelNumber("/proc/sys/fs/inotify/max_user_instances")
	f.InotifyWatches = kernelNumber("/proc/sys/fs/inotify/max_user_watches")
	f.Latest = latest(c)
	return f
}

// StateOf tells from the engine's complaint what is wrong with it.
func StateOf(err error) (EngineState, string) {
	switch {
	case err == nil:
		return EngineWorks, ""
	case errors.Is(err, engine.ErrNone):
		return EngineMissing, ""
	}
	text := strings.ToLower(err.Error())
	for _, sign := range []string{"permission denied", "access denied"} {
		if strings.Contains(text, sign) {
			return EngineDenied, err.Error()
		}
	}
	for _, sign := range []string{"cannot connect", "is the docker daemon running", "connection refused", "no such file", "unable to connect"} {
		if strings.Contains(text, sign) {
			return EngineStopped, err.Error()
		}
	}
	return EngineFails, err.Error()
}

func wanted(c *project.Config) []Port {
	return []Port{
		{Number: c.Ports.Frontend, Purpose: "the frontend", Key: "ports.frontend"},
		{Number: c.Ports.Backend, Purpose: "the backend", Key: "ports.backend"},
		{Number: c.Ports.Postgres, Purpose: "PostgreSQL", Key: "ports.postgres"},
		{Number: c.Ports.Redis, Purpose: "Redis", Key: "ports.redis"},
	}
}

// disk measures where a folder is, or will be. An engine in a virtual machine
// has a root that this machine does not have.
func disk(folder string) (Disk, bool) {
	for folder != "" {
		var fs syscall.Statfs_t
		var stat syscall.Stat_t
		if syscall.Statfs(folder, &fs) == nil && syscall.Stat(folder, &stat) == nil {
			return Disk{Path: folder, Free: fs.Bavail * uint64(fs.Bsize), Device: uint64(stat.Dev)}, true //nolint:unconvert // other systems have other types
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			break
		}
		folder = parent
	}
	return Disk{}, false
}

func kernelNumber(file string) int {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(content)))
	return n
}

// latest is the newest time among the files that pawskind itself writes.
func latest(c *project.Config) time.Time {
	var newest time.Time
	for _, file := range []string{c.SecretsFile(), filepath.Join(c.Local(), "lock"), c.ClusterData()} {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}
