package cache

import (
	"regexp"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/ci"
)

// Reads tells which files the job can read. It declares them as globs relative
// to the repository: * and ? stay within a folder, ** goes through any number,
// [a-z] is one of these, a folder stands for all that is in it, and a glob after
// ! takes away what those before it gave. Without any it is the whole tree.
//
// What a job needs in order to be run at all belongs to it without being
// declared: the actions of the repository and what its steps call by ./name.
//
// A job that reads what it does not declare is served stale. A runner should
// therefore give it only the files for which this holds, so that it fails at once.
func Reads(job ci.Job) func(name string) bool {
	whole := func(string) bool { return true }
	if len(job.Paths) == 0 {
		return whole
	}
	var rules []rule
	for _, glob := range job.Paths {
		r, err := newRule(glob)
		if err != nil {
			return whole
		}
		rules = append(rules, r)
	}
	own := ownFiles(job.Definition)
	return func(name string) bool {
		if slices.ContainsFunc(own, func(file string) bool { return name == file || strings.HasPrefix(name, file+"/") }) {
			return true
		}
		reads := rules[0].not // who begins with ! takes away from everything
		for _, r := range rules {
			if r.glob.MatchString(name) {
				reads = !r.not
			}
		}
		return reads
	}
}

type rule struct {
	glob *regexp.Regexp
	not  bool
}

func newRule(glob string) (rule, error) {
	glob, not := strings.CutPrefix(glob, "!")
	glob = strings.Trim(strings.TrimPrefix(glob, "./"), "/")
	var b strings.Builder
	b.WriteString("^")
	for rest := glob; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:.*/)?")
			rest = rest[3:]
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[2:]
		case rest[0] == '*':
			b.WriteString("[^/]*")
			rest = rest[1:]
		case rest[0] == '?':
			b.WriteString("[^/]")
			rest = rest[1:]
		case rest[0] == '[' && strings.Contains(rest[1:], "]"):
			end := strings.Index(rest[1:], "]") + 2
			b.WriteString(strings.Replace(rest[:end], "[!", "[^", 1))
			rest = rest[end:]
		case rest[0] == '\\' && len(rest) > 1:
			b.WriteString(regexp.QuoteMeta(rest[1:2]))
			rest = rest[2:]
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
			rest = rest[1:]
		}
	}
	if glob == "." || glob == "" {
		return rule{regexp.MustCompile(""), not}, nil
	}
	b.WriteString("(?:/.*)?$")
	expression, err := regexp.Compile("(?s)" + b.String())
	return rule{expression, not}, err
}

var called = regexp.MustCompile(`(?:^|[^A-Za-z0-9_./-])\./([A-Za-z0-9_./+-]*[A-Za-z0-9_+-])`)

// ownFiles are the files and folders that a definition names by ./name.
func ownFiles(definition string) []string {
	own := []string{".github/actions"}
	for _, found := range called.FindAllStringSubmatch(definition, -1) {
		own = append(own, strings.TrimSuffix(found[1], "/"))
	}
	return own
}

// Affected are the keys of the legs that read a changed file, and of all that
// depend on them, in the plan's order.
func Affected(plan *ci.Plan, changed []string) []string {
	affected := map[string]bool{}
	for _, job := range plan.Jobs {
		reads := Reads(job)
		affected[job.Key] = slices.ContainsFunc(changed, func(name string) bool { return name == plan.File || reads(name) })
	}
	var keys []string
	for again := true; again; { // needs may stand after what needs them
		again = false
		for _, job := range plan.Jobs {
			if !affected[job.Key] && slices.ContainsFunc(job.Needs, func(need string) bool { return affected[need] }) {
				affected[job.Key], again = true, true
			}
		}
	}
	for _, job := range plan.Jobs {
		if affected[job.Key] {
			keys = append(keys, job.Key)
		}
	}
	return keys
}
