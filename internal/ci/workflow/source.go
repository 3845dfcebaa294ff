package workflow

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"

	"github.com/paws360/pawskind/internal/problem"
)

func init() {
	// act ends the program when a node is not what it expects; what is wrong with
	// a workflow is told as an error here, and such a node is left at its zero.
	model.OnDecodeNodeError = func(yaml.Node, any, error) {}
}

// Source is one workflow file as it was read.
type Source struct {
	// File is relative to the repository's root.
	File  string
	Model *model.Workflow
	root  *yaml.Node
}

// load reads a file of the repository.
func load(repo, file string) (*Source, error) {
	content, err := os.ReadFile(filepath.Join(repo, filepath.FromSlash(file)))
	if err != nil {
		return nil, problem.New(problem.WorkflowInvalid, "cannot read %s", file).Because(err)
	}
	return parse(file, content)
}

func parse(file string, content []byte) (*Source, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, badYAML(file, err)
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return nil, invalid(file, 1, "it is not a workflow: a mapping with on and jobs is expected")
	}
	parsed, err := model.ReadWorkflow(bytes.NewReader(content), false)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, badYAML(file, err)
	}
	s := &Source{File: file, Model: parsed, root: document.Content[0]}
	if s.Model.Name == "" {
		s.Model.Name = file
	}
	jobs := child(s.root, "jobs")
	if jobs == nil || len(jobs.Content) == 0 {
		return nil, invalid(file, s.root.Line, "it has no jobs")
	}
	for id, node := range pairs(jobs) {
		job := s.Model.Jobs[id]
		switch {
		case job == nil:
			return nil, invalid(file, node.Line, "the job %s is empty", id)
		case !jobID.MatchString(id):
			return nil, invalid(file, node.Line, "%q is no name for a job: a letter or _ first, then letters, digits, - and _", id)
		case job.Uses == "" && len(job.Steps) == 0:
			return nil, invalid(file, node.Line, "the job %s has neither steps nor uses", id)
		case job.Uses == "" && child(node, "runs-on") == nil:
			return nil, invalid(file, node.Line, "the job %s has no runs-on", id)
		}
		for i, step := range job.Steps {
			if step == nil || step.Type() == model.StepTypeInvalid {
				return nil, invalid(file, item(child(node, "steps"), i), "step %d of %s must have either run or uses", i+1, id)
			}
		}
	}
	return s, nil
}

var jobID = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func invalid(file string, line int, format string, args ...any) error {
	p := problem.New(problem.WorkflowInvalid, format, args...)
	p.What = file + ":" + strconv.Itoa(line) + ": " + p.What
	return p
}

var lineInError = regexp.MustCompile(`(?i)\bline:? ?(\d+)`)

// badYAML tells what a parser complains of, with the line that it names.
func badYAML(file string, err error) error {
	line, text := 1, err.Error()
	if found := lineInError.FindStringSubmatch(text); found != nil {
		line, _ = strconv.Atoi(found[1])
	}
	text, _, _ = strings.Cut(text, "Actions YAML Schema Validation Error")
	return invalid(file, line, "%s", strings.TrimSpace(text))
}

// node is the job's part of the file.
func (s *Source) node(id string) *yaml.Node { return child(child(s.root, "jobs"), id) }

// line is where a job begins.
func (s *Source) line(id string) int { return keyLine(child(s.root, "jobs"), id) }

// child is a mapping's value; nil when there is none.
func child(node *yaml.Node, key string) *yaml.Node {
	if node = resolved(node); node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return resolved(node.Content[i+1])
		}
	}
	return nil
}

func keyLine(node *yaml.Node, key string) int {
	if node = resolved(node); node == nil {
		return 0
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i].Line
		}
	}
	return node.Line
}

func resolved(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// pairs are a mapping's keys and values in the file's order.
func pairs(node *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if node = resolved(node); node == nil || node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, resolved(node.Content[i+1])) {
				return
			}
		}
	}
}

// item is the line of a sequence's element.
func item(node *yaml.Node, i int) int {
	if node == nil || i >= len(node.Content) {
		return 0
	}
	return node.Content[i].Line
}

// words are a scalar, or the scalars of a sequence.
func words(node *yaml.Node) []string {
	switch node = resolved(node); {
	case node == nil:
		return nil
	case node.Kind == yaml.ScalarNode:
		return []string{node.Value}
	}
	var list []string
	for _, one := range node.Content {
		if one = resolved(one); one.Kind == yaml.ScalarNode {
			list = append(list, one.Value)
		}
	}
	return list
}
