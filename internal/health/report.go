// Package health holds the form in which verdicts are told. The verdicts
// themselves are given by the package of each technology; status conditions,
// the query API and the CLI show them from here, so nothing is judged twice.
package health

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// Member is the verdict on one server or app pod.
type Member struct {
	Component string          `json:"component"`
	Name      string          `json:"name"`
	Role      string          `json:"role,omitempty"`
	Health    v1alpha1.Health `json:"health"`
	// LagSeconds is how far a replica's replay is behind; nil when it has no meaning.
	LagSeconds *float64 `json:"lagSeconds,omitempty"`
	Message    string   `json:"message,omitempty"`
}

// Component is the verdict on one component, with those on its members.
type Component struct {
	Name string `json:"name"`
	// Title is the component's name for people, such as "etcd Cluster".
	Title  string          `json:"title"`
	Health v1alpha1.Health `json:"health"`
	// Reason is a condition reason of package v1alpha1.
	Reason string `json:"reason"`
	// Summary is one line of facts, such as "3/3 healthy, quorum OK, size: 45 MB".
	Summary string   `json:"summary"`
	Members []Member `json:"members"`
}

// Report is one look at a whole environment.
type Report struct {
	Environment string          `json:"environment"`
	Namespace   string          `json:"namespace"`
	Time        time.Time       `json:"time"`
	Overall     v1alpha1.Health `json:"overall"`
	// Synchronous tells whether commits reach a standby before they are acknowledged.
	Synchronous Synchronous `json:"synchronousReplication"`
	// Isolation tells whether the cluster's network enforces policies.
	Isolation Isolation `json:"networkIsolation"`
	// Leader and RedisMaster are member names; empty when there is none.
	Leader      string      `json:"leader,omitempty"`
	RedisMaster string      `json:"redisMaster,omitempty"`
	Components  []Component `json:"components"`
	// DurationSeconds is how long the look took.
	DurationSeconds float64 `json:"durationSeconds"`
}

// Synchronous is the verdict on synchronous replication.
type Synchronous struct {
	Active  bool   `json:"active"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Waiting are standbys that stream, and on which the leader does not count yet:
	// a successor of a leader that dies now may have to wait for its return.
	Waiting []string `json:"waiting,omitempty"`
}

// Isolation is the verdict on the network: whether what no NetworkPolicy allows
// is kept apart. It says nothing of anybody's health.
type Isolation struct {
	// Enforced is Unknown while it cannot be tried.
	Enforced metav1.ConditionStatus `json:"enforced"`
	Reason   string                 `json:"reason"`
	Message  string                 `json:"message"`
}

// Worst is the worst of the verdicts: Unhealthy, then Unknown, then Degraded.
// Of none it is Healthy.
func Worst(verdicts ...v1alpha1.Health) v1alpha1.Health {
	rank := map[v1alpha1.Health]int{
		v1alpha1.Healthy: 0, v1alpha1.Degraded: 1, v1alpha1.Unknown: 2, v1alpha1.Unhealthy: 3,
	}
	worst := v1alpha1.Healthy
	for _, v := range verdicts {
		if v != "" && rank[v] > rank[worst] {
			worst = v
		}
	}
	return worst
}

// Healthy counts the members that are healthy, and all of them.
func (r *Report) Healthy() (healthy, all int) {
	for _, c := range r.Components {
		for _, m := range c.Members {
			all++
			if m.Health == v1alpha1.Healthy {
				healthy++
			}
		}
	}
	return healthy, all
}

// LagClass is the class under which a replication lag in seconds is judged
// (addendum §5: below 1 s is well, 5 s and more is not).
func LagClass(seconds float64) string {
	switch {
	case seconds < 1:
		return "<1s"
	case seconds < 5:
		return "<5s"
	default:
		return ">=5s"
	}
}
