package runner

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

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

// setup checks the version that is here against the one that is asked for. It
// installs none: another one is a warning, and told as not reproduced.
func setup(ctx context.Context, c *call) error {
	t := setups[strings.ToLower(c.name)]
	asked, fromFile, err := c.asked(t)
	if err != nil {
		return err
	}
	env := c.leg.environ(c.scope, c.vars)
	env["GOTOOLCHAIN"] = "local"
	var answer bytes.Buffer
	status, err := c.leg.exec(ctx, command{args: t.ask, env: env, dir: c.leg.workspace(), out: &answer})
	found := t.version.FindSubmatch(answer.Bytes())
	if err != nil || status != 0 || found == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s asks for %s %s, and there is none on this machine: install it", c.name, t.name, asked)
	}
	have := string(found[1])
	c.out.say(fmt.Sprintf("%s %s is on this machine; asked for: %s", t.name, have, asked))
	if !satisfies(have, asked) && (!fromFile || !newer(have, asked)) {
		c.warn("the workflow asks for %s %s, and this machine has %s", t.name, asked, have)
		c.leg.notice(c.step, c.name, fmt.Sprintf("the remote installs %s %s; here %s is used", t.name, asked, have))
	}
	c.output(t.output, have)
	c.output("cache-hit", "true")
	return c.extras(t, env)
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
func (c *call) extras(t tool, env map[string]string) error {
	switch t.name {
	case "java":
		c.output("distribution", c.with["distribution"])
		c.output("path", env["JAVA_HOME"])
	case "python":
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

var numbers = regexp.MustCompile(`[0-9]+`)

// digits are the numbers of a version, up to three.
func digits(version string) []int {
	version, _, _ = strings.Cut(version, "+")
	var list []int
	for _, text := range numbers.FindAllString(version, 3) {
		n, _ := strconv.Atoi(text) // it is digits
		list = append(list, n)
	}
	return list
}

// satisfies tells whether a version is one that is asked for: by its beginning
// (1.26, 21, 3.x), by a range (^, ~, >=), or any for words such as stable.
func satisfies(have, asked string) bool {
	asked = strings.TrimSpace(strings.TrimPrefix(asked, "v"))
	for alternative := range strings.SplitSeq(asked, "||") {
		all := true
		for _, one := range strings.Fields(alternative) {
			all = all && satisfiesOne(have, one)
		}
		if all {
			return true
		}
	}
	return false
}

func satisfiesOne(have, asked string) bool {
	h, operator := digits(have), strings.TrimRight(asked, "0123456789.xX*-abcdefghijklmnopqrstuvwyz")
	a := digits(strings.TrimPrefix(asked, operator))
	if len(a) == 0 {
		return true // stable, latest, lts/*, any
	}
	order := compare(h, a)
	switch operator {
	case ">=":
		return order >= 0
	case ">":
		return order > 0
	case "<=":
		return order <= 0
	case "<":
		return order < 0
	case "^":
		return order >= 0 && begins(h, a[:1])
	case "~":
		return order >= 0 && begins(h, a[:min(2, len(a))])
	}
	return begins(h, a)
}

// newer tells whether a version is of the same minor line as the other and not
// older: what a file such as go.mod asks for at least.
func newer(have, asked string) bool {
	h, a := digits(have), digits(asked)
	return len(a) > 0 && begins(h, a[:min(2, len(a))]) && compare(h, a) >= 0
}

func begins(have, with []int) bool {
	for i, n := range with {
		if i >= len(have) || have[i] != n {
			return false
		}
	}
	return true
}

func compare(a, b []int) int {
	for i := range max(len(a), len(b)) {
		x, y := 0, 0
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return x - y
		}
	}
	return 0
}
