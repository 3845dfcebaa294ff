// Package podsecurity judges pods by Pod Security's level restricted, with the
// very rules of the API server, and by what pawskind asks besides: a read-only
// root file system, limits, and a token only for who uses it.
package podsecurity

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// Violations are the rules that the pod breaks, for people. Only pods of the
// given service accounts may have a token mounted.
func Violations(meta *metav1.ObjectMeta, spec *corev1.PodSpec, accounts ...string) ([]string, error) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return nil, fmt.Errorf("setting up the rules of Pod Security: %w", err)
	}
	var broken []string
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	if result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, meta, spec)); !result.Allowed {
		broken = append(broken, result.ForbiddenDetail())
	}
	if mounts := spec.AutomountServiceAccountToken; (mounts == nil || *mounts) && !slices.Contains(accounts, spec.ServiceAccountName) {
		broken = append(broken, "a service account token is mounted that is not used")
	}
	containers := slices.Concat(spec.InitContainers, spec.Containers)
	for i := range containers {
		broken = append(broken, containerViolations(&containers[i])...)
	}
	return broken, nil
}

func containerViolations(c *corev1.Container) []string {
	var broken []string
	tell := func(rule string) { broken = append(broken, fmt.Sprintf("container %s %s", c.Name, rule)) }
	if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
		tell("can write to its root file system")
	}
	if c.SecurityContext != nil && c.SecurityContext.Capabilities != nil && len(c.SecurityContext.Capabilities.Add) > 0 {
		tell("adds capabilities")
	}
	if c.Resources.Limits.Memory().IsZero() {
		tell("has no memory limit")
	}
	return broken
}
