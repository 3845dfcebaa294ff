package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nektos/act/pkg/model"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/expression"
)

// deepest is how many composite actions may use each other: the remote's bound.
const deepest = 10

// use runs a step that uses an action: one that is built in, one of the
// repository, one of an image, or one that is fetched.
//
// What is built in is always taken from here and never fetched: it works without
// a network, takes no time, and keeps caches and artifacts on this machine.
func (l *leg) use(ctx context.Context, s *scope, step *model.Step, env *expression.Env, vars map[string]string, o *output) error {
	with, err := env.Texts(step.With)
	if err != nil {
		return err
	}
	given := map[string]string{}
	for name, value := range with {
		given[strings.ToLower(name)] = value
	}
	uses := strings.TrimSpace(step.Uses)
	if image, is := strings.CutPrefix(uses, "docker://"); is {
		return l.image(ctx, s, image, given, vars, o)
	}
	if local, is := strings.CutPrefix(uses, "./"); is {
		folder := filepath.Join(l.workspace(), filepath.FromSlash(local))
		if !isFolder(folder) {
			return fmt.Errorf("the action %s is not in the workspace: is actions/checkout run before it?", uses)
		}
		return l.action(ctx, s, step, folder, uses, given, vars, o)
	}
	name, ref, found := strings.Cut(uses, "@")
	if !found {
		return fmt.Errorf("the action %q names no version: OWNER/NAME@VERSION is expected", uses)
	}
	if builtIn := builtIns[strings.ToLower(name)]; builtIn != nil {
		a := &call{leg: l, scope: s, with: given, vars: vars, out: o, name: name, step: step}
		return builtIn(ctx, a)
	}
	folder, err := l.runner.actions.fetch(ctx, name, ref)
	if err != nil {
		return err
	}
	return l.action(ctx, s, step, folder, uses, given, vars, o)
}

// action runs an action that is in a folder.
func (l *leg) action(ctx context.Context, s *scope, step *model.Step, folder, uses string, given, vars map[string]string, o *output) error {
	action, err := readAction(folder)
	if err != nil {
		return fmt.Errorf("the action %s: %w", uses, err)
	}
	env := l.scopeEnv(s)
	maps.Copy(env.Env, vars)
	inputs := map[string]any{}
	for name, value := range given {
		inputs[name] = value
	}
	for name, input := range action.Inputs {
		if _, set := inputs[strings.ToLower(name)]; set {
			continue
		}
		value, err := env.Text(input.Default)
		if err != nil {
			return err
		}
		inputs[strings.ToLower(name)] = value
	}
	switch using := action.Runs.Using; {
	case using.IsComposite():
		return l.composite(ctx, s, action, folder, uses, inputs, vars, o)
	case using.IsNode():
		return l.node(ctx, s, step, action, folder, inputs, vars, o)
	case using.IsDocker():
		return l.dockerAction(ctx, s, action, folder, inputs, vars, o)
	default:
		return fmt.Errorf("the action %s runs with %q, which is not known here", uses, using)
	}
}

func readAction(folder string) (*model.Action, error) {
	for _, name := range []string{"action.yml", "action.yaml"} {
		file, err := os.Open(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		return model.ReadAction(file)
	}
	return nil, errors.New("it has no action.yml")
}

// composite runs the steps of a composite action.
func (l *leg) composite(ctx context.Context, s *scope, action *model.Action, folder, uses string, inputs map[string]any, vars map[string]string, o *output) error {
	if s.depth >= deepest {
		return fmt.Errorf("actions use each other more than %d deep at %s", deepest, uses)
	}
	inner := &scope{steps: map[string]*model.StepResult{}, inputs: inputs, vars: vars, actionPath: folder, within: o.step, depth: s.depth + 1}
	for i := range action.Runs.Steps {
		step := action.Runs.Steps[i]
		if step.ID == "" {
			step.ID = "__" + strconv.Itoa(i)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l.step(ctx, inner, &step)
	}
	env := l.scopeEnv(inner)
	for name, output := range action.Outputs {
		value, err := env.Text(output.Value)
		if err != nil {
			return err
		}
		if o.result != nil {
			o.result.Outputs[name] = value
		}
	}
	if inner.failed {
		return errFailed
	}
	return nil
}

var notInName = regexp.MustCompile(`[^A-Z0-9_-]`)

// inputsEnv gives inputs to an action that is a program.
func inputsEnv(inputs map[string]any) map[string]string {
	env := map[string]string{}
	for name, value := range inputs {
		env["INPUT_"+notInName.ReplaceAllString(strings.ToUpper(name), "_")] = expression.String(value)
	}
	return env
}

// node runs an action that is written in JavaScript, with the node that is here.
func (l *leg) node(ctx context.Context, s *scope, step *model.Step, action *model.Action, folder string, inputs map[string]any, vars map[string]string, o *output) error {
	within := *s
	within.actionPath = folder
	servers, err := l.toolkitEnv()
	if err != nil {
		return err
	}
	start := func(ctx context.Context, file string, o *output) error {
		env := l.environ(&within, vars)
		maps.Copy(env, inputsEnv(inputs))
		maps.Copy(env, servers)
		for name, value := range o.state {
			env["STATE_"+name] = value
		}
		err := l.call(ctx, command{args: []string{"node", filepath.Join(folder, file)}, env: env, dir: l.workspace(), out: o}, o)
		if errors.Is(err, errMissing) {
			return fmt.Errorf("the action %s is a program for Node.js: %w", step.Uses, err)
		}
		return err
	}
	if action.Runs.Pre != "" {
		if err := start(ctx, action.Runs.Pre, o); err != nil {
			return err
		}
	}
	if action.Runs.Post != "" {
		state := o.state
		l.posts = append(l.posts, post{"Post " + o.step, action.Runs.PostIf, func(ctx context.Context, o *output) error {
			o.state = state
			return start(ctx, action.Runs.Post, o)
		}})
	}
	return start(ctx, action.Runs.Main, o)
}

// dockerAction runs an action that is an image, or a Dockerfile.
func (l *leg) dockerAction(ctx context.Context, s *scope, action *model.Action, folder string, inputs map[string]any, vars map[string]string, o *output) error {
	env := l.scopeEnv(s)
	env.Inputs = inputs
	arguments := []string{}
	for _, one := range action.Runs.Args {
		value, err := env.Text(one)
		if err != nil {
			return err
		}
		arguments = append(arguments, value)
	}
	extra, err := env.Texts(action.Runs.Env)
	if err != nil {
		return err
	}
	servers, err := l.toolkitEnv()
	if err != nil {
		return err
	}
	maps.Copy(vars, servers)
	maps.Copy(vars, extra)
	maps.Copy(vars, inputsEnv(inputs))
	image, is := strings.CutPrefix(action.Runs.Image, "docker://")
	if !is {
		engine, err := l.engineFor(ctx, "")
		if err != nil {
			return err
		}
		l.result.NoCache = "what the action's image is built on may be another one next time"
		image = "pawskind-ci-action:" + strings.ToLower(l.tracking[len(l.tracking)-12:])
		dockerfile := filepath.Join(folder, action.Runs.Image)
		build := command{args: []string{engine, "build", "-t", image, "-f", dockerfile, filepath.Dir(dockerfile)}, env: l.base, dir: folder, out: o}
		if status, err := l.onHost(ctx, build); err != nil || status != 0 {
			return fmt.Errorf("building the action's image failed with %d: %w", status, errors.Join(err, errFailed))
		}
	}
	return l.start(ctx, s, image, action.Runs.Entrypoint, arguments, vars, o)
}

// image runs a step that uses docker://IMAGE.
func (l *leg) image(ctx context.Context, s *scope, image string, given, vars map[string]string, o *output) error {
	inputs := map[string]any{}
	for name, value := range given {
		inputs[name] = value
	}
	maps.Copy(vars, inputsEnv(inputs))
	return l.start(ctx, s, image, given["entrypoint"], strings.Fields(given["args"]), vars, o)
}

// start runs an image once, with the leg's folder in it.
func (l *leg) start(ctx context.Context, s *scope, image, entrypoint string, arguments []string, vars map[string]string, o *output) error {
	engine, err := l.engineFor(ctx, image)
	if err != nil {
		return err
	}
	env := l.environ(s, vars)
	files, err := l.newFiles()
	if err != nil {
		return err
	}
	maps.Copy(env, files.env())
	name := "pawskind-ci-" + strings.ToLower(l.tracking[len(l.tracking)-12:]) + "-" + strconv.Itoa(l.scripts)
	args := []string{engine, "run", "--rm", "--init", "--name", name, "--network", "host", "-v", l.folder + ":" + l.folder, "-w", l.workspace()}
	args = append(args, handed(env)...)
	if entrypoint != "" {
		args = append(args, "--entrypoint", entrypoint)
	}
	args = append(append(args, image), arguments...)
	defer removeContainer(engine, name)
	status, err := l.onHost(ctx, command{args: args, env: env, dir: l.workspace(), out: o})
	o.flush()
	if problem := files.take(l, o); err == nil {
		err = problem
	}
	if err == nil && status != 0 {
		err = fmt.Errorf("the container ended with %d", status)
	}
	return err
}

// handed are the options that hand an environment to a container, by name only:
// values on a command line could be read by everybody.
func handed(env map[string]string) []string {
	var options []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if name != "PATH" && name != "HOME" {
			options = append(options, "-e", name)
		}
	}
	return options
}

// notice tells what showed only now not to be reproduced.
func (l *leg) notice(step *model.Step, what, why string) {
	if l.in.Notice == nil {
		return
	}
	line := l.job.Line
	for i, one := range l.work.Job.Steps {
		if one.Uses == step.Uses && one.Name == step.Name && i < len(l.work.Lines) {
			line = l.work.Lines[i]
			break
		}
	}
	l.in.Notice(ci.Notice{File: l.work.File, Line: line, What: what, Why: why})
}
