package cache

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// versions are the tools whose versions every job depends on, and how they are
// asked: a shim is the same file whatever version it stands for.
var versions = map[string][]string{
	"go": {"version"}, "java": {"-version"}, "node": {"--version"}, "python3": {"--version"}, "python": {"--version"}, "docker": {"--version"},
}

// toolPatience bounds how long a tool may take to tell its version.
const toolPatience = 10 * time.Second

// tools are what is on a PATH.
type tools struct {
	// versions is a digest of what the tools answered, and of those that could be
	// chosen instead.
	versions string
	// system is a digest of the programs that are not the user's own: a script may
	// call any of them without the workflow naming it.
	system string
	// programs are the files behind the names.
	programs map[string]string
	mu       sync.Mutex
	known    map[string]string
}

func findTools(ctx context.Context, facts Facts, folder string) *tools {
	t := &tools{programs: map[string]string{}, known: map[string]string{}}
	var system []string
	for _, dir := range filepath.SplitList(facts.Search) {
		own := facts.Home != "" && strings.HasPrefix(dir+"/", strings.TrimSuffix(facts.Home, "/")+"/")
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // a PATH may name what is not there
		}
		for _, e := range entries {
			if _, shadowed := t.programs[e.Name()]; !shadowed && !e.IsDir() {
				t.programs[e.Name()] = filepath.Join(dir, e.Name())
				if info, err := os.Stat(t.programs[e.Name()]); err == nil && !own {
					system = append(system, t.programs[e.Name()], fileFacts(info))
				}
			}
		}
	}
	answers := make(chan string, len(versions))
	for name, args := range versions {
		go func() { answers <- name + " " + t.ask(ctx, folder, name, args, facts.Search) }()
	}
	var all []string
	for range versions {
		all = append(all, <-answers)
	}
	slices.Sort(all)
	t.versions = digest(append(all, facts.Installed...)...)
	t.system = digest(system...)
	return t
}

func (t *tools) ask(ctx context.Context, folder, name string, args []string, search string) string {
	program, found := t.programs[name]
	if !found {
		return "none"
	}
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "PATH="+search, "GOTOOLCHAIN=local")
	out, err := command.CombinedOutput()
	return fmt.Sprint(string(out), err)
}

var word = regexp.MustCompile(`[A-Za-z0-9_+.][A-Za-z0-9_+.-]*`)

// named is a digest of the programs that the definition mentions by name: which
// files they are, and when they last changed.
func (t *tools) named(definition string) string {
	var all []string
	for _, name := range word.FindAllString(definition, -1) {
		if _, found := t.programs[name]; found {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	var texts []string
	for _, name := range slices.Compact(all) {
		texts = append(texts, name, t.program(name))
	}
	return digest(texts...)
}

func (t *tools) program(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.known[name]; !known {
		t.known[name] = "none"
		if file, err := filepath.EvalSymlinks(t.programs[name]); err == nil {
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				t.known[name] = file + " " + fileFacts(info)
			}
		}
	}
	return t.known[name]
}

func fileFacts(info fs.FileInfo) string {
	return fmt.Sprintf("%d %d %s", info.Size(), info.ModTime().UnixNano(), info.Mode())
}

// machine is what every job depends on besides: the system, and this program.
func machine() string {
	release, _ := os.ReadFile("/etc/os-release") // not everywhere
	facts := strings.TrimSpace(string(release))
	if self, err := os.Executable(); err == nil {
		if info, err := os.Stat(self); err == nil {
			facts += " " + fileFacts(info)
		}
	}
	return facts
}
