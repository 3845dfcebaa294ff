package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
)

func TestVerdict(t *testing.T) {
	up := func(change func(*PodFacts)) PodFacts {
		f := PodFacts{
			Pod: "backend-x", Ready: true, Code: 200, Duration: 120 * time.Millisecond, Status: "UP",
			Dependencies: map[string]string{"db": "UP", "redis": "UP", "diskSpace": "UP"},
		}
		if change != nil {
			change(&f)
		}
		return f
	}
	const dependencies = "dependencies: db=UP, redis=UP, response time: 0.12s"
	for name, c := range map[string]struct {
		replicas int32
		facts    []PodFacts
		health   v1alpha1.Health
		reason   string
		summary  string
		message  string // the first member's
	}{
		"up": {
			1, []PodFacts{up(nil)},
			v1alpha1.Healthy, v1alpha1.ReasonHealthy, "UP, " + dependencies, "",
		},
		"a dependency down, the app serves": {
			1, []PodFacts{up(func(f *PodFacts) { f.Dependencies["redis"] = "DOWN" })},
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "UP, dependencies: db=UP, redis=DOWN, response time: 0.12s", "redis=DOWN",
		},
		"a dependency down, and the app with it": {
			1, []PodFacts{up(func(f *PodFacts) { f.Code, f.Dependencies["db"] = 503, "DOWN" })},
			v1alpha1.Unhealthy, v1alpha1.ReasonAppUnhealthy, "0/1 serving, dependencies: db=DOWN, redis=UP, response time: 0.12s", "/health answers 503 db=DOWN",
		},
		"an answer that is no health": {
			1, []PodFacts{up(func(f *PodFacts) { f.Code, f.Dependencies = 404, nil })},
			v1alpha1.Unhealthy, v1alpha1.ReasonAppUnhealthy, "0/1 serving, response time: 0.12s", "/health answers 404",
		},
		"slow": {
			1, []PodFacts{up(func(f *PodFacts) { f.Duration = SlowAnswer })},
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "UP, dependencies: db=UP, redis=UP, response time: 2.00s", "answers in 2.0s",
		},
		"not ready": {
			1, []PodFacts{up(func(f *PodFacts) { f.Ready = false })},
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "UP, " + dependencies, "is not ready yet",
		},
		"does not run": {
			1, []PodFacts{{Pod: "backend-x", Waiting: "CrashLoopBackOff", Err: "container not running"}},
			v1alpha1.Unhealthy, v1alpha1.ReasonAppUnhealthy, "0/1 serving", "CrashLoopBackOff",
		},
		"does not answer": {
			1, []PodFacts{{Pod: "backend-x", Err: "does not answer"}},
			v1alpha1.Unhealthy, v1alpha1.ReasonAppUnhealthy, "0/1 serving", "does not answer",
		},
		"one of two serves": {
			2, []PodFacts{{Pod: "backend-x", Err: "does not answer"}, up(nil)},
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "1/2 serving, " + dependencies, "does not answer",
		},
		"one of two is not there": {
			2, []PodFacts{up(nil)},
			v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "1/2 serving, " + dependencies, "",
		},
		"none is there":       {1, nil, v1alpha1.Unhealthy, v1alpha1.ReasonAppUnhealthy, "0/1 serving", ""},
		"none is asked for":   {0, nil, v1alpha1.Healthy, v1alpha1.ReasonHealthy, "0/0 serving", ""},
		"an unknown is no no": {1, []PodFacts{up(func(f *PodFacts) { f.Dependencies["db"] = "UNKNOWN" })}, v1alpha1.Healthy, v1alpha1.ReasonHealthy, "UP, dependencies: db=UNKNOWN, redis=UP, response time: 0.12s", ""},
	} {
		t.Run(name, func(t *testing.T) {
			app := v1alpha1.AppSpec{Name: "backend", Replicas: &c.replicas, Health: v1alpha1.AppHealthSpec{Path: "/health"}}
			got := Verdict(app, c.facts)
			require.Equal(t, "Backend Service", got.Title)
			require.Equal(t, c.health, got.Health)
			require.Equal(t, c.reason, got.Reason)
			require.Equal(t, c.summary, got.Summary)
			require.Len(t, got.Members, len(c.facts))
			if len(c.facts) > 0 {
				require.Equal(t, c.message, got.Members[0].Message)
			}
		})
	}
}
