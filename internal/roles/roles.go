// Package roles knows how the members of a replicated database keep their own
// role label, which the Services of a role select by.
package roles

import (
	_ "embed"

	"k8s.io/apimachinery/pkg/runtime"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

// ScriptName is the file name under which Script is mounted.
const ScriptName = "set-role.sh"

// Script gives a pod its role label: `set-role.sh COMPONENT POD ROLE LEADING
// [SECONDS]`. It needs sh, curl, POD_NAMESPACE and the token of
// naming.RoleServiceAccount.
//
//go:embed set-role.sh
var Script string

// Objects let the members patch the pods of their namespace: the service
// account that they run as, and what it may do.
func Objects(env *v1alpha1.PawsEnvironment) []runtime.ApplyConfiguration {
	name, namespace := naming.RoleServiceAccount, env.Namespace
	labels := naming.Labels(env, "members")
	return []runtime.ApplyConfiguration{
		coreac.ServiceAccount(name, namespace).
			WithLabels(labels).
			WithOwnerReferences(pods.Owner(env)),
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
