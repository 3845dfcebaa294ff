package services

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/problem"
)

// label marks the containers of services; its value is the job's key.
const label = "io.paws360.pawskind.ci"

// container runs the service as a container and waits until it is healthy.
func (p *Provider) container(ctx context.Context, job ci.Job, s ci.Service, undo *stack) (schedule.ServiceAddress, error) {
	fail := func(err error) (schedule.ServiceAddress, error) {
		if ctx.Err() != nil {
			return schedule.ServiceAddress{}, ctx.Err()
		}
		return schedule.ServiceAddress{}, problem.New(problem.ServiceUnavailable, "the service %s cannot run as a container of %s", s.Name, s.Image).Because(err)
	}
	ports, err := mappings(s)
	if err != nil {
		return schedule.ServiceAddress{}, err
	}
	e, err := p.Engine(ctx)
	if err != nil {
		return fail(err)
	}
	if err := e.Provide(ctx, s.Image); err != nil {
		if ctx.Err() != nil {
			return fail(err)
		}
		return schedule.ServiceAddress{}, problem.New(problem.JobImageMissing, "the service %s wants the image %s, which is not here and cannot be fetched", s.Name, s.Image).Because(err)
	}
	name := strings.ToLower("pawskind-ci-" + artifacts.Name(s.Name) + "-" + rand.Text()[:8])
	variables, err := envFile(s.Env)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.Remove(variables) }()
	args, err := runArguments(job, s, ports, name, variables)
	if err != nil {
		return fail(err)
	}
	undo.add(func() {
		ctx, cancel := cleaning()
		defer cancel()
		_ = e.Remove(ctx, name) // it may not have come to be
	})
	if err := e.Run(ctx, args...); err != nil {
		return fail(err)
	}
	if err := healthy(ctx, e, name); err != nil {
		return fail(err)
	}
	address := schedule.ServiceAddress{Host: loopback, Ports: map[string]int{}}
	for _, m := range ports {
		out, err := e.Output(ctx, "port", name, m.key()+"/tcp")
		if err != nil {
			return fail(err)
		}
		if address.Ports[m.key()], err = publishedPort(string(out)); err != nil {
			return fail(err)
		}
	}
	return address, nil
}

// runArguments are the engine's for the container.
func runArguments(job ci.Job, s ci.Service, ports []mapping, name, variables string) ([]string, error) {
	args := []string{"run", "--detach", "--name", name, "--label", label + "=" + job.Key, "--env-file", variables}
	for _, m := range ports {
		host := ""
		if m.host != 0 {
			host = strconv.Itoa(m.host)
		}
		args = append(args, "--publish", loopback+":"+host+":"+m.key())
	}
	options, err := words(s.Options)
	if err != nil {
		return nil, fmt.Errorf("its options: %w", err)
	}
	return append(append(args, options...), s.Image), nil
}

// envFile writes the variables where only this user and the engine read them: a
// command's arguments are everybody's to see.
func envFile(env map[string]string) (string, error) {
	file, err := os.CreateTemp("", "pawskind-ci-env-*") // mode 0600
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.ContainsAny(env[name], "\r\n") {
			err = errors.Join(err, fmt.Errorf("its variable %s has more than one line", name))
			continue
		}
		_, writing := fmt.Fprintf(file, "%s=%s\n", name, env[name])
		err = errors.Join(err, writing)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(file.Name())
	}
	return file.Name(), err
}

// published is the port in what the engine's port command prints.
func publishedPort(out string) (int, error) {
	line, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	_, port, err := net.SplitHostPort(line)
	if err != nil {
		return 0, fmt.Errorf("reading the published port: %w", err)
	}
	return strconv.Atoi(port)
}

// words splits options as a shell does: by spaces, but for quotes and backslashes.
func words(text string) ([]string, error) {
	var all []string
	var word strings.Builder
	var quote rune
	inside, escaped := false, false
	for _, r := range text {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inside = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inside = r, true
		case strings.ContainsRune(" \t\r\n", r):
			if inside {
				all = append(all, word.String())
				word.Reset()
			}
			inside = false
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("a quote in %q has no end", text)
	}
	if inside {
		all = append(all, word.String())
	}
	return all, nil
}
