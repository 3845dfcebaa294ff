package rights

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var operator = Account{"system", "operator"}

func subjects() []rbacv1.Subject {
	return []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: operator.Namespace, Name: operator.Name}}
}

// rules give the operator a cluster role, a role at home, and somebody else more.
func rules(cluster, home []rbacv1.PolicyRule) Rules {
	return Rules{
		ClusterRoles:    []rbacv1.ClusterRole{{ObjectMeta: metav1.ObjectMeta{Name: "operator"}, Rules: cluster}, {ObjectMeta: metav1.ObjectMeta{Name: "admin"}, Rules: rule("", "secrets", "", "delete")}},
		Roles:           []rbacv1.Role{{ObjectMeta: metav1.ObjectMeta{Name: "operator", Namespace: "system"}, Rules: home}},
		Bindings:        []rbacv1.RoleBinding{{ObjectMeta: metav1.ObjectMeta{Namespace: "system"}, Subjects: subjects(), RoleRef: rbacv1.RoleRef{Kind: "Role", Name: "operator"}}},
		ClusterBindings: []rbacv1.ClusterRoleBinding{{Subjects: subjects(), RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "operator"}}, {Subjects: []rbacv1.Subject{{Kind: "Group", Name: "admins"}}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "admin"}}},
	}
}

func rule(group, resource, name string, verbs ...string) []rbacv1.PolicyRule {
	r := rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
	if name != "" {
		r.ResourceNames = []string{name}
	}
	return []rbacv1.PolicyRule{r}
}

func TestGrantedIsWhatBindingsNameTheAccountFor(t *testing.T) {
	require.Equal(t, []Right{
		{"", "", "pods", "", "list"}, {"system", "", "secrets", "token", "get"},
	}, rules(rule("", "pods", "", "list"), rule("", "secrets", "token", "get")).Granted(operator))
}

const audit = `{"verb":"patch","user":{"username":"system:serviceaccount:system:operator"},"objectRef":{"resource":"services","namespace":"a","name":"x"},"responseStatus":{"code":201},"annotations":{"authorization.k8s.io/decision":"allow"}}
{"verb":"get","user":{"username":"system:serviceaccount:system:operator"},"responseStatus":{"code":200}}
{"verb":"patch","user":{"username":"system:serviceaccount:system:operator"},"objectRef":{"resource":"envs","subresource":"status","apiGroup":"paws360.io","namespace":"a","name":"x"},"responseStatus":{"code":200}}
{"verb":"delete","user":{"username":"system:serviceaccount:system:operator"},"objectRef":{"resource":"nodes","name":"n"},"responseStatus":{"code":403},"annotations":{"authorization.k8s.io/decision":"forbid"}}
{"verb":"list","user":{"username":"admin"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}
`

func TestTheLogTellsWhatWasDoneAndDenied(t *testing.T) {
	log, err := ReadLog(strings.NewReader(audit), operator)
	require.NoError(t, err)
	require.Equal(t, []Right{
		{"a", "", "services", "x", "create"}, {"a", "", "services", "x", "patch"}, {"a", "paws360.io", "envs/status", "x", "patch"},
	}, log.Used, "what is applied and was not there is made, too")
	require.Equal(t, []Right{{"", "", "nodes", "n", "delete"}}, log.Denied)
}

func TestRolesMayGoBeforeThePodsOfANamespaceThatIsDeleted(t *testing.T) {
	const (
		denied = `{"verb":"patch","user":{"username":"system:serviceaccount:system:operator"},"objectRef":{"resource":"pods","namespace":"system","name":"x"},"responseStatus":{"code":403},"annotations":{"authorization.k8s.io/decision":"forbid"}}`
		system = `{"verb":"delete","user":{"username":"admin"},"objectRef":{"resource":"namespaces","namespace":"system","name":"system"},"responseStatus":{"code":200}}`
	)
	for name, c := range map[string]struct {
		log  []string
		want []Right
	}{
		"denied before":                    {[]string{denied, system}, []Right{{"system", "", "pods", "x", "patch"}}},
		"denied afterwards":                {[]string{system, denied}, nil},
		"another namespace is deleted":     {[]string{strings.ReplaceAll(system, `"system"`, `"other"`), denied}, []Right{{"system", "", "pods", "x", "patch"}}},
		"the deletion itself was not done": {[]string{strings.ReplaceAll(system, "200", "403"), denied}, []Right{{"system", "", "pods", "x", "patch"}}},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := ReadLog(strings.NewReader(strings.Join(c.log, "\n")), operator)
			require.NoError(t, err)
			require.Equal(t, c.want, log.Denied)
		})
	}
}

func TestJudge(t *testing.T) {
	list, listAtHome := Right{"", "", "pods", "", "list"}, Right{"system", "", "pods", "", "list"}
	get := Right{"", "", "secrets", "token", "get"}
	elsewhere := Right{"a", "", "pods", "", "list"}
	for name, c := range map[string]struct {
		granted    []Right
		log        Log
		exceptions []Exception
		want       []string
	}{
		"what is granted is used":         {[]Right{list}, Log{Used: []Right{elsewhere}}, nil, nil},
		"never used":                      {[]Right{list, get}, Log{Used: []Right{elsewhere}}, nil, []string{"granted and never used: get secrets token"}},
		"seldom used, with a reason":      {[]Right{get}, Log{}, []Exception{{get, "once a year"}}, nil},
		"an exception that is used":       {[]Right{get}, Log{Used: []Right{{"a", "", "secrets", "token", "get"}}}, []Exception{{get, "once a year"}}, []string{`used, though it is an exception because "once a year": get secrets token`}},
		"an exception that nobody grants": {nil, Log{}, []Exception{{get, "once a year"}}, []string{"an exception that is not granted: get secrets token"}},
		"wider than needed":               {[]Right{list}, Log{Used: []Right{listAtHome}}, nil, []string{"granted in every namespace, and used in system alone: list pods"}},
		"a wildcard":                      {[]Right{{"", "", "*", "", "list"}}, Log{Used: []Right{elsewhere}}, nil, []string{"a wildcard: list *"}},
		"wanted in vain":                  {nil, Log{Denied: []Right{get}}, nil, []string{"wanted and not granted: get secrets token"}},
		"by another's right":              {nil, Log{Used: []Right{elsewhere}}, nil, []string{"done by a right that another binding gives: list pods in a"}},
		"another object than the named":   {[]Right{get}, Log{Used: []Right{{"a", "", "secrets", "other", "get"}}}, []Exception{{get, "seldom"}}, []string{"done by a right that another binding gives: get secrets other in a"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, Judge(c.granted, c.log, c.exceptions, "system"))
		})
	}
}
