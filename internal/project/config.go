// Package project knows a developer's project: its pawskind.yaml, what overrides
// it, and where its local files are.
package project

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Profiles of an environment.
const (
	ProfileFull = "full"
	ProfileFast = "fast"
)

// File is the name of a project's configuration.
const File = "pawskind.yaml"

// Config is what a project, its user's environment variables and the flags ask for.
type Config struct {
	// Name is the kind cluster's name.
	Name string
	// Provider is docker, podman or auto.
	Provider string
	// Nodes is how many nodes the cluster has.
	Nodes int
	// Profile is full or fast.
	Profile string
	// Namespace is where the environment lives.
	Namespace string
	// Bind is the host's address that publishes the ports.
	Bind string
	// Ports are the published host ports.
	Ports Ports
	// DataDir holds the volumes, absolute.
	DataDir string
	// NodeImage is used as it is when set.
	NodeImage string
	// Environment is the file of the PawsEnvironment, absolute; empty for the
	// one that the profile gives.
	Environment string
	// AuditPolicy is the file that says what the cluster's API server writes into
	// its audit log, absolute; empty for no log.
	AuditPolicy string
	// Source is the checkout from which images can be built, absolute; empty
	// where there is none.
	Source string
	// Timeout bounds the wait for a healthy environment.
	Timeout time.Duration

	// Root is the project's folder, absolute.
	Root string
	// File is the configuration that was read; empty when there is none.
	File string
	// origins say where each key's value is from.
	origins map[string]string
}

// Ports are the host's ports.
type Ports struct {
	Frontend, Backend, Postgres, Redis int
}

// Local is the folder of the project's generated files, which git ignores.
func (c *Config) Local() string { return filepath.Join(c.Root, ".local") }

// SecretsFile is the file of the project's secrets.
func (c *Config) SecretsFile() string { return filepath.Join(c.Local(), "secrets.env") }

// CAFile is the file of the CA's certificate, for clients on this machine.
func (c *Config) CAFile() string { return filepath.Join(c.Local(), "ca.crt") }

// ClusterData is the folder of this cluster's volumes: clusters of one project
// never share data.
func (c *Config) ClusterData() string { return filepath.Join(c.DataDir, c.Name) }

// Context is the cluster's context in the kubeconfig.
func (c *Config) Context() string { return "kind-" + c.Name }

// EnvironmentName is the PawsEnvironment's name.
const EnvironmentName = "paws360"

// Setting is one key of the configuration.
type Setting struct {
	// Key is its name in pawskind.yaml, such as ports.frontend.
	Key string
	// Help says what it is for.
	Help string
	set  func(*Config, string) error
	get  func(*Config) string
}

// Variable is the environment variable that overrides the key.
func (s Setting) Variable() string {
	name := strings.ReplaceAll(strings.TrimPrefix(s.Key, "ports."), ".", "_")
	if strings.HasPrefix(s.Key, "ports.") {
		name = "port_" + name
	}
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return "PAWSKIND_" + strings.ToUpper(b.String())
}

var (
	clusterName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$`)
	imageName     = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$`)
	namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

// Settings are all keys.
func Settings() []Setting {
	return []Setting{
		text("name", "name of the kind cluster", func(c *Config) *string { return &c.Name }, matching(clusterName)),
		text("provider", "container engine: docker, podman or auto", func(c *Config) *string { return &c.Provider }, oneOf("docker", "podman", "auto")),
		number("nodes", "number of the cluster's nodes", func(c *Config) *int { return &c.Nodes }, 9),
		text("profile", "full (highly available) or fast (single members)", func(c *Config) *string { return &c.Profile }, oneOf(ProfileFull, ProfileFast)),
		text("namespace", "namespace of the environment", func(c *Config) *string { return &c.Namespace }, matching(namespaceName)),
		text("bind", "address of the host that publishes the ports", func(c *Config) *string { return &c.Bind }, address),
		number("ports.frontend", "host port of the frontend", func(c *Config) *int { return &c.Ports.Frontend }, 65535),
		number("ports.backend", "host port of the backend", func(c *Config) *int { return &c.Ports.Backend }, 65535),
		number("ports.postgres", "host port of the PostgreSQL leader", func(c *Config) *int { return &c.Ports.Postgres }, 65535),
		number("ports.redis", "host port of the Redis master", func(c *Config) *int { return &c.Ports.Redis }, 65535),
		path("dataDir", "folder of the volumes", func(c *Config) *string { return &c.DataDir }),
		text("nodeImage", "image of the cluster's nodes", func(c *Config) *string { return &c.NodeImage }, image),
		path("environment", "file of the PawsEnvironment", func(c *Config) *string { return &c.Environment }),
		path("auditPolicy", "file of an audit policy, for a cluster whose API server keeps an audit log", func(c *Config) *string { return &c.AuditPolicy }),
		path("source", "checkout from which images can be built", func(c *Config) *string { return &c.Source }),
		{
			Key: "timeout", Help: "how long to wait for a healthy environment",
			set: func(c *Config, v string) (err error) {
				if c.Timeout, err = time.ParseDuration(v); err != nil || c.Timeout <= 0 {
					return fmt.Errorf("must be a duration such as 5m")
				}
				return nil
			},
			get: func(c *Config) string { return c.Timeout.String() },
		},
	}
}

func text(key, help string, field func(*Config) *string, check func(string) error) Setting {
	return Setting{key, help,
		func(c *Config, v string) error {
			if err := check(v); err != nil {
				return err
			}
			*field(c) = v
			return nil
		},
		func(c *Config) string { return *field(c) },
	}
}

// path is a text that is taken relative to the project's folder.
func path(key, help string, field func(*Config) *string) Setting {
	return Setting{key, help,
		func(c *Config, v string) error {
			if v != "" && !filepath.IsAbs(v) {
				v = filepath.Join(c.Root, v)
			}
			*field(c) = v
			return nil
		},
		func(c *Config) string { return *field(c) },
	}
}

func number(key, help string, field func(*Config) *int, high int) Setting {
	return Setting{key, help,
		func(c *Config, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || n > high {
				return fmt.Errorf("must be a number from 1 to %d", high)
			}
			*field(c) = n
			return nil
		},
		func(c *Config) string { return strconv.Itoa(*field(c)) },
	}
}

func oneOf(values ...string) func(string) error {
	return func(v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("must be one of %s", strings.Join(values, ", "))
		}
		return nil
	}
}

func matching(pattern *regexp.Regexp) func(string) error {
	return func(v string) error {
		if !pattern.MatchString(v) {
			return fmt.Errorf("must be lower-case letters, digits and dashes")
		}
		return nil
	}
}

func address(v string) error {
	if net.ParseIP(v) == nil {
		return fmt.Errorf("must be an IP address")
	}
	return nil
}

// image keeps what is no image's name from being an option of the container engine.
func image(v string) error {
	if v != "" && !imageName.MatchString(v) {
		return fmt.Errorf("must be the name of an image")
	}
	return nil
}

// folder refuses what a container engine would not mount as it is: it ends a
// path at a colon.
func folder(v string) error {
	if v == "" {
		return fmt.Errorf("must name a folder")
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r == ':' || r < ' ' || r == 0x7f }) {
		return fmt.Errorf("must have no colon and no control character: a container engine ends a path there")
	}
	return nil
}

// defaults are the values that nothing overrides.
func defaults(root string) *Config {
	return &Config{
		Name: "pawskind", Provider: "auto", Nodes: 1, Profile: ProfileFull, Namespace: "paws360",
		Bind:    "127.0.0.1",
		Ports:   Ports{Frontend: 3000, Backend: 8080, Postgres: 5432, Redis: 6379},
		DataDir: filepath.Join(root, ".local", "data"),
		Timeout: 5 * time.Minute,
		Root:    root, origins: map[string]string{},
	}
}

// isCheckout tells whether a folder is pawskind's own source.
func isCheckout(folder string) bool {
	for _, name := range []string{"go.mod", "images", "hack"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			return false
		}
	}
	return true
}
