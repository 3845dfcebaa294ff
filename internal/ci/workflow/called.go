package workflow

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/expression"
	"github.com/paws360/pawskind/internal/problem"
)

// deepest is how many workflows may call each other: the remote's bound.
const deepest = 4

// called adds the jobs of the workflow that a job calls.
func (r *reader) called(b *builder, caller ci.Job) (Need, error) {
	line := keyLine(b.node, "uses")
	file, local := strings.CutPrefix(b.job.Uses, "./")
	if !local {
		return Need{}, problem.New(problem.ActionUnreachable, "%s:%d: %s calls %s, a workflow of another repository", b.source.File, line, b.id, b.job.Uses).
			Do("Choose other jobs with --job, or keep a copy of the workflow in this repository")
	}
	if r.depth >= deepest {
		return Need{}, invalid(b.source.File, line, "workflows call each other more than %d deep", deepest)
	}
	source, err := load(r.repo, path.Clean(file))
	if err != nil {
		return Need{}, err
	}
	if !slices.Contains(events(source), "workflow_call") {
		return Need{}, invalid(b.source.File, line, "%s calls %s, which does not run on workflow_call", b.id, file)
	}
	inputs, err := b.callInputs(source)
	if err != nil {
		return Need{}, err
	}
	r.depth++
	defer func() { r.depth-- }()
	if b.caller == nil {
		r.noticeCalled(source)
	}
	from := &call{leg: caller.Work.(*Leg), needs: caller.Needs, text: caller.Definition, job: caller}
	first := len(r.plan.Jobs)
	jobs, err := r.read(source, from, caller.Key+" / ", inputs)
	if err != nil {
		return Need{}, err
	}
	need := Need{Jobs: jobs, Outputs: map[string]string{}}
	for i := range r.plan.Jobs[first:] {
		need.Legs = append(need.Legs, r.plan.Jobs[first+i].Key)
	}
	for name, output := range pairs(child(child(child(source.root, "on"), "workflow_call"), "outputs")) {
		if value := child(output, "value"); value != nil {
			need.Outputs[name] = value.Value
		}
	}
	return need, nil
}

// callInputs are the inputs that a called workflow declares, as they are given.
// What needs the results of other jobs stays an expression, for the run.
func (b *builder) callInputs(called *Source) (map[string]any, error) {
	given := child(b.node, "with")
	inputs := map[string]any{}
	for name, declared := range pairs(child(child(child(called.root, "on"), "workflow_call"), "inputs")) {
		node := child(given, name)
		if node == nil {
			node = child(declared, "default")
		}
		if node == nil {
			if required := child(declared, "required"); required != nil && required.Value == "true" {
				return nil, invalid(b.source.File, keyLine(b.node, "uses"), "%s does not give the input %s of %s", b.id, name, called.File)
			}
			inputs[name] = ""
			continue
		}
		if mentionsRun.MatchString(node.Value) {
			inputs[name] = Deferred(node.Value)
			continue
		}
		value, err := b.env.Node(node)
		if err != nil {
			return nil, invalid(b.source.File, node.Line, "input %s of %s: %s", name, b.id, err)
		}
		if kind := child(declared, "type"); kind != nil && kind.Value == "string" {
			value = expression.String(value)
		}
		inputs[name] = value
	}
	return inputs, nil
}

// Deferred is the value of an input that is an expression of the caller's, to be
// evaluated once the caller's needs have ended.
type Deferred string

// definition is everything in the workflows that can change what the job does.
func (b *builder) definition() string {
	var parts []string
	if b.caller != nil {
		parts = append(parts, b.caller.text)
	}
	parts = append(parts, text(child(b.source.root, "env")), text(child(b.source.root, "defaults")), text(b.node))
	seen := map[string]bool{}
	for _, step := range b.job.Steps {
		parts = append(parts, b.composite(step.Uses, seen)...)
	}
	return strings.Join(parts, "\n---\n")
}

// composite is the text of a local action and of those that it uses.
func (b *builder) composite(uses string, seen map[string]bool) []string {
	if !strings.HasPrefix(uses, "./") || seen[uses] {
		return nil
	}
	seen[uses] = true
	for _, name := range []string{"action.yml", "action.yaml"} {
		content, err := os.ReadFile(filepath.Join(b.repo, filepath.FromSlash(uses), name))
		if err != nil {
			continue // it may be made or checked out by a step before it
		}
		var document yaml.Node
		if yaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 {
			return []string{string(content)}
		}
		root := document.Content[0]
		parts := []string{text(root)}
		if steps := child(child(root, "runs"), "steps"); steps != nil {
			for _, step := range steps.Content {
				if used := child(step, "uses"); used != nil {
					parts = append(parts, b.composite(used.Value, seen)...)
				}
			}
		}
		return parts
	}
	return nil
}
