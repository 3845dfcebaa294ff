package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// apps are the running programs.
type apps struct {
	jar, frontend string
	// api and page are where they answer.
	api, page string
	running   []*exec.Cmd
}

// env is a variable of the job, or what it is on a developer's machine.
func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func (a *apps) start(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	a.api = "http://127.0.0.1:" + port
	java := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java = filepath.Join(home, "bin", "java")
	}
	backend := exec.CommandContext(ctx, java, "-jar", a.jar)
	backend.Env = append(os.Environ(), "PORT="+port,
		fmt.Sprintf("DATABASE_URL=jdbc:postgresql://%s:%s/%s", env("PGHOST", "localhost"), env("PGPORT", "5432"), env("PGDATABASE", "paws360")),
		"DATABASE_USERNAME="+env("PGUSER", "paws360"), "DATABASE_PASSWORD="+os.Getenv("PGPASSWORD"))
	if err := a.launch(backend, "backend"); err != nil {
		return err
	}
	if err := wait(ctx, a.api+"/health/ready"); err != nil || a.frontend == "" {
		return err
	}
	if port, err = freePort(); err != nil {
		return err
	}
	a.page = "http://127.0.0.1:" + port
	frontend := exec.CommandContext(ctx, "node", "--import", "./console.mjs", "server.js")
	frontend.Dir = a.frontend
	frontend.Env = append(os.Environ(), "PORT="+port, "HOSTNAME=127.0.0.1", "BACKEND_URL="+a.api, "NODE_ENV=production")
	if err := a.launch(frontend, "frontend"); err != nil {
		return err
	}
	return wait(ctx, a.page+"/health/ready")
}

// launch starts a program whose output goes with the job's.
func (a *apps) launch(c *exec.Cmd, name string) error {
	c.Stdout, c.Stderr = os.Stdout, os.Stdout
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	if err := c.Start(); err != nil {
		return fmt.Errorf("starting the %s: %w", name, err)
	}
	a.running = append(a.running, c)
	return nil
}

func (a *apps) stop() {
	for _, c := range a.running {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	}
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// wait asks until the answer is 200.
func wait(ctx context.Context, address string) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	last := "no answer"
	for {
		status, _, err := ask(ctx, http.MethodGet, address, "")
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err == nil {
			last = fmt.Sprint("status ", status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %s", address, last)
		case <-ticker.C:
		}
	}
}

func ask(ctx context.Context, method, address, body string) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// asked decodes the answer to a request that must succeed.
func asked(ctx context.Context, method, address, body string, into any) error {
	status, answer, err := ask(ctx, method, address, body)
	switch {
	case err != nil:
		return err
	case status >= 300:
		return fmt.Errorf("%s %s answered %d: %s", method, address, status, answer)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s answered no JSON: %w", address, err)
	}
	return nil
}
