package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// files are those through which a command answers: GITHUB_ENV and its like.
type files struct{ folder string }

var answerFiles = map[string]string{
	"GITHUB_ENV": "env", "GITHUB_OUTPUT": "output", "GITHUB_PATH": "path", "GITHUB_STATE": "state", "GITHUB_STEP_SUMMARY": "summary",
}

func (l *leg) newFiles() (files, error) {
	l.scripts++
	f := files{l.path(filepath.Join("files", strconv.Itoa(l.scripts)))}
	if err := os.MkdirAll(f.folder, 0o777); err != nil {
		return f, fmt.Errorf("making the step's files: %w", err)
	}
	for _, name := range answerFiles {
		if err := os.WriteFile(filepath.Join(f.folder, name), nil, 0o666); err != nil {
			return f, fmt.Errorf("making the step's files: %w", err)
		}
	}
	return f, nil
}

func (f files) env() map[string]string {
	env := map[string]string{}
	for variable, name := range answerFiles {
		env[variable] = filepath.Join(f.folder, name)
	}
	return env
}

func (f files) read(name string) string {
	content, err := os.ReadFile(filepath.Join(f.folder, name))
	if err != nil {
		return "" // a step may remove its own file, and then says nothing
	}
	return strings.TrimPrefix(strings.ReplaceAll(string(content), "\r\n", "\n"), "\ufeff")
}

// take does what the command answered.
func (f files) take(l *leg, o *output) error {
	env, err := assignments(f.read("env"))
	if err != nil {
		return fmt.Errorf("GITHUB_ENV: %w", err)
	}
	for _, a := range env {
		if strings.HasPrefix(a.name, "GITHUB_") || strings.HasPrefix(a.name, "RUNNER_") || a.name == "NODE_OPTIONS" {
			o.say("##[warning]GITHUB_ENV cannot set " + a.name)
			continue
		}
		l.vars[a.name] = a.value
	}
	outputs, err := assignments(f.read("output"))
	if err != nil {
		return fmt.Errorf("GITHUB_OUTPUT: %w", err)
	}
	for _, a := range outputs {
		if o.result != nil {
			o.result.Outputs[a.name] = a.value
		}
	}
	state, err := assignments(f.read("state"))
	if err != nil {
		return fmt.Errorf("GITHUB_STATE: %w", err)
	}
	for _, a := range state {
		o.state[a.name] = a.value
	}
	for line := range strings.SplitSeq(f.read("path"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			l.search = append([]string{line}, l.search...)
		}
	}
	if summary := strings.TrimRight(f.read("summary"), "\n"); summary != "" {
		o.say("##[group]Summary\n" + summary + "\n##[endgroup]")
	}
	return nil
}

type assignment struct{ name, value string }

// assignments reads NAME=VALUE lines and NAME<<END ... END blocks, in order.
func assignments(text string) ([]assignment, error) {
	var all []assignment
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" {
			continue
		}
		equals, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
		if equals >= 0 && (heredoc < 0 || equals < heredoc) {
			all = append(all, assignment{line[:equals], line[equals+1:]})
			continue
		}
		if heredoc <= 0 {
			return nil, fmt.Errorf("the line %q is neither NAME=VALUE nor NAME<<END", line)
		}
		end, value := line[heredoc+2:], []string{}
		for i++; i < len(lines) && lines[i] != end; i++ {
			value = append(value, lines[i])
		}
		if i >= len(lines) {
			return nil, fmt.Errorf("the value of %s has no end: a line %q is missing", line[:heredoc], end)
		}
		all = append(all, assignment{line[:heredoc], strings.Join(value, "\n")})
	}
	return all, nil
}
