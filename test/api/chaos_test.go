package api

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/agent"
	"github.com/paws360/pawskind/internal/chaos"
	"github.com/paws360/pawskind/internal/faultwatch"
)

func TestWrongFaultsAreRefused(t *testing.T) {
	ns := namespace(t)
	second := &metav1.Duration{Duration: time.Second}
	for name, c := range map[string]struct {
		fault v1alpha1.FaultSpec
		want  string
	}{
		"a kind that there is not":       {v1alpha1.FaultSpec{Name: "f", Kind: "Explode", Target: "etcd"}, "Unsupported value"},
		"a target that there is not":     {v1alpha1.FaultSpec{Name: "f", Kind: v1alpha1.FaultKill, Target: "mysql/leader"}, "should match"},
		"a target that is more than one": {v1alpha1.FaultSpec{Name: "f", Kind: v1alpha1.FaultKill, Target: "etcd/1; reboot"}, "should match"},
		"a name that is none":            {v1alpha1.FaultSpec{Name: "No Name", Kind: v1alpha1.FaultKill, Target: "etcd"}, "should match"},
		"a kill with a duration":         {v1alpha1.FaultSpec{Name: "f", Kind: v1alpha1.FaultKill, Target: "etcd", Duration: second}, "done once and have no duration"},
		"peers of a freeze":              {v1alpha1.FaultSpec{Name: "f", Kind: v1alpha1.FaultFreeze, Target: "etcd", From: []string{"redis"}}, "from is for a Partition only"},
		"all processes of a freeze":      {v1alpha1.FaultSpec{Name: "f", Kind: v1alpha1.FaultFreeze, Target: "etcd", AllProcesses: true}, "allProcesses is for a Crash only"},
		"direction of a freeze":          {v1alpha1.FaultSpec{Name: "f", Kind: v1alpha1.FaultFreeze, Target: "etcd", Direction: v1alpha1.DirectionIn}, "direction is for a Partition only"},
		"CPU of a kill":                  {v1alpha1.FaultSpec{Name: "f", Kind: v1alpha1.FaultKill, Target: "etcd", CPUPercent: ptr(int32(5))}, "cpuPercent is for a Throttle only"},
		"delay of a kill":                {v1alpha1.FaultSpec{Name: "f", Kind: v1alpha1.FaultKill, Target: "etcd", Delay: second}, "delay is for a Delay only"},
	} {
		t.Run(name, func(t *testing.T) {
			env := environment(ns)
			env.Spec.Chaos = []v1alpha1.FaultSpec{c.fault}
			require.ErrorContains(t, kube.Create(t.Context(), env, client.DryRunAll), c.want)
		})
	}
}

func TestEveryExampleOfATargetIsTaken(t *testing.T) {
	ns := namespace(t)
	for _, target := range chaos.Targets() {
		env := environment(ns)
		env.Spec.Chaos = []v1alpha1.FaultSpec{{Name: "f", Kind: v1alpha1.FaultFreeze, Target: target}}
		require.NoError(t, kube.Create(t.Context(), env, client.DryRunAll), target)
	}
}

func TestAFaultCannotBeChanged(t *testing.T) {
	env := environment(namespace(t))
	env.Spec.Chaos = []v1alpha1.FaultSpec{{Name: "f", Kind: v1alpha1.FaultKill, Target: "etcd/1"}}
	require.NoError(t, kube.Create(t.Context(), env))
	env.Spec.Chaos[0].Target = "etcd/2"
	require.ErrorContains(t, kube.Update(t.Context(), env, client.DryRunAll), "a fault cannot be changed")
	env.Spec.Chaos = nil
	require.NoError(t, kube.Update(t.Context(), env, client.DryRunAll), "it can be removed")
}

// The reconciler of these tests is not told that the cluster is local.
func TestFaultsAreRefusedElsewhere(t *testing.T) {
	env := environment(namespace(t))
	env.Spec.Chaos = []v1alpha1.FaultSpec{{Name: "f", Kind: v1alpha1.FaultKill, Target: "etcd/1"}}
	require.NoError(t, kube.Create(t.Context(), env))
	condition(t, env.Namespace, v1alpha1.ConditionChaosActive, v1alpha1.ReasonFaultsRefused)
	require.True(t, get(t, env.Namespace, "local", env))
	require.Equal(t, v1alpha1.FaultRefused, env.Status.Chaos[0].State)
}

// holder remembers what it is given, and says that it holds.
type holder struct{ want []agent.Fault }

func (h *holder) Reconcile(_ context.Context, want []agent.Fault) []agent.Status {
	h.want = want
	var held []agent.Status
	for _, f := range want {
		held = append(held, agent.Status{ID: f.ID, State: agent.StateActive, Since: time.Now()})
	}
	return held
}

// An agent holds what is declared for its node, reports it beside the operator's
// status, and lets go when it is no longer declared or its time is over.
func TestAgentsHoldAndReport(t *testing.T) {
	env := environment(namespace(t))
	env.Spec.Suspend = true // the operator leaves it alone
	env.Spec.Chaos = []v1alpha1.FaultSpec{
		{Name: "f", Kind: v1alpha1.FaultFreeze, Target: "etcd/1", Duration: &metav1.Duration{Duration: time.Minute}},
	}
	require.NoError(t, kube.Create(t.Context(), env))
	now := metav1.NewMicroTime(time.Now())
	ends := metav1.NewMicroTime(now.Add(time.Minute))
	base := env.DeepCopy()
	env.Status.Chaos = []v1alpha1.FaultStatus{{
		Name: "f", Kind: v1alpha1.FaultFreeze, Target: "etcd/1", State: v1alpha1.FaultPending, StartedAt: &now, EndsAt: &ends,
		Pods: []v1alpha1.FaultPod{{Name: "etcd-1", UID: "u1", Node: "here", Container: "etcd"}, {Name: "etcd-2", UID: "u2", Node: "there", Container: "etcd"}},
	}}
	require.NoError(t, kube.Status().Patch(t.Context(), env, client.MergeFrom(base)))

	clock := now.Time
	h := &holder{}
	watcher := &faultwatch.Watcher{Client: kube, Node: "here", Holder: h, Now: func() time.Time { return clock }}
	reported := func() []v1alpha1.AgentStatus {
		_, err := watcher.Reconcile(t.Context(), reconcile.Request{})
		require.NoError(t, err)
		require.True(t, get(t, env.Namespace, "local", env))
		return env.Status.Agents
	}
	agents := reported()
	require.Len(t, agents, 1)
	require.Equal(t, "here", agents[0].Node)
	require.Equal(t, "f/etcd-1", agents[0].Faults[0].ID)
	require.Equal(t, v1alpha1.FaultActive, agents[0].Faults[0].State)
	require.Equal(t, "etcd", h.want[0].Process)
	require.Len(t, env.Status.Chaos, 1, "the operator's part is untouched")

	clock = ends.Time
	require.Empty(t, reported(), "its time is over, and no operator need say so")
	require.Empty(t, h.want)
}
