package runner

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/paws360/pawskind/internal/ci/toolchain"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

// tool is what a setup action sets up.
type tool struct {
	name string
	ask  []string
	// version finds the version in the answer.
	version *regexp.Regexp
	output  string
}

var setups = map[string]tool{
	"actions/setup-go":     {"go", []string{"go", "version"}, regexp.MustCompile(`go version go([0-9][0-9A-Za-z.]*)`), "go-version"},
	"actions/setup-java":   {"java", []string{"java", "-version"}, regexp.MustCompile(`version "([0-9][^"]*)"`), "version"},
	"actions/setup-node":   {"node", []string{"node", "--version"}, regexp.MustCompile(`v([0-9][0-9A-Za-z.-]*)`), "node-version"},
	"actions/setup-python": {"python", []string{"python3", "--version"}, regexp.MustCompile(`Python ([0-9][0-9A-Za-z.+]*)`), "python-version"},
}

// setup takes the version that is asked for, when the PATH has another one and
// this machine has it elsewhere. It installs none: what comes nearest is used
// with a warning, and told as not reproduced.
func setup(ctx context.Context, c *call) error {
	t := setups[strings.ToLower(c.name)]
	asked, fromFile, err := c.asked(t)
	if err != nil {
		return err
	}
	fits := func(version string) bool {
		return toolchain.Satisfies(version, asked) || fromFile && toolchain.Newer(version, asked)
	}
	have, err := c.present(ctx, t)
	if err != nil {
		return err
	}
	var home string
	if !fits(have) && c.leg.container == nil { // a container has its own
		all := toolchain.Find(t.name, os.Environ())
		if other, found := toolchain.Choose(all, asked, have); found {
			have, home = other.Version, other.Home
			c.leg.search = append([]string{other.Bin()}, c.leg.search...)
		}
		if have == "" {
			return fmt.Errorf("%s asks for %s %s, and there is none on this machine: install it", c.name, t.name, asked)
		}
		if !fits(have) {
			c.warn("the workflow asks for %s %s, and this machine has none%s: %s is used", t.name, asked, others(all), have)
		}
	}
	if have == "" {
		return fmt.Errorf("%s asks for %s %s, and there is none in the container: take an image that has it", c.name, t.name, asked)
	}
	if !fits(have) {
		if c.leg.container != nil {
			c.warn("the workflow asks for %s %s, and the container has %s", t.name, asked, have)
		}
		c.leg.notice(c.step, c.name, fmt.Sprintf("the remote installs %s %s; here %s is used", t.name, asked, have))
	}
	c.out.say(strings.TrimSpace(fmt.Sprintf("%s %s is used; asked for: %s %s", t.name, have, asked, home)))
	c.output(t.output, have)
	c.output("cache-hit", "true")
	return c.extras(t, have, home)
}

// present is the version that the PATH has; empty when it has none.
func (c *call) present(ctx context.Context, t tool) (string, error) {
	env := c.leg.environ(c.scope, c.vars)
	env["GOTOOLCHAIN"] = "local"
	var answer bytes.Buffer
	status, err := c.leg.exec(ctx, command{args: t.ask, env: env, dir: c.leg.workspace(), out: &answer})
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	found := t.version.FindSubmatch(answer.Bytes())
	if err != nil || status != 0 || found == nil {
		return "", nil //nolint:nilerr // a tool that cannot tell its version is as good as none
	}
	return string(found[1]), nil
}

// others says which versions are there instead.
func others(all []toolchain.Installed) string {
	if len(all) == 0 {
		return ""
	}
	var list []string
	for _, i := range all {
		list = append(list, i.Version+" in "+i.Home)
	}
	return " (it has " + strings.Join(list, ", ") + ")"
}

// asked is the version that the step asks for, and whether a file said so.
func (c *call) asked(t tool) (string, bool, error) {
	if version := strings.TrimSpace(c.with[t.name+"-version"]); version != "" {
		lines := strings.Fields(version)
		return lines[len(lines)-1], false, nil // of several, the last is the default
	}
	file := c.with[t.name+"-version-file"]
	if file == "" {
		return "any", false, nil
	}
	content, err := os.ReadFile(c.place(file))
	if err != nil {
		return "", true, fmt.Errorf("the file with the version of %s: %w", t.name, err)
	}
	return workflow.VersionIn(t.name, file, string(content)), true, nil
}

// extras are what the real action leaves besides.
func (c *call) extras(t tool, version, home string) error {
	l, env := c.leg, c.leg.environ(c.scope, c.vars)
	switch t.name {
	case "go":
		if home != "" && l.base["GOROOT"] != "" {
			l.vars["GOROOT"] = home
		}
	case "java":
		c.output("distribution", c.with["distribution"])
		if home == "" && l.container == nil {
			home = homeOf("java", env["PATH"])
		}
		c.output("path", home)
		if home != "" {
			major, _, _ := strings.Cut(version, ".")
			l.vars["JAVA_HOME"], l.vars["JAVA_HOME_"+major+"_"+runnerArch()] = home, home
		}
	case "python":
		if home != "" {
			l.vars["pythonLocation"] = home
		}
		if _, err := look("python", env["PATH"]); err == nil || c.leg.container != nil {
			return nil
		}
		python, err := look("python3", env["PATH"])
		if err != nil {
			return err
		}
		folder := c.leg.path("tools/python")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("making python: %w", err)
		}
		if err := os.Symlink(python, filepath.Join(folder, "python")); err != nil && !os.IsExist(err) {
			return fmt.Errorf("making python: %w", err)
		}
		c.leg.search = append([]string{folder}, c.leg.search...)
	}
	return nil
}

// homeOf is the folder above bin in which a program really is.
func homeOf(name, path string) string {
	program, err := look(name, path)
	if err != nil {
		return ""
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return ""
	}
	return filepath.Dir(filepath.Dir(program))
}
