package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
)

// Restart restarts one service and nothing else: members one at a time, each
// ready again before the next, and whoever leads last.
func (a *App) Restart(ctx context.Context, service string) error {
	client, err := a.client(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.Config.Timeout)
	defer cancel()
	pods, err := client.Select(ctx, a.Config.Namespace, service)
	if err != nil {
		return err
	}
	p := a.Progress()
	defer p.Finish()
	if component := pods[0].Labels[naming.LabelComponent]; install.IsApp(&pods[0]) && service == component {
		p.Show(10, "Restarting %s", service)
		if err := client.Roll(ctx, a.Config.Namespace, service); err != nil {
			return a.interrupted(ctx, err)
		}
	} else {
		leadersLast(pods)
		for i := range pods {
			p.Show(100*i/len(pods), "Restarting %s (%d/%d)", pods[i].Name, i+1, len(pods))
			if err := client.Replace(ctx, &pods[i]); err != nil {
				return a.interrupted(ctx, err)
			}
		}
	}
	_, seconds := p.Finish()
	a.Note("%s Restarted %s in %.1f s.", a.symbol("✓", "OK"), service, seconds)
	return nil
}

// interrupted prefers the user's own interruption to what it led to.
func (a *App) interrupted(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return problem.New(problem.Interrupted, "interrupted")
	}
	return err
}

// leadersLast sorts members so that the primary or master goes last: its role
// then changes hands once.
func leadersLast(pods []corev1.Pod) {
	leads := func(p corev1.Pod) int {
		switch p.Labels[naming.LabelRole] {
		case naming.RolePrimary, naming.RoleMaster:
			return 1
		}
		return 0
	}
	slices.SortFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(cmp.Compare(leads(a), leads(b)), cmp.Compare(a.Name, b.Name))
	})
}
