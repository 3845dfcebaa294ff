package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/naming"
)

// guarded is the namespace of pawskind's stack whose start is measured.
const guarded = "guarded"

// guardedStack has what plain.yaml has, by the operator: with TLS, passwords for
// etcd and network policies, none of which plain.yaml has. As there, no member is
// held to a share of the processors, and it fits beside the stack that runs.
const guardedStack = `
apiVersion: paws360.io/v1alpha1
kind: PawsEnvironment
metadata: {name: guarded, namespace: guarded}
spec:
  etcd: {resources: &free {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 1Gi}}}
  postgres: {resources: *free}
  redis: {resources: *free, sentinelResources: *free}
`

// starts measures how long each stack takes from nothing but the cluster until
// all is well, by turns, each the first as often as the other.
func (b *bench) starts(runs int) error {
	b.results.Starts = map[string][]float64{}
	p := b.plain
	type contender struct {
		stack, namespace string
		start            func(context.Context) error
	}
	both := []contender{{"pawskind, protected", guarded, b.startGuarded}, {"plain manifests, without", namespace, p.start}}
	for i := range runs {
		for j := range both {
			c := both[(i+j)%len(both)]
			begin := time.Now()
			err := c.start(b.ctx)
			took := time.Since(begin).Seconds()
			if err == nil {
				b.results.Starts[c.stack] = append(b.results.Starts[c.stack], took)
				fmt.Fprintf(os.Stderr, "  start of %s: %.1f s\n", c.stack, took)
			}
			if err := p.remove(c.namespace); err != nil {
				return err
			}
			if err != nil {
				return fmt.Errorf("starting %s: %w", c.stack, err)
			}
		}
	}
	return nil
}

func (b *bench) startGuarded(ctx context.Context) error {
	var objects strings.Builder
	fmt.Fprintf(&objects, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n  labels: {pod-security.kubernetes.io/enforce: restricted}\n---\n", guarded)
	fmt.Fprintf(&objects, "apiVersion: v1\nkind: Secret\nmetadata: {name: paws360-secrets, namespace: %s}\nstringData:\n", guarded)
	for _, key := range naming.RequiredKeys() {
		fmt.Fprintf(&objects, "  %s: guarded-%s\n", key, strings.ToLower(key))
	}
	objects.WriteString("---" + guardedStack)
	if _, err := b.plain.kubectl(ctx, objects.String(), "apply", "-f", "-"); err != nil {
		return err
	}
	_, err := b.plain.kubectl(ctx, "", "-n", guarded, "wait", "pawsenv/"+guarded, "--for=condition=Ready", "--timeout="+startPatience.String())
	return err
}
