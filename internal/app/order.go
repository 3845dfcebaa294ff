package app

import (
	"slices"
	"strings"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// Cycle is a circle of apps that depend on each other, as "a → b → a"; empty
// when there is none.
func Cycle(apps []v1alpha1.AppSpec) string {
	needs := map[string][]string{}
	for _, a := range apps {
		needs[a.Name] = a.DependsOn
	}
	done := map[string]bool{}
	var path []string
	var visit func(name string) string
	visit = func(name string) string {
		if at := slices.Index(path, name); at >= 0 {
			return strings.Join(append(slices.Clone(path[at:]), name), " → ")
		}
		if done[name] {
			return ""
		}
		path = append(path, name)
		for _, next := range needs[name] {
			if circle := visit(next); circle != "" {
				return circle
			}
		}
		path = path[:len(path)-1]
		done[name] = true
		return ""
	}
	for _, a := range apps {
		if circle := visit(a.Name); circle != "" {
			return circle
		}
	}
	return ""
}

// Missing are the dependencies of the app that are not ready.
func Missing(app v1alpha1.AppSpec, ready func(name string) bool) []string {
	var missing []string
	for _, dependency := range app.DependsOn {
		if !ready(dependency) {
			missing = append(missing, dependency)
		}
	}
	return missing
}
