package runner

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/problem"
)

// container is what a leg's commands run in. The leg's folder is at the same
// path in it, so that paths need no translation, and it is on the host's network,
// so that services are where they are for a leg on the host.
type container struct {
	engine, name string
	// search is the image's own PATH.
	search string
}

// engineFor is the command of the engine that works, once that has the image;
// none is wanted when its name is empty.
func (l *leg) engineFor(ctx context.Context, image string) (string, error) {
	e, err := engine.Detect(ctx, l.runner.options.Engine)
	if err != nil {
		return "", problem.New(problem.EngineMissing, "%s needs a container engine", l.job.Key).Because(err)
	}
	if image != "" {
		if err := e.Provide(ctx, image); err != nil {
			return "", problem.New(problem.JobImageMissing, "%s wants the image %s, which is not here and cannot be fetched", l.job.Key, image).Because(err)
		}
	}
	return exec.LookPath(e.Kind)
}

// contain starts the leg's container, if it runs in one.
func (l *leg) contain(ctx context.Context) error {
	image := l.job.Container
	if image == "" && l.runner.options.Runner == "container" {
		if image = l.runner.options.Image; image == "" {
			image = DefaultImage
		}
	}
	if image == "" {
		return nil
	}
	program, err := l.engineFor(ctx, image)
	if err != nil {
		return err
	}
	c := &container{engine: program, name: "pawskind-ci-" + strings.ToLower(l.tracking[len(l.tracking)-12:])}
	args := []string{"run", "-d", "--rm", "--init", "--name", c.name, "--network", "host", "-v", l.folder + ":" + l.folder, "-w", l.workspace()}
	for name := range l.in.Services {
		args = append(args, "--add-host", name+":127.0.0.1")
	}
	env := maps.Clone(l.vars)
	if spec := l.work.Job.Container(); spec != nil {
		more, err := l.containerOptions(env)
		if err != nil {
			return err
		}
		args = append(args, more...)
	}
	args = append(args, "--entrypoint", "tail", image, "-f", "/dev/null")
	l.container = c
	out, err := c.output(ctx, args...)
	if err != nil {
		return fmt.Errorf("starting the container of %s from %s: %w", l.job.Key, image, err)
	}
	l.log(strings.TrimSpace(out))
	if c.search, err = c.output(ctx, "exec", c.name, "printenv", "PATH"); err != nil {
		return fmt.Errorf("asking the container of %s for its PATH: %w", l.job.Key, err)
	}
	c.search = strings.TrimSpace(c.search)
	l.insideOnly()
	return nil
}

// containerOptions are those that the job's container has.
func (l *leg) containerOptions(_ map[string]string) ([]string, error) {
	spec := l.work.Job.Container()
	var args []string
	extra, err := l.env.Texts(spec.Env)
	if err != nil {
		return nil, err
	}
	for name, value := range extra {
		if _, set := l.vars[name]; !set {
			l.vars[name] = value
		}
	}
	for _, volume := range spec.Volumes {
		text, err := l.env.Text(volume)
		if err != nil {
			return nil, err
		}
		args = append(args, "-v", text)
	}
	text, err := l.env.Text(spec.Options)
	if err != nil {
		return nil, err
	}
	options, err := shellquote.Split(text)
	if err != nil {
		return nil, fmt.Errorf("the container's options %q: %w", text, err)
	}
	return append(args, options...), nil
}

// insideOnly takes the host's own places out of the environment: in a container
// there are others.
func (l *leg) insideOnly() {
	for _, name := range append([]string{"SHELL", "USER", "LOGNAME", "JAVA_HOME", "M2_HOME", "GOROOT", "XDG_RUNTIME_DIR", "DOCKER_HOST", "CONTAINER_HOST",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT"}, mapKeys(caches)...) {
		delete(l.base, name)
	}
	l.base["PATH"] = l.container.search
}

func mapKeys(m map[string]string) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

// wrap makes a command one that is run in the container.
func (c *container) wrap(inside command) command {
	args := []string{c.engine, "exec", "-w", inside.dir}
	env := maps.Clone(inside.env)
	args = append(args, handed(env)...)
	// These two are the engine's own as well, and hold no secrets.
	args = append(args, "-e", "PATH="+env["PATH"], "-e", "HOME="+env["HOME"])
	env["PATH"], env["HOME"] = os.Getenv("PATH"), os.Getenv("HOME")
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		env["DOCKER_HOST"] = host
	}
	return command{args: append(append(args, c.name), inside.args...), env: env, dir: "", out: inside.out}
}

func (c *container) output(ctx context.Context, args ...string) (string, error) {
	process := exec.CommandContext(ctx, c.engine, args...)
	var complaint bytes.Buffer
	process.Stderr = &complaint
	out, err := process.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return string(out), nil
}

// remove ends the container. Where the engine's root wrote into the leg's folder,
// the files are given to this user first, who could not remove them otherwise.
func (c *container) remove(folder string) {
	if os.Getuid() != 0 && filepath.Base(c.engine) == "docker" {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, _ = c.output(ctx, "exec", "--user", "0", c.name, "chown", "-R", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), folder)
	}
	removeContainer(c.engine, c.name)
}

// removeContainer ends a container and all that runs in it; one that is gone
// already is as well.
func removeContainer(program, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = (&engine.Engine{Kind: filepath.Base(program)}).Remove(ctx, name)
}

// onHost runs a command beside the leg's container.
func (l *leg) onHost(ctx context.Context, c command) (int, error) {
	inside := l.container
	l.container = nil
	defer func() { l.container = inside }()
	env := maps.Clone(c.env)
	env["PATH"], env["HOME"] = os.Getenv("PATH"), os.Getenv("HOME")
	c.env = env
	return l.exec(ctx, c)
}
