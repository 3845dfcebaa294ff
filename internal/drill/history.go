// Package drill breaks an environment on purpose while clients write to it, and
// judges what came of it: how long writes were gone, and whether anything that
// was acknowledged is missing. Histories are judged as Jepsen does it: an
// operation is acknowledged, failed, or unknown, and only the first two are
// promises.
package drill

import "time"

// Outcome is what a client knows of its operation.
type Outcome string

const (
	// Acknowledged: the server said that it is done.
	Acknowledged Outcome = "acknowledged"
	// Failed: the server said, or it is certain, that it was not done.
	Failed Outcome = "failed"
	// Uncertain: the connection broke or timed out; it may be done or not.
	Uncertain Outcome = "unknown"
)

// Systems that clients write to.
const (
	Postgres = "postgres"
	Redis    = "redis"
	Etcd     = "etcd"
	// App is the backend over HTTP; its requests are counted and not checked.
	App = "app"
)

// Operation kinds.
const (
	Write = "write"
	Read  = "read"
)

// Operation is one request of one client. Times are since the run began.
type Operation struct {
	System string `json:"system"`
	// Route is how the client finds the server, such as "multi-host URL".
	Route string `json:"route"`
	// Client is unique in a run. A client has one operation at a time.
	Client string `json:"client"`
	Kind   string `json:"kind"`
	// Value is what a write adds: unique per client, rising. Of an acknowledged
	// read it is the highest value of this client that the server knew.
	Value   int64         `json:"value"`
	Start   time.Duration `json:"start"`
	End     time.Duration `json:"end"`
	Outcome Outcome       `json:"outcome"`
	// Server is the member that answered, where the client can tell.
	Server string `json:"server,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Register is one operation on a single shared register, whose history is
// checked for linearizability. Writes are of values unique in the run.
type Register struct {
	System  string        `json:"system"`
	Client  int           `json:"client"`
	Kind    string        `json:"kind"`
	Value   int64         `json:"value"`
	Start   time.Duration `json:"start"`
	End     time.Duration `json:"end"`
	Outcome Outcome       `json:"outcome"`
}

// Row is one value of one client as a final read found it, with how often.
type Row struct {
	Client string `json:"client"`
	Value  int64  `json:"value"`
	Count  int    `json:"count"`
}

// Final is what one member has after healing, when all members should be level.
type Final struct {
	System string `json:"system"`
	Member string `json:"member"`
	// Authority is set for the member whose rows count: the leader.
	Authority bool   `json:"authority"`
	Rows      []Row  `json:"-"`
	Error     string `json:"error,omitempty"`
}

// Sample is one look at one member during a run, by asking it directly.
type Sample struct {
	At     time.Duration `json:"at"`
	System string        `json:"system"`
	Member string        `json:"member"`
	// Role is leader, replica, or "" when the member did not answer.
	Role string `json:"role"`
	// Writable: the member would take a write at this moment.
	Writable bool `json:"writable"`
	// Term is the raft term in which a member of etcd leads; 0 where none is known.
	Term int64 `json:"term,omitempty"`
	// LagBytes is how far a replica's replay is behind; negative when unknown.
	LagBytes int64 `json:"lagBytes"`
	// Lease is what is left of the leader's lease in etcd; negative when there
	// is no leader key. Only samples of PostgreSQL's leader have it.
	Lease time.Duration `json:"lease,omitempty"`
}

// Run is everything that was seen in one run of a scenario.
type Run struct {
	Scenario string    `json:"scenario"`
	Number   int       `json:"number"`
	Began    time.Time `json:"began"`
	// System is the one whose failover the run is about.
	System string `json:"system"`
	// Target is the member that the fault was done to.
	Target string `json:"target"`
	// Planned events lose nothing in any system.
	Planned bool `json:"planned"`
	// Injected and Healed are when the fault began and ended; Converged is when
	// all members were level and well again; 0 when that did not happen.
	Injected  time.Duration `json:"injected"`
	Healed    time.Duration `json:"healed"`
	Converged time.Duration `json:"converged"`
	Ended     time.Duration `json:"ended"`

	Operations []Operation `json:"-"`
	Registers  []Register  `json:"-"`
	Samples    []Sample    `json:"-"`
	Finals     []Final     `json:"finals"`
	// Conditions and Pods are what the environment's were found to be, in order.
	Conditions []Condition `json:"conditions,omitempty"`
	Pods       []Pod       `json:"pods,omitempty"`
	// NodesRestarted: the fault itself stops and starts every container.
	NodesRestarted bool `json:"nodesRestarted,omitempty"`
	// Errors are failures of the drill itself, which make its verdict void.
	Errors []string `json:"errors,omitempty"`
}
