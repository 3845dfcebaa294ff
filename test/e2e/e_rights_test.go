package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/test/rights"
)

// The operator and the agent may do what they did while everything above was
// tested, and no more.
func TestRightsAreThoseThatAreUsed(t *testing.T) {
	onlyWhenJudged(t)
	granted := rightsOfCluster(t)
	log := onNode(t, "cat", cluster.AuditLog)
	for account, exceptions := range rights.Exceptions() {
		t.Run(account.Name, func(t *testing.T) {
			did, err := rights.ReadLog(strings.NewReader(log), account)
			require.NoError(t, err)
			require.NotEmpty(t, did.Used, "the audit log tells nothing of %s", account.User())
			require.Empty(t, rights.Judge(granted.Granted(account), did, exceptions, account.Namespace))
		})
	}
}

// No other account of pawskind or of an environment does what its own rights do
// not give it.
func TestNobodyElseAsksTheAPI(t *testing.T) {
	onlyWhenJudged(t)
	granted := rightsOfCluster(t)
	log := onNode(t, "cat", cluster.AuditLog)
	users, err := rights.Accounts(strings.NewReader(log))
	require.NoError(t, err)
	known := rights.Exceptions()
	for _, user := range users {
		parts := strings.Split(user, ":")
		if len(parts) != 4 || parts[1] != "serviceaccount" {
			continue
		}
		account := rights.Account{Namespace: parts[2], Name: parts[3]}
		if _, judged := known[account]; judged {
			continue
		}
		did, err := rights.ReadLog(strings.NewReader(log), account)
		require.NoError(t, err)
		require.Empty(t, did.Denied, user)
		if out, err := tryKubectl(t, "get", "namespace", account.Namespace); err != nil {
			require.Contains(t, out, "NotFound", account.Namespace)
			continue // its roles went with it
		}
		require.NotEmpty(t, granted.Granted(account), "%s has no rights and asked for %v", user, did)
	}
}

func rightsOfCluster(t *testing.T) rights.Rules {
	t.Helper()
	var rules rights.Rules
	read := func(kind string, items any) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(kubectl(t, "get", kind, "--all-namespaces", "-o", "json")), items), kind)
	}
	var clusterRoles rbacv1.ClusterRoleList
	var roles rbacv1.RoleList
	var clusterBindings rbacv1.ClusterRoleBindingList
	var bindings rbacv1.RoleBindingList
	read("clusterroles", &clusterRoles)
	read("roles", &roles)
	read("clusterrolebindings", &clusterBindings)
	read("rolebindings", &bindings)
	rules.ClusterRoles, rules.Roles, rules.ClusterBindings, rules.Bindings = clusterRoles.Items, roles.Items, clusterBindings.Items, bindings.Items
	return rules
}
