package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/paws360/pawskind/internal/problem"
)

// Value is one key's value and where it is from.
type Value struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	// Origin is default, a file with its line, a variable or a flag.
	Origin string `json:"origin"`
}

// Load reads the configuration of the project that holds the working folder:
// flags win over PAWSKIND_ variables, these over pawskind.yaml, this over the
// defaults. flags and env are by key and by variable. All faults are told at once.
func Load(workingFolder string, env map[string]string, flags map[string]string) (*Config, error) {
	file, err := find(workingFolder, env["PAWSKIND_CONFIG"])
	if err != nil {
		return nil, err
	}
	root := workingFolder
	if file != "" {
		root = filepath.Dir(file)
	}
	l := loader{config: defaults(root)}
	l.config.File = file
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, problem.New(problem.ConfigInvalid, "cannot read %s", file).Because(err)
		}
		l.file(filepath.Base(file), content)
	}
	l.variables(env)
	for key, value := range flags {
		l.set(key, value, "flag")
	}
	if len(l.faults) > 0 {
		slices.SortFunc(l.faults, func(a, b *problem.Problem) int { return strings.Compare(a.What, b.What) })
		return nil, l.faults
	}
	if err := l.config.complete(); err != nil {
		return nil, err
	}
	return l.config, nil
}

// Values are all keys with their values and origins.
func (c *Config) Values() []Value {
	var values []Value
	for _, s := range Settings() {
		origin := c.origins[s.Key]
		if origin == "" {
			origin = "default"
		}
		values = append(values, Value{s.Key, s.get(c), origin})
	}
	return values
}

// find gives the nearest pawskind.yaml upward from a folder.
func find(folder, explicit string) (string, error) {
	if explicit != "" {
		file, err := filepath.Abs(explicit)
		if err == nil {
			_, err = os.Stat(file)
		}
		if err != nil {
			return "", problem.New(problem.ConfigInvalid, "cannot read %s", explicit).Because(err)
		}
		return file, nil
	}
	for {
		file := filepath.Join(folder, File)
		_, err := os.Stat(file)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", problem.New(problem.ConfigInvalid, "cannot read %s", file).Because(err)
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", nil
		}
		folder = parent
	}
}

type loader struct {
	config *Config
	faults problem.Several
}

func (l *loader) set(key, value, origin string) {
	for _, s := range Settings() {
		if s.Key != key {
			continue
		}
		if err := s.set(l.config, value); err != nil {
			l.fault("%s: %s is %q and %s", origin, key, value, err)
			return
		}
		l.config.origins[key] = origin
		return
	}
	l.fault("%s: unknown key %s", origin, key)
}

func (l *loader) fault(format string, args ...any) {
	l.faults = append(l.faults, problem.New(problem.ConfigInvalid, format, args...))
}

// file reads the keys one by one, so that each fault has its line.
func (l *loader) file(name string, content []byte) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		l.fault("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if len(document.Content) == 0 {
		return
	}
	l.mapping(name, "", document.Content[0])
}

func (l *loader) mapping(name, prefix string, node *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		l.fault("%s:%d: must be keys with values", name, node.Line)
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := prefix+node.Content[i].Value, node.Content[i+1]
		origin := fmt.Sprintf("%s:%d", name, node.Content[i].Line)
		switch {
		case value.Kind == yaml.MappingNode && key == "ports":
			l.mapping(name, "ports.", value)
		case value.Kind == yaml.ScalarNode:
			l.set(key, value.Value, origin)
		case !isKey(key):
			l.fault("%s: unknown key %s", origin, key)
		default:
			l.fault("%s: %s must be a single value", origin, key)
		}
	}
}

func isKey(key string) bool {
	return key == "ports" || slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Key == key })
}

// variables reads the PAWSKIND_ variables. Others of that prefix are left to
// the parts that know them.
func (l *loader) variables(env map[string]string) {
	for _, s := range Settings() {
		if value, ok := env[s.Variable()]; ok && value != "" {
			l.set(s.Key, value, s.Variable())
		}
	}
}

// complete finds what was not said.
func (c *Config) complete() error {
	if err := folder(c.DataDir); err != nil {
		return problem.New(problem.ConfigInvalid, "dataDir is %q and %s", c.DataDir, err)
	}
	if c.Source == "" {
		c.Source = findSource(c.Root)
	}
	if c.Environment != "" {
		if _, err := os.Stat(c.Environment); err != nil {
			return problem.New(problem.EnvironmentInvalid, "environment names a file that cannot be read").Because(err)
		}
	}
	if c.AuditPolicy != "" {
		if _, err := os.ReadFile(c.AuditPolicy); err != nil {
			return problem.New(problem.ConfigInvalid, "auditPolicy names a file that cannot be read").Because(err)
		}
	}
	return nil
}

// findSource looks for the checkout above the project, then above the program.
func findSource(root string) string {
	starts := []string{root}
	if program, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			starts = append(starts, filepath.Dir(real))
		}
	}
	for _, folder := range starts {
		for {
			if isCheckout(folder) {
				return folder
			}
			parent := filepath.Dir(folder)
			if parent == folder {
				break
			}
			folder = parent
		}
	}
	return ""
}

// Environ is the process's environment by variable.
func Environ(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, entry := range list {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}
