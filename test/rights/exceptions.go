package rights

// Exceptions are the accounts whose rights are judged, with the rights that a test
// run does not use and the reasons why they are granted all the same. One that was
// used after all has no place here.
func Exceptions() map[Account][]Exception {
	return map[Account][]Exception{
		{"pawskind-system", "pawskind-manager"}: {
			{Right{"pawskind-system", "coordination.k8s.io", "leases", "", "create"}, leaderElection},
			{Right{"pawskind-system", "coordination.k8s.io", "leases", "manager.paws360.io", "get"}, leaderElection},
			{Right{"pawskind-system", "coordination.k8s.io", "leases", "manager.paws360.io", "update"}, leaderElection},
			{Right{"", "authentication.k8s.io", "tokenreviews", "", "create"}, metrics},
			{Right{"", "authorization.k8s.io", "subjectaccessreviews", "", "create"}, metrics},
		},
		{"pawskind-agent", "pawskind-agent"}: nil,
	}
}

const (
	leaderElection = "a local cluster has one manager, which elects nobody; config/default has it elect"
	metrics        = "asked when somebody reads the metrics, which no pod of a local cluster does"
)
