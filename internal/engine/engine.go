// Package engine knows the container engine: which there is, whether it works,
// and how its command line is called.
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Engine is a container engine that answers.
type Engine struct {
	// Kind is docker or podman: the name of its command.
	Kind string `json:"kind"`
	// Version is the server's version.
	Version string `json:"version"`
	// Root is where the engine keeps its data.
	Root string `json:"root"`
	// CPUs and MemoryBytes are what the engine has for containers.
	CPUs        int   `json:"cpus"`
	MemoryBytes int64 `json:"memoryBytes"`
	// CgroupVersion is 1 or 2.
	CgroupVersion string `json:"cgroupVersion"`
}

// ErrNone says that no engine's command is installed.
var ErrNone = errors.New("neither docker nor podman is installed")

// Detect finds the engine: docker or podman by name, or with auto the first of
// the two that works. The error says why none does.
func Detect(ctx context.Context, provider string) (*Engine, error) {
	kinds := []string{provider}
	if provider == "" || provider == "auto" {
		kinds = []string{"docker", "podman"}
	}
	var reasons []error
	for _, kind := range kinds {
		if _, err := exec.LookPath(kind); err != nil {
			continue
		}
		e, err := inspect(ctx, kind)
		if err == nil {
			return e, nil
		}
		reasons = append(reasons, err)
	}
	if len(reasons) == 0 {
		return nil, ErrNone
	}
	return nil, errors.Join(reasons...)
}

func inspect(ctx context.Context, kind string) (*Engine, error) {
	e := &Engine{Kind: kind}
	out, err := e.Output(ctx, "info", "--format", "{{json .}}")
	if err != nil {
		return nil, err
	}
	if kind == "podman" {
		return e, e.readPodman(out)
	}
	return e, e.readDocker(out)
}

func (e *Engine) readDocker(info []byte) error {
	var d struct {
		ServerVersion, DockerRootDir, CgroupVersion string
		NCPU                                        int
		MemTotal                                    int64
		ServerErrors                                []string
	}
	if err := json.Unmarshal(info, &d); err != nil {
		return fmt.Errorf("reading docker info: %w", err)
	}
	if d.ServerVersion == "" {
		return fmt.Errorf("docker: %s", strings.Join(d.ServerErrors, "; "))
	}
	e.Version, e.Root, e.CPUs, e.MemoryBytes, e.CgroupVersion = d.ServerVersion, d.DockerRootDir, d.NCPU, d.MemTotal, d.CgroupVersion
	return nil
}

func (e *Engine) readPodman(info []byte) error {
	var p struct {
		Host struct {
			CPUs          int    `json:"cpus"`
			MemTotal      int64  `json:"memTotal"`
			CgroupVersion string `json:"cgroupVersion"`
		} `json:"host"`
		Store struct {
			GraphRoot string `json:"graphRoot"`
		} `json:"store"`
		Version struct{ Version string } `json:"version"`
	}
	if err := json.Unmarshal(info, &p); err != nil {
		return fmt.Errorf("reading podman info: %w", err)
	}
	e.Version, e.Root, e.CPUs, e.MemoryBytes = p.Version.Version, p.Store.GraphRoot, p.Host.CPUs, p.Host.MemTotal
	e.CgroupVersion = strings.TrimPrefix(p.Host.CgroupVersion, "v")
	return nil
}

// ChecksHealth reports whether the engine runs the health checks of containers by
// itself. Podman leaves their timing to systemd, and checks nothing where there is
// none (podman-healthcheck-run(1)).
func (e *Engine) ChecksHealth() bool {
	if e.Kind != "podman" || runtime.GOOS != "linux" {
		return true
	}
	_, err := os.Stat("/run/systemd/system") // sd_booted(3)
	return err == nil
}

// Remove ends a container at once and removes it, with the volumes that are its own.
func (e *Engine) Remove(ctx context.Context, container string) error {
	return e.Run(ctx, e.removeArguments(container)...)
}

// Podman first waits 10 s for the container's process, unless told otherwise.
func (e *Engine) removeArguments(container string) []string {
	args := []string{"rm", "--force", "--volumes"}
	if e.Kind == "podman" {
		args = append(args, "--time", "0")
	}
	return append(args, container)
}

// RemoveNetwork removes a network that no container is on. Docker would take it
// from those that are stopped, too, and they could not start any more.
func (e *Engine) RemoveNetwork(ctx context.Context, name string) error {
	users, err := e.Output(ctx, "ps", "--all", "--quiet", "--filter", "network="+name)
	if err != nil || len(bytes.TrimSpace(users)) > 0 {
		return err
	}
	return e.Run(ctx, "network", "rm", name)
}

// Run calls the engine and gives its complaint on failure.
func (e *Engine) Run(ctx context.Context, args ...string) error {
	_, err := e.Output(ctx, args...)
	return err
}

// Output calls the engine and returns what it prints.
func (e *Engine) Output(ctx context.Context, args ...string) ([]byte, error) {
	var out bytes.Buffer
	err := e.Stream(ctx, nil, &out, args...)
	return out.Bytes(), err
}

// Stream calls the engine with the given input and output.
func (e *Engine) Stream(ctx context.Context, in io.Reader, out io.Writer, args ...string) error {
	command := exec.CommandContext(ctx, e.Kind, args...)
	var complaint bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = in, out, &complaint
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s %s: %w: %s", e.Kind, args[0], err, cause(complaint.String()))
	}
	return nil
}

// Save writes an archive of the images, each under its own name.
func (e *Engine) Save(ctx context.Context, out io.Writer, refs ...string) error {
	if err := e.Stream(ctx, nil, out, e.saveArguments(refs)...); err != nil {
		return fmt.Errorf("saving %s: %w", strings.Join(refs, ", "), err)
	}
	return nil
}

// saveArguments are what the engine's save wants to be told. Podman would take
// every name after the first as one more name of the first image.
// Source: podman-save(1), "--multi-image-archive".
func (e *Engine) saveArguments(refs []string) []string {
	args := []string{"save"}
	if e.Kind == "podman" {
		args = append(args, "--multi-image-archive")
	}
	return append(args, refs...)
}

// HasImage tells whether the engine has the image.
func (e *Engine) HasImage(ctx context.Context, ref string) bool {
	return e.Run(ctx, "image", "inspect", ref) == nil
}

// Provide fetches the image where the engine does not have it. One that is there
// is taken as it is.
func (e *Engine) Provide(ctx context.Context, ref string) error {
	if e.HasImage(ctx, ref) {
		return nil
	}
	return e.Run(ctx, "pull", "--quiet", ref)
}

// cause is the line of a complaint that tells most: what the daemon said, which
// the client may repeat with less, or else the last.
func cause(complaint string) string {
	lines := strings.Split(strings.TrimSpace(complaint), "\n")
	for _, line := range lines {
		if said, found := strings.CutPrefix(line, "Error response from daemon: "); found {
			return said
		}
	}
	return lines[len(lines)-1]
}
