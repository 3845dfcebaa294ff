package patroni

import (
	"encoding/json"
	"fmt"
	"time"
)

// Standby is one replication connection as the leader's PostgreSQL sees it.
type Standby struct {
	Name string
	// State is streaming, catchup, backup, ...
	State string
	// SyncState is quorum, sync, potential or async.
	SyncState string
	// LagSeconds is replay_lag: how long the leader's last commits took to be
	// replayed; nil when PostgreSQL was not asked.
	LagSeconds *float64
	// Flushed is how far it has the WAL for good; 0 when PostgreSQL was not asked.
	Flushed int64
	// SilentSeconds is for how long it has lacked WAL that the leader has.
	SilentSeconds float64 `db:"-"`
}

// silence is for how many seconds a standby may lack WAL before commits are held
// to wait for it. One that is well answers as soon as it has written it.
// Source: PostgreSQL, "Streaming Replication Protocol", standby status update.
const silence = 2.0

// Silent tells whether a standby keeps commits waiting: its connection may well
// last for wal_sender_timeout after its host is gone.
func (s Standby) Silent() bool { return s.SilentSeconds > silence }

// Acknowledges tells whether commits count on the standby.
// Source: PostgreSQL, "pg_stat_replication", column sync_state.
func (s Standby) Acknowledges() bool { return s.SyncState == "quorum" || s.SyncState == "sync" }

// MemberFacts is what one member's Patroni, and the leader's PostgreSQL, answered.
type MemberFacts struct {
	Name string
	// Err is why the member could not be asked; empty when it answered.
	Err string
	// State is PostgreSQL's: running, starting, stopped, creating replica, ...
	State string
	// Role is primary, replica, demoted or uninitialized.
	Role     string
	Timeline int64
	// Location is how far the WAL is: flushed on the primary, replayed on a replica.
	Location int64
	// ReplicationState is a replica's: streaming, or empty.
	ReplicationState string
	ReplayPaused     bool
	// Paused is set while Patroni is paused: nobody fails over.
	Paused bool
	// Unlocked is set when no member holds the leader lock in etcd.
	Unlocked bool
	// DCSLastSeen is when the member last reached etcd; zero when it does not say.
	DCSLastSeen time.Time
	// Secrets is the serial of the credentials that the member has taken up.
	Secrets string
	// PendingRestart is set when a changed setting waits for PostgreSQL's restart.
	PendingRestart bool
	ServerVersion  int
	// Standbys are the replication connections of a primary.
	Standbys []Standby
	// SQLErr is why the primary's PostgreSQL could not be asked.
	SQLErr string
	// LagSeconds is how far a replica's replay is behind; nil when it has no meaning.
	LagSeconds *float64
}

// Leads tells whether the member's PostgreSQL takes writes.
func (m MemberFacts) Leads() bool { return m.Role == "primary" && m.State == "running" }

// Facts is one look at all members.
type Facts struct {
	Time    time.Time
	Members []MemberFacts
}

// Member finds the facts of the member of that name.
func (f Facts) Member(name string) (MemberFacts, bool) {
	for _, m := range f.Members {
		if m.Name == name {
			return m, true
		}
	}
	return MemberFacts{}, false
}

// Leaders are the members that take writes; one, when all is well.
func (f Facts) Leaders() []MemberFacts {
	var leaders []MemberFacts
	for _, m := range f.Members {
		if m.Leads() {
			leaders = append(leaders, m)
		}
	}
	return leaders
}

// answer is Patroni's to GET /patroni (Patroni documentation, "REST API").
type answer struct {
	State            string `json:"state"`
	Role             string `json:"role"`
	Timeline         int64  `json:"timeline"`
	ServerVersion    int    `json:"server_version"`
	ReplicationState string `json:"replication_state"`
	Xlog             struct {
		Location         int64 `json:"location"`
		ReplayedLocation int64 `json:"replayed_location"`
		Paused           bool  `json:"paused"`
	} `json:"xlog"`
	Replication []struct {
		ApplicationName string `json:"application_name"`
		State           string `json:"state"`
		SyncState       string `json:"sync_state"`
	} `json:"replication"`
	Pause           bool  `json:"pause"`
	ClusterUnlocked bool  `json:"cluster_unlocked"`
	PendingRestart  bool  `json:"pending_restart"`
	DCSLastSeen     int64 `json:"dcs_last_seen"`
	Tags            struct {
		Secrets string `json:"secrets"`
	} `json:"tags"`
}

func parse(name string, data []byte) (MemberFacts, error) {
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return MemberFacts{}, fmt.Errorf("its answer is no JSON: %w", err)
	}
	m := MemberFacts{
		Name: name, State: a.State, Role: a.Role, Timeline: a.Timeline,
		Location: a.Xlog.Location, ReplayPaused: a.Xlog.Paused,
		ReplicationState: a.ReplicationState, ServerVersion: a.ServerVersion,
		Paused: a.Pause, Unlocked: a.ClusterUnlocked, PendingRestart: a.PendingRestart, Secrets: a.Tags.Secrets,
	}
	if a.Role == "master" { // Patroni before 4
		m.Role = "primary"
	}
	if m.Role != "primary" {
		m.Location = a.Xlog.ReplayedLocation
	}
	if a.DCSLastSeen > 0 {
		m.DCSLastSeen = time.Unix(a.DCSLastSeen, 0)
	}
	for _, r := range a.Replication {
		m.Standbys = append(m.Standbys, Standby{Name: r.ApplicationName, State: r.State, SyncState: r.SyncState})
	}
	return m, nil
}
