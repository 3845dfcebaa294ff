package rights

// Exceptions are the accounts whose rights are judged, with the rights that a test
// run does not use and the reasons why they are granted all the same. One that was
// used after all has no place here.
func Exceptions() map[Account][]Exception {
	manager := []Exception{
		{Right{"pawskind-system", "coordination.k8s.io", "leases", "", "create"}, leaderElection},
		{Right{"pawskind-system", "coordination.k8s.io", "leases", "manager.paws360.io", "get"}, leaderElection},
		{Right{"pawskind-system", "coordination.k8s.io", "leases", "manager.paws360.io", "update"}, leaderElection},
		{Right{"pawskind-system", "", "events", "", "create"}, leaderElection},
		{Right{"pawskind-system", "", "events", "", "patch"}, leaderElection},
		{Right{"", "authentication.k8s.io", "tokenreviews", "", "create"}, metrics},
		{Right{"", "authorization.k8s.io", "subjectaccessreviews", "", "create"}, metrics},
	}
	for group, resources := range map[string][]string{
		"":                          {"configmaps", "pods", "serviceaccounts", "services"},
		"apps":                      {"deployments", "statefulsets"},
		"networking.k8s.io":         {"networkpolicies"},
		"paws360.io":                {"pawsenvironments"},
		"policy":                    {"poddisruptionbudgets"},
		"rbac.authorization.k8s.io": {"roles", "rolebindings"},
	} {
		for _, resource := range resources {
			manager = append(manager, Exception{Right{"", group, resource, "", "list"}, listing})
		}
	}
	return map[Account][]Exception{
		{"pawskind-system", "pawskind-manager"}: manager,
		{"pawskind-agent", "pawskind-agent"}:    {{Right{"", "paws360.io", "pawsenvironments", "", "list"}, listing}},
	}
}

const (
	leaderElection = "a local cluster has one manager, which elects nobody; config/default has it elect"
	metrics        = "asked when somebody reads the metrics, which no pod of a local cluster does"
	// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists.
	listing = "whom client-go watches it has streamed; an API server that cannot stream a list is asked for it"
)
