// Package rights compares what an account of the cluster may do with what it did,
// by the API server's audit log.
package rights

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Account is a ServiceAccount.
type Account struct{ Namespace, Name string }

// User is the account's name at the API server.
func (a Account) User() string { return "system:serviceaccount:" + a.Namespace + ":" + a.Name }

// Right is one verb on one kind of object.
type Right struct {
	// Namespace is empty for all of them, and for objects that have none.
	Namespace string
	Group     string
	// Resource has a subresource behind a slash.
	Resource string
	// Name is empty for every object.
	Name string
	Verb string
}

func (r Right) String() string {
	text := r.Verb + " " + r.Resource
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Name != "" {
		text += " " + r.Name
	}
	if r.Namespace != "" {
		text += " in " + r.Namespace
	}
	return text
}

// covers tells whether somebody with this right may do what the other names.
func (r Right) covers(used Right) bool {
	return (r.Namespace == "" || r.Namespace == used.Namespace) &&
		matches(r.Group, used.Group) && matches(r.Resource, used.Resource) && matches(r.Verb, used.Verb) &&
		(r.Name == "" || r.Name == used.Name)
}

func matches(granted, used string) bool { return granted == "*" || granted == used }

// Rules are all roles and bindings of a cluster.
type Rules struct {
	Roles           []rbacv1.Role
	ClusterRoles    []rbacv1.ClusterRole
	Bindings        []rbacv1.RoleBinding
	ClusterBindings []rbacv1.ClusterRoleBinding
}

// Granted are the rights that bindings give to the account by its name. What every
// account has, such as asking the API server what it serves, is not among them.
func (r Rules) Granted(account Account) []Right {
	var rights []Right
	for _, binding := range r.ClusterBindings {
		if account.among(binding.Subjects, "") {
			rights = append(rights, expand(r.rules(binding.RoleRef, ""), "")...)
		}
	}
	for _, binding := range r.Bindings {
		if account.among(binding.Subjects, binding.Namespace) {
			rights = append(rights, expand(r.rules(binding.RoleRef, binding.Namespace), binding.Namespace)...)
		}
	}
	return sorted(rights)
}

func (a Account) among(subjects []rbacv1.Subject, namespace string) bool {
	return slices.ContainsFunc(subjects, func(s rbacv1.Subject) bool {
		return s.Kind == rbacv1.ServiceAccountKind && s.Name == a.Name && cmp.Or(s.Namespace, namespace) == a.Namespace
	})
}

func (r Rules) rules(ref rbacv1.RoleRef, namespace string) []rbacv1.PolicyRule {
	if ref.Kind == "ClusterRole" {
		if i := slices.IndexFunc(r.ClusterRoles, func(c rbacv1.ClusterRole) bool { return c.Name == ref.Name }); i >= 0 {
			return r.ClusterRoles[i].Rules
		}
		return nil
	}
	if i := slices.IndexFunc(r.Roles, func(role rbacv1.Role) bool { return role.Name == ref.Name && role.Namespace == namespace }); i >= 0 {
		return r.Roles[i].Rules
	}
	return nil
}

func expand(rules []rbacv1.PolicyRule, namespace string) []Right {
	var rights []Right
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						rights = append(rights, Right{namespace, group, resource, name, verb})
					}
				}
			}
		}
		for _, url := range rule.NonResourceURLs {
			for _, verb := range rule.Verbs {
				rights = append(rights, Right{Resource: url, Verb: verb})
			}
		}
	}
	return rights
}

func sorted(rights []Right) []Right {
	slices.SortFunc(rights, func(a, b Right) int { return strings.Compare(a.key(), b.key()) })
	return slices.Compact(rights)
}

func (r Right) key() string {
	return strings.Join([]string{r.Group, r.Resource, r.Name, r.Verb, r.Namespace}, "\x00")
}

// Exception is a right that is used too seldom for a test run to see.
type Exception struct {
	Right
	Why string
}

// Judge says what is wrong with an account's rights, in sentences; nothing when
// they are what it used. Home is the account's own namespace.
func Judge(granted []Right, log Log, exceptions []Exception, home string) []string {
	var wrong []string
	tell := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, right := range granted {
		if right.Group == "*" || right.Resource == "*" || right.Verb == "*" {
			tell("a wildcard: %s", right)
		}
		uses := log.of(right)
		exception := slices.IndexFunc(exceptions, func(e Exception) bool { return e.Right == right })
		switch {
		case len(uses) == 0 && exception < 0:
			tell("granted and never used: %s", right)
		case len(uses) > 0 && exception >= 0:
			tell("used, though it is an exception because %q: %s", exceptions[exception].Why, right)
		case len(uses) > 0 && right.Namespace == "" && !slices.ContainsFunc(uses, func(u Right) bool { return u.Namespace != home }):
			tell("granted in every namespace, and used in %s alone: %s", home, right)
		}
	}
	for _, e := range exceptions {
		if !slices.Contains(granted, e.Right) {
			tell("an exception that is not granted: %s", e.Right)
		}
	}
	for _, denied := range log.Denied {
		tell("wanted and not granted: %s", denied)
	}
	for _, used := range log.Used {
		if !slices.ContainsFunc(granted, func(r Right) bool { return r.covers(used) }) {
			tell("done by a right that another binding gives: %s", used)
		}
	}
	return wrong
}
