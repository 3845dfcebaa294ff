// Package roles knows how the members of a replicated database keep their own
// role label, which the Services of a role select by.
package roles

import (
	_ "embed"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

// ScriptName is the file name under which Script is mounted.
const ScriptName = "label.sh"

// Script writes the pod's role to its role label: `label.sh ROLE`. It needs
// bash, curl, the variables of Env and the token of naming.RoleServiceAccount.
//
//go:embed label.sh
var Script string

// Objects let the members patch the pods of their namespace: the service
// account that they run as, and what it may do.
func Objects(env *v1alpha1.PawsEnvironment) []runtime.ApplyConfiguration {
	name, namespace := naming.RoleServiceAccount, env.Namespace
	labels := naming.Labels(env, "members")
	return []runtime.ApplyConfiguration{
		coreac.ServiceAccount(name, namespace).
			WithLabels(labels).
			WithOwnerReferences(pods.Owner(env)).
			WithAutomountServiceAccountToken(false),
		rbacac.Role(name, namespace).
			WithLabels(labels).
			WithOwnerReferences(pods.Owner(env)).
			WithRules(rbacac.PolicyRule().WithAPIGroups("").WithResources("pods").WithVerbs("list", "patch")),
		rbacac.RoleBinding(name, namespace).
			WithLabels(labels).
			WithOwnerReferences(pods.Owner(env)).
			WithRoleRef(rbacac.RoleRef().WithAPIGroup("rbac.authorization.k8s.io").WithKind("Role").WithName(name)).
			WithSubjects(rbacac.Subject().WithKind("ServiceAccount").WithName(name).WithNamespace(namespace)),
	}
}

// Env are the variables that Script reads.
func Env(env *v1alpha1.PawsEnvironment, component string) []*coreac.EnvVarApplyConfiguration {
	return []*coreac.EnvVarApplyConfiguration{
		pods.FieldEnv("POD_NAME", "metadata.name"),
		pods.FieldEnv("POD_NAMESPACE", "metadata.namespace"),
		coreac.EnvVar().WithName("ROLE_LABEL").WithValue(naming.LabelRole),
		coreac.EnvVar().WithName("ROLE_SELECTOR").WithValue(selector(env, component)),
	}
}

func selector(env *v1alpha1.PawsEnvironment, component string) string {
	labels := naming.Selector(env, component)
	terms := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		terms = append(terms, key+"="+labels[key])
	}
	return strings.Join(terms, ",")
}
