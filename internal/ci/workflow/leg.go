package workflow

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/expression"
	"github.com/paws360/pawskind/internal/problem"
)

// builder makes one job's legs.
type builder struct {
	*reader
	source *Source
	node   *yaml.Node
	job    *model.Job
	id     string
	caller *call
	prefix string
	jobs   map[string]Need
	inputs map[string]any
	env    *expression.Env
}

func (b *builder) leg(c combination, index, total int, group string) (ci.Job, error) {
	b.env = b.reader.env(b.inputs)
	b.env.Matrix = c.values
	job := ci.Job{
		Key: group + c.suffix(), ID: b.id, Group: group, Line: b.source.line(b.id), Matrix: c.values,
		Needs: b.needs(), FailFast: true,
	}
	if b.caller != nil {
		job.Line = b.caller.job.Line
	}
	if len(c.values) == 0 {
		job.Matrix = nil
	}
	job.Name = b.name(c, job.Key)
	for _, fill := range []func(*ci.Job) error{b.bounds, b.machine, b.services, b.declared} {
		if err := fill(&job); err != nil {
			return job, err
		}
	}
	leg := &Leg{
		File: b.source.File, Workflow: b.source.Model, ID: b.id, Job: b.job, Matrix: c.values, Inputs: b.inputs, Github: b.github,
		Strategy: map[string]any{"fail-fast": job.FailFast, "max-parallel": max(job.MaxParallel, 1), "job-index": index, "job-total": total},
		Needs:    map[string]Need{},
	}
	if job.MaxParallel == 0 {
		leg.Strategy["max-parallel"] = total
	}
	if b.caller != nil {
		leg.Caller = b.caller.leg
	}
	for _, id := range words(child(b.node, "needs")) {
		leg.Needs[id] = b.jobs[id]
	}
	for i, step := range b.job.Steps {
		job.Steps = append(job.Steps, b.show(StepName(step)))
		leg.Lines = append(leg.Lines, item(child(b.node, "steps"), i))
	}
	job.Definition = b.definition()
	job.Secrets = secretsIn(job.Definition)
	job.Tools = b.tools()
	if total == 1 || index == 0 {
		b.noticeJob(b.source, b.id, b.node)
	}
	if environment := child(b.node, "environment"); environment != nil {
		name := environment.Value
		if environment.Kind == yaml.MappingNode && child(environment, "name") != nil {
			name = child(environment, "name").Value
		}
		job.NoCache = "it deploys to " + b.show(name)
	}
	job.Work = leg
	return job, nil
}

// name is what the remote calls the leg.
func (b *builder) name(c combination, key string) string {
	if b.job.Name == "" {
		return key
	}
	name := b.prefix + b.show(b.job.Name)
	if !strings.Contains(b.job.Name, "matrix.") {
		name += c.suffix()
	}
	return name
}

// show evaluates what stands in a name; what is known only in a run stays as it is.
func (b *builder) show(text string) string {
	if mentionsRun.MatchString(text) {
		return text
	}
	if shown, err := b.env.Text(text); err == nil {
		return shown
	}
	return text
}

var mentionsRun = regexp.MustCompile(`\$\{\{[^}]*\b(needs|steps|env|secrets|runner|job)\b`)

// needs are the keys of all legs that must have ended: those of the caller, too.
func (b *builder) needs() []string {
	var keys []string
	if b.caller != nil {
		keys = slices.Clone(b.caller.needs)
	}
	for _, id := range words(child(b.node, "needs")) {
		for _, key := range b.jobs[id].Legs {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// bounds are the limits on how and when the leg runs.
func (b *builder) bounds(job *ci.Job) error {
	strategy := child(b.node, "strategy")
	value := func(node *yaml.Node, key string) (any, error) {
		found := child(node, key)
		if found == nil {
			return nil, nil
		}
		v, err := b.env.Node(found)
		if err != nil {
			return nil, invalid(b.source.File, found.Line, "%s of %s: %s", key, b.id, err)
		}
		return v, nil
	}
	failFast, err := value(strategy, "fail-fast")
	if err != nil {
		return err
	}
	parallel, err := value(strategy, "max-parallel")
	if err != nil {
		return err
	}
	tolerant, err := value(b.node, "continue-on-error")
	if err != nil {
		return err
	}
	minutes, err := value(b.node, "timeout-minutes")
	if err != nil {
		return err
	}
	job.FailFast = failFast == nil || expression.String(failFast) == "true"
	job.ContinueOnError = expression.String(tolerant) == "true"
	job.MaxParallel = int(number(parallel))
	job.Timeout = time.Duration(number(minutes) * float64(time.Minute))
	group := child(b.node, "concurrency")
	if group != nil && group.Kind == yaml.MappingNode {
		group = child(group, "group")
	}
	if group != nil {
		name, err := b.env.Text(group.Value)
		if err != nil {
			return invalid(b.source.File, group.Line, "concurrency of %s: %s", b.id, err)
		}
		job.Concurrency = name
	}
	return nil
}

func number(value any) float64 {
	n, err := strconv.ParseFloat(expression.String(value), 64)
	if err != nil || math.IsNaN(n) || n < 0 {
		return 0
	}
	return n
}

// machine is where the leg runs: this host, whatever Linux it asks for, or the
// container that it names.
func (b *builder) machine(job *ci.Job) error {
	if b.job.Uses != "" {
		return nil
	}
	node := child(b.node, "runs-on")
	labels := node
	if node.Kind == yaml.MappingNode {
		labels = child(node, "labels")
	}
	if labels == nil {
		return problem.New(problem.RunsOnUnknown, "%s:%d: %s runs on a group of machines of the remote", b.source.File, node.Line, b.id)
	}
	value, err := b.env.Node(labels)
	if err != nil {
		return invalid(b.source.File, node.Line, "runs-on of %s: %s", b.id, err)
	}
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	for _, label := range list {
		job.RunsOn = append(job.RunsOn, expression.String(label))
	}
	for _, label := range job.RunsOn {
		if !here(label) {
			return problem.New(problem.RunsOnUnknown, "%s:%d: %s runs on %q, and this machine is %s/%s", b.source.File, node.Line, job.Key, label, runtime.GOOS, runtime.GOARCH)
		}
	}
	container := child(b.node, "container")
	if container != nil && container.Kind == yaml.MappingNode {
		container = child(container, "image")
	}
	if container != nil {
		if job.Container, err = b.env.Text(container.Value); err != nil {
			return invalid(b.source.File, container.Line, "container of %s: %s", b.id, err)
		}
	}
	return nil
}

// here tells whether a label of runs-on can stand for this machine: the remote's
// Linux machines always do.
func here(label string) bool {
	label = strings.ToLower(label)
	architectures := map[string]string{"x64": "amd64", "arm64": "arm64", "arm": "arm", "x86": "386"}
	switch {
	case label == "self-hosted" || label == "linux" || strings.HasPrefix(label, "ubuntu-"):
		return true
	case label == "macos" || strings.HasPrefix(label, "macos-"):
		return runtime.GOOS == "darwin"
	case label == "windows" || strings.HasPrefix(label, "windows-"):
		return runtime.GOOS == "windows"
	}
	return architectures[label] == runtime.GOARCH && label != ""
}

func (b *builder) services(job *ci.Job) error {
	for name, node := range pairs(child(b.node, "services")) {
		if line := lineWith(node, "secrets.", "needs.", "env."); line > 0 {
			b.tell(b.source, line, "services", "the remote gives the service %s a value that is known only in a run; here it is empty", name)
		}
		value, err := b.env.Node(node)
		if err != nil {
			return invalid(b.source.File, node.Line, "service %s of %s: %s", name, b.id, err)
		}
		spec, ok := value.(map[string]any)
		if !ok {
			spec = map[string]any{"image": value}
		}
		service := ci.Service{Name: name, Image: expression.String(spec["image"]), Options: expression.String(spec["options"]), Env: map[string]string{}}
		if service.Image == "" {
			continue // the remote starts none either
		}
		if env, ok := spec["env"].(map[string]any); ok {
			for key, value := range env {
				service.Env[key] = expression.String(value)
			}
		}
		if ports, ok := spec["ports"].([]any); ok {
			for _, port := range ports {
				service.Ports = append(service.Ports, expression.String(port))
			}
		}
		job.Services = append(job.Services, service)
	}
	return nil
}

// declared are the files that the leg says it reads.
func (b *builder) declared(job *ci.Job) error {
	for _, env := range []*yaml.Node{child(b.node, "env"), child(b.source.root, "env")} {
		node := child(env, PathsVariable)
		if node == nil {
			continue
		}
		globs, err := b.env.Text(node.Value)
		if err != nil {
			return invalid(b.source.File, node.Line, "%s of %s: %s", PathsVariable, b.id, err)
		}
		job.Paths = strings.Fields(globs)
		return nil
	}
	return nil
}

// tools are the versions that setup steps ask for.
func (b *builder) tools() map[string]string {
	found := map[string]string{}
	for _, step := range b.job.Steps {
		name, _, _ := strings.Cut(step.Uses, "@")
		tool, is := strings.CutPrefix(name, "actions/setup-")
		if !is {
			continue
		}
		version := step.With[tool+"-version"]
		if file := step.With[tool+"-version-file"]; version == "" && file != "" {
			content, err := os.ReadFile(filepath.Join(b.repo, b.show(file)))
			if err == nil {
				version = VersionIn(tool, file, string(content))
			}
		}
		found[tool] = b.show(version)
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// VersionIn finds the version that a file asks for: go.mod, .nvmrc, .tool-versions ...
func VersionIn(tool, file, content string) string {
	expression := regexp.MustCompile(`(?m)^\s*(?:` + regexp.QuoteMeta(tool) + `|golang|nodejs|toolchain go)\s*=?\s*v?([0-9][0-9A-Za-z.+-]*)`)
	if found := expression.FindStringSubmatch(content); found != nil {
		return found[1]
	}
	if filepath.Base(file) == "package.json" {
		if found := regexp.MustCompile(`"node"\s*:\s*"([^"]+)"`).FindStringSubmatch(content); found != nil {
			return found[1]
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(content), "\n")
	return strings.TrimPrefix(strings.TrimSpace(line), "v")
}

// StepName is what the remote calls a step, before expressions are evaluated.
func StepName(step *model.Step) string {
	switch {
	case step.Name != "":
		return step.Name
	case step.Uses != "":
		return "Run " + step.Uses
	}
	line, _, _ := strings.Cut(strings.TrimSpace(step.Run), "\n")
	return "Run " + line
}

var secretName = regexp.MustCompile(`secrets(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[\s*'([^']+)'\s*\])`)

func secretsIn(definition string) []string {
	var names []string
	for _, found := range secretName.FindAllStringSubmatch(definition, -1) {
		if name := found[1] + found[2]; name != "GITHUB_TOKEN" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
