package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/progress"
	"github.com/paws360/pawskind/internal/rotation"
	"github.com/paws360/pawskind/internal/secrets"
)

// rotationPatience is how long a rotation may take: the apps start anew.
const rotationPatience = 5 * time.Minute

// SecretsRotate puts new values in the place of the named secrets, of all for no
// name, while everything runs. A rotation that was interrupted is ended first.
func (a *App) SecretsRotate(ctx context.Context, names []string) error {
	unlock, err := a.Config.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := a.guardSecrets(); err != nil {
		return err
	}
	if names, err = rotatable(names); err != nil {
		return err
	}
	file := a.Config.SecretsFile()
	values, err := secrets.Read(file)
	if err != nil {
		return err
	}
	if missing := secrets.Missing(values); len(missing) > 0 {
		return problem.New(problem.SecretMissing, "Missing secret: %s. Run: make local-gen-secrets", strings.Join(missing, ", "))
	}
	client, env, err := a.environment(ctx)
	if err != nil {
		if hasData(a.Config.ClusterData()) {
			return err
		}
		return a.rotateUnused(file, names)
	}
	if !a.Confirm(fmt.Sprintf("%d secrets get new values. The apps start anew, one pod after the other; nothing else is restarted. Continue?", len(names))) {
		return problem.New(problem.Interrupted, "nothing was done")
	}
	p := a.Progress()
	defer p.Finish()
	rotated, err := a.rotate(ctx, client, env, names, a.showRotation(p))
	if err != nil {
		return err
	}
	_, seconds := p.Finish()
	result := SecretsResult{File: file, Rotated: rotated, Seconds: seconds}
	return a.Show(result, func(out io.Writer) {
		_, _ = fmt.Fprintf(out, "%s %d secrets have new values in %s (%.1f s): %s\n", a.symbol("✓", "OK"), len(rotated), relative(file), seconds, strings.Join(rotated, ", "))
	})
}

// rotatable checks the names, and fills in all for none.
func rotatable(names []string) ([]string, error) {
	known := naming.RequiredKeys()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, problem.New(problem.SecretUnknown, "there is no generated secret %s", name).Do("The names are: %s", strings.Join(known, ", "))
		}
	}
	if len(names) == 0 {
		return known, nil
	}
	names = slices.Sorted(slices.Values(names))
	return slices.Compact(names), nil
}

// rotateUnused replaces secrets that nothing was made with yet.
func (a *App) rotateUnused(file string, names []string) error {
	if err := errors.Join(secrets.Renew(file, names), secrets.Renewed(file)); err != nil {
		return err
	}
	return a.Show(SecretsResult{File: file, Rotated: names}, func(out io.Writer) {
		_, _ = fmt.Fprintf(out, "%s %d secrets have new values in %s. There is no stack yet that knows them.\n", a.symbol("✓", "OK"), len(names), relative(file))
	})
}

// rotate ends a rotation that was interrupted, then gives the other secrets of
// those named new values. It tells which it has replaced.
func (a *App) rotate(ctx context.Context, client *install.Client, env *v1alpha1.PawsEnvironment, names []string, seen func(v1alpha1.SecretsStatus)) ([]string, error) {
	if _, _, err := a.ownCluster(ctx); err != nil {
		return nil, err
	}
	file := a.Config.SecretsFile()
	before, err := secrets.Unfinished(file)
	if err != nil {
		return nil, err
	}
	rotated := secrets.Names(before)
	if len(before) > 0 {
		a.Note("Going on with a rotation that was interrupted: %s", strings.Join(rotated, ", "))
		if err := a.endRotation(ctx, client, env, seen); err != nil {
			return nil, err
		}
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(rotated, name) })
	if len(names) == 0 {
		return rotated, nil
	}
	if err := secrets.Renew(file, names); err != nil {
		return nil, err
	}
	return append(rotated, names...), a.endRotation(ctx, client, env, seen)
}

// endRotation has the operator put the project's secrets in force, and forgets
// those before once it has.
func (a *App) endRotation(ctx context.Context, client *install.Client, env *v1alpha1.PawsEnvironment, seen func(v1alpha1.SecretsStatus)) error {
	file := a.Config.SecretsFile()
	values, err := secrets.Read(file)
	if err != nil {
		return err
	}
	before, err := secrets.Unfinished(file)
	if err != nil {
		return err
	}
	version, err := client.ApplySecrets(ctx, env, values, before)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, rotationPatience)
	defer cancel()
	var last v1alpha1.SecretsStatus
	_, err = client.AwaitFaults(waiting, env.Namespace, env.Name, func(e *v1alpha1.PawsEnvironment) bool {
		last = e.Status.Secrets
		if seen != nil {
			seen(last)
		}
		return last.Wanted == version && last.Phase == string(rotation.InForce)
	})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return problem.New(problem.Interrupted, "interrupted: the operator goes on with the rotation").
			Do("Run pawskind secrets rotate or pawskind up: it goes on from there")
	default:
		return problem.New(problem.RotationUnfinished, "the rotation is not done within %s: %s", rotationPatience, orElse(last.Message, "the operator does not say why"))
	}
	if err := secrets.Renewed(file); err != nil {
		return err
	}
	_, err = client.ApplySecrets(ctx, env, values, nil)
	return err
}

// showRotation tells how far the operator is.
func (a *App) showRotation(p *progress.Progress) func(v1alpha1.SecretsStatus) {
	return func(s v1alpha1.SecretsStatus) {
		percent, what := 10, "The operator looks at the new secrets"
		switch rotation.Phase(s.Phase) {
		case rotation.Announced:
			percent, what = 30, "Every server gets to know the new secrets"
		case rotation.Switched:
			percent, what = 60, "Everybody takes the new secrets up; the old ones still open"
		case rotation.Retiring:
			percent, what = 90, "The servers forget the old secrets"
		}
		if s.Message != "" {
			what += ": " + s.Message
		}
		p.Show(percent, "%s", what)
	}
}
