package runner

import (
	"runtime"
	"slices"

	"github.com/nektos/act/pkg/exprparser"
	"github.com/nektos/act/pkg/model"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/expression"
	"github.com/paws360/pawskind/internal/ci/workflow"
)

// jobEnv is what a job's own expressions see.
func (r *Runner) jobEnv(plan *ci.Plan, l *workflow.Leg, results map[string]ci.JobResult, secrets map[string]string) (*expression.Env, error) {
	env := expression.New()
	github := *l.Github
	github.Job, github.RunID = l.ID, r.options.RunID
	env.Github, env.Matrix, env.Strategy = &github, l.Matrix, l.Strategy
	env.Runner = map[string]any{"os": runnerOS(), "arch": runnerArch(), "name": "pawskind", "environment": "self-hosted"}
	if secrets != nil {
		env.Secrets = secrets
	}
	for id, need := range l.Needs {
		outcome, outputs, err := combined(need, results)
		if err != nil {
			return nil, err
		}
		env.Needs[id] = exprparser.Needs{Result: string(outcome), Outputs: outputs}
	}
	if l.Caller == nil {
		env.Inputs = l.Inputs
		return env, nil
	}
	return env, r.called(plan, l, results, secrets, env)
}

// called gives the env what the caller passes: inputs and secrets.
func (r *Runner) called(plan *ci.Plan, l *workflow.Leg, results map[string]ci.JobResult, secrets map[string]string, env *expression.Env) error {
	outer, err := r.jobEnv(plan, l.Caller, results, secrets)
	if err != nil {
		return err
	}
	env.Inputs = map[string]any{}
	for name, value := range l.Inputs {
		if later, is := value.(workflow.Deferred); is {
			if value, err = outer.Text(string(later)); err != nil {
				return err
			}
		}
		env.Inputs[name] = value
	}
	if !l.Caller.Job.InheritSecrets() {
		env.Secrets, err = outer.Texts(l.Caller.Job.Secrets())
	} else {
		env.Secrets = outer.Secrets
	}
	return err
}

// combined is how all legs of a needed job ended together, and what they put out.
func combined(need workflow.Need, results map[string]ci.JobResult) (ci.Conclusion, map[string]string, error) {
	outputs := map[string]string{}
	var ends []ci.Conclusion
	for _, key := range need.Legs {
		result := results[key]
		ends = append(ends, result.Conclusion)
		if need.Jobs == nil {
			for name, value := range result.Outputs {
				if value != "" || outputs[name] == "" {
					outputs[name] = value
				}
			}
		}
	}
	if need.Jobs != nil {
		env := expression.New()
		jobs := map[string]*model.WorkflowCallResult{}
		for id, inner := range need.Jobs {
			_, out, err := combined(inner, results)
			if err != nil {
				return "", nil, err
			}
			jobs[id] = &model.WorkflowCallResult{Outputs: out}
		}
		env.Jobs = &jobs
		for name, text := range need.Outputs {
			value, err := env.Text(text)
			if err != nil {
				return "", nil, err
			}
			outputs[name] = value
		}
	}
	return worst(ends), outputs, nil
}

// worst is what several legs came to as one job. One that was skipped beside
// others that ran does not count.
func worst(ends []ci.Conclusion) ci.Conclusion {
	for _, c := range []ci.Conclusion{ci.Failure, ci.Cancelled, ci.Success} {
		if slices.Contains(ends, c) {
			return c
		}
	}
	return ci.Skipped
}

// status is what success() and failure() of a job's condition go by: all jobs
// that it depends on, directly or not, within its own workflow.
func status(plan *ci.Plan, l *workflow.Leg, results map[string]ci.JobResult) string {
	outer := map[string]bool{}
	if l.Caller != nil {
		for _, caller := range chain(l.Caller) {
			ancestors(plan, caller, outer)
		}
	}
	own := map[string]bool{}
	ancestors(plan, l, own)
	var ends []ci.Conclusion
	for key := range own {
		if !outer[key] {
			ends = append(ends, results[key].Conclusion)
		}
	}
	for _, c := range []ci.Conclusion{ci.Failure, ci.Cancelled, ci.Skipped} {
		if slices.Contains(ends, c) {
			return string(c)
		}
	}
	return string(ci.Success)
}

func ancestors(plan *ci.Plan, l *workflow.Leg, found map[string]bool) {
	byKey := map[string]ci.Job{}
	for _, job := range plan.Jobs {
		byKey[job.Key] = job
	}
	var add func(key string)
	add = func(key string) {
		if found[key] {
			return
		}
		found[key] = true
		for _, next := range byKey[key].Needs {
			add(next)
		}
	}
	for _, need := range l.Needs {
		for _, key := range need.Legs {
			add(key)
		}
	}
}

func runnerOS() string {
	return map[string]string{"linux": "Linux", "darwin": "macOS", "windows": "Windows"}[runtime.GOOS]
}

func runnerArch() string {
	if arch, known := map[string]string{"amd64": "X64", "arm64": "ARM64", "386": "X86", "arm": "ARM"}[runtime.GOARCH]; known {
		return arch
	}
	return runtime.GOARCH
}
