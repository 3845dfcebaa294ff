package isolation

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
)

// Verdict tells whether the network enforces policies. answers says that the
// member which was tried answers at the port that is allowed: only then does
// silence at the other one mean a network that refuses.
func Verdict(f Facts, answers bool) health.Isolation {
	switch {
	case f.Reached:
		return health.Isolation{
			Enforced: metav1.ConditionFalse, Reason: v1alpha1.ReasonPoliciesNotEnforced,
			Message: "the cluster's network enforces no NetworkPolicy: every pod reaches every port, and TLS and passwords are what is left",
		}
	case f.Tried && answers:
		return health.Isolation{
			Enforced: metav1.ConditionTrue, Reason: v1alpha1.ReasonPoliciesEnforced,
			Message: "the cluster's network refuses what no policy allows",
		}
	}
	return health.Isolation{
		Enforced: metav1.ConditionUnknown, Reason: v1alpha1.ReasonProbing,
		Message: "whether the cluster's network enforces policies was not tried yet",
	}
}
