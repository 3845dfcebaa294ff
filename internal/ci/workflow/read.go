// Package workflow reads the repository's workflows into plans: which legs there
// are, what each needs, and what of them is not reproduced on this machine. What
// a workflow may contain is act's model and schema; the order of the file, the
// lines, the legs of matrices and called workflows are ours.
//
// A job declares the files that it reads in its environment (or its workflow's),
// as globs separated by spaces or newlines:
//
//	env:
//	  PAWSKIND_CI_PATHS: "**/*.go go.mod go.sum"
package workflow

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/expression"
	"github.com/paws360/pawskind/internal/problem"
)

// PathsVariable is the variable in which a job declares the files that it reads.
const PathsVariable = "PAWSKIND_CI_PATHS"

// Leg is what the runner needs to know of one leg of a job.
type Leg struct {
	// File is the workflow that the job stands in.
	File     string
	Workflow *model.Workflow
	ID       string
	Job      *model.Job
	Matrix   map[string]any
	Strategy map[string]any
	// Inputs are those of the event or of the call.
	Inputs map[string]any
	// Github is what the run's event and commit are; it is shared and not changed.
	Github *model.GithubContext
	// Caller is the leg that called this one's workflow; nil for none.
	Caller *Leg
	// Needs are the jobs that this one needs, by id in its file.
	Needs map[string]Need
	// Lines are where the steps begin, by their index.
	Lines []int
}

// Need is a job that another one needs.
type Need struct {
	// Legs are the keys of its legs; of a called workflow those of all its jobs.
	Legs []string
	// Outputs are those that a called workflow maps, as expressions; Jobs are its
	// jobs, which these see under `jobs`. Both are nil for a job of steps.
	Outputs map[string]string
	Jobs    map[string]Need
}

// Find lists the repository's workflow files, relative to its root.
func Find(repo string) ([]string, error) {
	var files []string
	for _, pattern := range []string{"*.yml", "*.yaml"} {
		found, err := filepath.Glob(filepath.Join(repo, ".github", "workflows", pattern))
		if err != nil {
			return nil, fmt.Errorf("looking for workflows in %s: %w", repo, err)
		}
		for _, file := range found {
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				files = append(files, ".github/workflows/"+filepath.Base(file))
			}
		}
	}
	slices.Sort(files)
	return files, nil
}

// Read makes the plan of a workflow. Without an event it is the first of push,
// pull_request and workflow_dispatch that starts the workflow.
func Read(repo, file, event string, inputs map[string]string) (*ci.Plan, error) {
	file = filepath.ToSlash(file)
	source, err := load(repo, file)
	if err != nil {
		return nil, err
	}
	if event, err = starts(source, event); err != nil {
		return nil, err
	}
	given, err := dispatchInputs(source, event, inputs)
	if err != nil {
		return nil, err
	}
	github := github(repo, source.Model.Name, event, given)
	r := &reader{repo: repo, plan: &ci.Plan{File: file, Name: source.Model.Name, Event: event}, github: github}
	r.notice(source, event)
	if err := r.concurrency(source, given); err != nil {
		return nil, err
	}
	if _, err := r.read(source, nil, "", given); err != nil {
		return nil, err
	}
	return r.plan, nil
}

// concurrency is the group of which the remote runs one workflow at a time.
func (r *reader) concurrency(s *Source, inputs map[string]any) error {
	node := child(s.root, "concurrency")
	if node == nil {
		return nil
	}
	env := expression.New()
	env.Github, env.Inputs = r.github, inputs
	group, cancel := node, (*yaml.Node)(nil)
	if node.Kind == yaml.MappingNode {
		group, cancel = child(node, "group"), child(node, "cancel-in-progress")
	}
	for _, part := range []struct {
		node *yaml.Node
		take func(string)
	}{{group, func(text string) { r.plan.Concurrency = text }}, {cancel, func(text string) { r.plan.CancelInProgress = text == "true" }}} {
		if part.node == nil {
			continue
		}
		text, err := env.Text(part.node.Value)
		if err != nil {
			return invalid(s.File, part.node.Line, "concurrency: %s", err)
		}
		part.take(text)
	}
	return nil
}

// starts checks that the event starts the workflow.
func starts(s *Source, event string) (string, error) {
	on := events(s)
	if event == "" {
		for _, usual := range []string{"push", "pull_request", "workflow_dispatch"} {
			if slices.Contains(on, usual) {
				return usual, nil
			}
		}
		for _, one := range on {
			if one != "workflow_call" {
				return one, nil
			}
		}
	}
	if event != "" && slices.Contains(on, event) {
		return event, nil
	}
	what := fmt.Sprintf("%s:%d: the workflow does not run on %s", s.File, max(keyLine(s.root, "on"), 1), event)
	if event == "" {
		what = fmt.Sprintf("%s:%d: only other workflows run it", s.File, max(keyLine(s.root, "on"), 1))
	}
	p := problem.New(problem.EventForeign, "%s", what)
	if len(on) > 0 && event != "" {
		p = p.Do("It runs on: %s", strings.Join(on, ", "))
	}
	return "", p
}

// events are what starts the workflow, in the file's order.
func events(s *Source) []string {
	node := child(s.root, "on")
	if node == nil || node.Kind != yaml.MappingNode {
		return words(node)
	}
	var list []string
	for name := range pairs(node) {
		list = append(list, name)
	}
	return list
}

// dispatchInputs are the inputs of a manual start, checked and with defaults.
func dispatchInputs(s *Source, event string, given map[string]string) (map[string]any, error) {
	values := map[string]any{}
	if event != "workflow_dispatch" {
		for name, value := range given {
			values[name] = value
		}
		return values, nil
	}
	declared := child(child(child(s.root, "on"), event), "inputs")
	known := map[string]bool{}
	for name, node := range pairs(declared) {
		known[name] = true
		value, set := given[name]
		if !set {
			if fallback := child(node, "default"); fallback != nil {
				value = fallback.Value
			} else if required := child(node, "required"); required != nil && required.Value == "true" {
				return nil, problem.New(problem.WorkflowInvalid, "%s:%d: the input %s is required", s.File, node.Line, name).Do("Give it: --input %s=VALUE", name)
			}
		}
		if options := words(child(node, "options")); len(options) > 0 && value != "" && !slices.Contains(options, value) {
			return nil, problem.New(problem.WorkflowInvalid, "%s:%d: the input %s cannot be %q", s.File, node.Line, name, value).Do("It can be: %s", strings.Join(options, ", "))
		}
		values[name] = typed(value, child(node, "type"))
	}
	for name := range given {
		if !known[name] {
			return nil, problem.New(problem.WorkflowInvalid, "%s:%d: it has no input %q", s.File, max(keyLine(s.root, "on"), 1), name).Do("Leave it out")
		}
	}
	return values, nil
}

func typed(value string, kind *yaml.Node) any {
	if kind != nil && kind.Value == "boolean" {
		return value == "true"
	}
	return value
}

// reader builds one plan.
type reader struct {
	repo   string
	plan   *ci.Plan
	github *model.GithubContext
	depth  int
}

// read adds the legs of all jobs of a file; prefix is that of their keys. It
// returns what each job is for those that need it.
func (r *reader) read(s *Source, caller *call, prefix string, inputs map[string]any) (map[string]Need, error) {
	if err := checkNeeds(s); err != nil {
		return nil, err
	}
	jobs := map[string]Need{}
	// Needs may stand below what needs them; the plan keeps the file's order.
	start := len(r.plan.Jobs)
	added := map[string][]ci.Job{}
	for _, id := range inOrder(s) {
		before := len(r.plan.Jobs)
		need, err := r.job(s, id, caller, prefix, inputs, jobs)
		if err != nil {
			return nil, err
		}
		jobs[id], added[id] = need, slices.Clone(r.plan.Jobs[before:])
	}
	r.plan.Jobs = r.plan.Jobs[:start]
	for id := range pairs(child(s.root, "jobs")) {
		r.plan.Jobs = append(r.plan.Jobs, added[id]...)
	}
	return jobs, nil
}

// call is where a workflow was called from.
type call struct {
	leg   *Leg
	needs []string
	text  string
	job   ci.Job
}

func (r *reader) job(s *Source, id string, caller *call, prefix string, inputs map[string]any, jobs map[string]Need) (Need, error) {
	node, job := s.node(id), s.Model.Jobs[id]
	env := r.env(inputs)
	legs, err := combinations(child(child(node, "strategy"), "matrix"), env)
	if err != nil {
		return Need{}, r.dynamic(s, child(node, "strategy"), id, err)
	}
	if len(legs) == 0 {
		return Need{}, invalid(s.File, s.line(id), "the matrix of %s is empty", id)
	}
	var need Need
	group := prefix + id
	for i, c := range legs {
		b := &builder{reader: r, source: s, node: node, job: job, id: id, caller: caller, prefix: prefix, jobs: jobs, inputs: inputs}
		one, err := b.leg(c, i, len(legs), group)
		if err != nil {
			return Need{}, err
		}
		if job.Uses == "" {
			r.plan.Jobs = append(r.plan.Jobs, one)
			need.Legs = append(need.Legs, one.Key)
			continue
		}
		called, err := r.called(b, one)
		if err != nil {
			return Need{}, err
		}
		need.Legs = append(need.Legs, called.Legs...)
		need.Outputs, need.Jobs = called.Outputs, called.Jobs
	}
	return need, nil
}

// dynamic explains a matrix that only a run could expand.
func (r *reader) dynamic(s *Source, strategy *yaml.Node, id string, err error) error {
	line := keyLine(strategy, "matrix")
	if text := text(child(strategy, "matrix")); strings.Contains(text, "needs.") {
		return problem.New(problem.WorkflowInvalid, "%s:%d: the matrix of %s is made from what another job puts out, which is known only in a run", s.File, line, id).
			Do("Write the matrix out, or run %s on the remote", id)
	}
	return invalid(s.File, line, "the matrix of %s: %s", id, err)
}

// env is what expressions see before anything has run.
func (r *reader) env(inputs map[string]any) *expression.Env {
	env := expression.New()
	env.Github, env.Inputs = r.github, inputs
	return env
}
