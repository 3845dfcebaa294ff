package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nektos/act/pkg/model"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/expression"
	"github.com/paws360/pawskind/internal/ci/schedule"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

// scope is where steps stand: in the job, or in a composite action.
type scope struct {
	steps  map[string]*model.StepResult
	inputs map[string]any
	// vars are what the using step sets; actionPath is where the action is.
	vars       map[string]string
	actionPath string
	// within is the name of the job's step that the action is used by.
	within string
	failed bool
	depth  int
}

// scopeEnv is what the expressions of a scope's steps see.
func (l *leg) scopeEnv(s *scope) *expression.Env {
	env := *l.env
	github := *l.env.Github
	github.ActionPath = s.actionPath
	env.Github, env.Steps, env.Inputs = &github, s.steps, s.inputs
	env.Env = maps.Clone(l.vars)
	maps.Copy(env.Env, s.vars)
	status := string(l.state)
	if s.failed && l.state == ci.Success {
		status = string(ci.Failure)
	}
	env.Job = &model.JobContext{Status: status}
	return &env
}

// errFailed says that a step failed and that its output tells how.
var errFailed = errors.New("the step failed")

// step runs one step if it is wanted, and tells so when it is one of the job's.
func (l *leg) step(ctx context.Context, s *scope, step *model.Step) {
	env := l.scopeEnv(s)
	name, err := env.Text(workflow.StepName(step))
	if err != nil {
		name = workflow.StepName(step)
	}
	shown := name
	if s.within != "" {
		shown = s.within
	}
	result := &model.StepResult{Outputs: map[string]string{}}
	s.steps[step.ID] = result
	started := time.Now()
	vars, envErr := env.Texts(step.Environment())
	maps.Copy(env.Env, vars)
	wanted, err := env.Condition(step.If.Value)
	if err == nil && !wanted {
		result.Outcome, result.Conclusion = model.StepStatusSkipped, model.StepStatusSkipped
		if s.within == "" {
			l.told(ci.StepResult{Name: name, Outcome: ci.Skipped, Conclusion: ci.Skipped, Started: started})
		}
		return
	}
	if s.within == "" {
		l.tell(ci.Event{Time: started, Kind: ci.StepStarted, Job: l.job.Key, Step: name})
		l.log("##[group]" + name)
	}
	o := l.output(shown, s)
	o.result = result
	if err == nil {
		err = envErr
	}
	if err == nil {
		err = l.perform(ctx, s, step, env, vars, o)
	}
	tolerated := false
	if err != nil {
		o.fail(err)
		tolerated = l.tolerates(env, step, o)
	}
	o.close()
	l.conclude(ctx, s, result, err != nil, tolerated)
	if s.within == "" {
		l.log("##[endgroup]")
		l.told(ci.StepResult{Name: name, Outcome: ci.Conclusion(result.Outcome.String()), Conclusion: ci.Conclusion(result.Conclusion.String()), Started: started})
	}
}

func (l *leg) tolerates(env *expression.Env, step *model.Step, o *output) bool {
	value, err := env.Text(step.RawContinueOnError)
	if err != nil {
		o.fail(err)
	}
	return value == "true"
}

func (l *leg) conclude(ctx context.Context, s *scope, result *model.StepResult, failed, tolerated bool) {
	if !failed {
		return
	}
	result.Outcome, result.Conclusion = model.StepStatusFailure, model.StepStatusFailure
	switch {
	case tolerated && ctx.Err() == nil:
		result.Conclusion = model.StepStatusSuccess
	case s.within != "":
		s.failed = true
	default:
		l.fail(ctx)
	}
}

// perform does what the step is for, within its time.
func (l *leg) perform(ctx context.Context, s *scope, step *model.Step, env *expression.Env, vars map[string]string, o *output) error {
	if step.TimeoutMinutes != "" {
		text, err := env.Text(step.TimeoutMinutes)
		if err != nil {
			return err
		}
		minutes, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("timeout-minutes is %q and no number", text)
		}
		span := time.Duration(minutes * float64(time.Minute))
		within, cancel := context.WithTimeoutCause(ctx, span, fmt.Errorf("the step took longer than %s", span))
		defer cancel()
		ctx = within
	}
	all := maps.Clone(s.vars)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, vars)
	if step.Run != "" {
		return l.run(ctx, s, step, env, all, o)
	}
	return l.use(ctx, s, step, env, all, o)
}

// run runs a script with its shell.
func (l *leg) run(ctx context.Context, s *scope, step *model.Step, env *expression.Env, vars map[string]string, o *output) error {
	script, err := env.Text(step.Run)
	if err != nil {
		return err
	}
	// A service whose port was taken is at another one.
	script = schedule.Redirect(script, l.in.Services)
	dir, err := env.Text(step.WorkingDirectory)
	if err != nil {
		return err
	}
	if dir = within(l.workspace(), dir); !isFolder(dir) {
		return fmt.Errorf("the working directory %s is not there", dir)
	}
	shell, err := env.Text(step.Shell)
	if err != nil {
		return err
	}
	values := l.environ(s, vars)
	l.scripts++
	args, file, err := shellOf(shell, l.path(filepath.Join("files", "script"+strconv.Itoa(l.scripts))), l.container != nil, values["PATH"])
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		return fmt.Errorf("writing the script: %w", err)
	}
	return l.call(ctx, command{args: args, env: values, dir: dir, out: o}, o)
}

// call runs a command with the files through which it answers.
func (l *leg) call(ctx context.Context, c command, o *output) error {
	files, err := l.newFiles()
	if err != nil {
		return err
	}
	maps.Copy(c.env, files.env())
	status, err := l.exec(ctx, c)
	o.flush()
	if problem := files.take(l, o); problem != nil && err == nil {
		err = problem
	}
	switch {
	case err != nil:
		return err
	case status != 0:
		return fmt.Errorf("Process completed with exit code %d.", status) //nolint:revive,staticcheck // the remote's own sentence, which people search for
	}
	return nil
}

// environ is a step's whole environment.
func (l *leg) environ(s *scope, vars map[string]string) map[string]string {
	env := maps.Clone(l.base)
	maps.Copy(env, l.vars)
	maps.Copy(env, vars)
	if len(l.search) > 0 {
		env["PATH"] = strings.Join(l.search, ":") + ":" + env["PATH"]
	}
	if s.actionPath != "" {
		env["GITHUB_ACTION_PATH"] = s.actionPath
	}
	return schedule.RedirectEnv(env, l.in.Services)
}

// shellOf is the command line of a shell and the file that it is given, by the
// remote's templates.
func shellOf(shell, file string, contained bool, path string) (args []string, script string, err error) {
	templates := map[string]string{
		"bash": "bash --noprofile --norc -e -o pipefail {0}", "sh": "sh -e {0}", "python": "python {0}", "pwsh": "pwsh -command . '{0}'",
	}
	template, known := templates[shell]
	switch {
	case shell == "":
		// The remote's default knows no pipefail, and is sh where there is no bash.
		template = "bash -e {0}"
		if _, err := look("bash", path); err != nil && !contained {
			template = "sh -e {0}"
		}
	case !known && !strings.Contains(shell, "{0}"):
		return nil, "", fmt.Errorf("the shell %q is neither known nor a template with {0}", shell)
	case !known:
		template = shell
	}
	switch shell {
	case "python":
		file += ".py"
		if _, err := look("python", path); err != nil && !contained {
			template = "python3 {0}"
		}
	case "pwsh":
		return []string{"pwsh", "-command", ". '" + file + ".ps1'"}, file + ".ps1", nil
	default:
		file += ".sh"
	}
	for _, word := range strings.Fields(template) {
		args = append(args, strings.ReplaceAll(strings.Trim(word, `'"`), "{0}", file))
	}
	return args, file, nil
}

func within(folder, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(folder, name)
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
