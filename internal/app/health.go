package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
)

// SlowAnswer is the response time from which an app is degraded (addendum §5).
const SlowAnswer = 2 * time.Second

// Verdict judges one app from what its pods answered.
func Verdict(app v1alpha1.AppSpec, facts []PodFacts) health.Component {
	c := health.Component{
		Name: app.Name, Title: title(app.Name), Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy,
	}
	serving := 0
	for _, f := range facts {
		m := judge(app, f)
		if m.Health == v1alpha1.Healthy || m.Health == v1alpha1.Degraded {
			serving++
		}
		c.Members = append(c.Members, m)
		c.Health = health.Worst(c.Health, m.Health)
	}
	want := int(Replicas(app))
	switch {
	case want > 0 && serving == 0:
		c.Health, c.Reason = v1alpha1.Unhealthy, v1alpha1.ReasonAppUnhealthy
	case serving < want || c.Health != v1alpha1.Healthy:
		c.Health, c.Reason = v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy
	}
	c.Summary = summary(facts, serving, want)
	return c
}

func judge(app v1alpha1.AppSpec, f PodFacts) health.Member {
	m := health.Member{Component: app.Name, Name: f.Pod, Role: "app", Health: v1alpha1.Healthy}
	switch down := down(f); {
	case f.Waiting != "":
		m.Health, m.Message = v1alpha1.Unhealthy, f.Waiting
	case f.Err != "":
		m.Health, m.Message = v1alpha1.Unhealthy, f.Err
	case f.Code != 200:
		m.Health, m.Message = v1alpha1.Unhealthy, strings.TrimSpace(fmt.Sprintf("%s answers %d %s", app.Health.Path, f.Code, strings.Join(down, ", ")))
	case len(down) > 0:
		m.Health, m.Message = v1alpha1.Degraded, strings.Join(down, ", ")
	case f.Duration >= SlowAnswer:
		m.Health, m.Message = v1alpha1.Degraded, fmt.Sprintf("answers in %.1fs", f.Duration.Seconds())
	case !f.Ready:
		m.Health, m.Message = v1alpha1.Degraded, "is not ready yet"
	}
	return m
}

// down lists the dependencies that the app itself finds down.
func down(f PodFacts) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(f.Dependencies)) {
		if status := f.Dependencies[name]; status != "" && status != "UP" && status != "UNKNOWN" {
			list = append(list, name+"="+status)
		}
	}
	return list
}

func summary(facts []PodFacts, serving, want int) string {
	var parts []string
	if serving == want && want > 0 {
		parts = append(parts, "UP")
	} else {
		parts = append(parts, fmt.Sprintf("%d/%d serving", serving, want))
	}
	var slowest time.Duration
	dependencies := map[string]string{}
	for _, f := range facts {
		slowest = max(slowest, f.Duration)
		for name, status := range f.Dependencies {
			if name == "db" || name == "redis" || name == "database" || name == "cache" || name == "backend" {
				dependencies[name] = status
			}
		}
	}
	if len(dependencies) > 0 {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(dependencies)) {
			list = append(list, name+"="+dependencies[name])
		}
		parts = append(parts, "dependencies: "+strings.Join(list, ", "))
	}
	if slowest > 0 {
		parts = append(parts, fmt.Sprintf("response time: %.2fs", slowest.Seconds()))
	}
	return strings.Join(parts, ", ")
}

func title(name string) string {
	return strings.ToUpper(name[:1]) + name[1:] + " Service"
}
