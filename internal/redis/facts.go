package redis

import (
	"slices"
	"strings"
)

// Facts is one look at all Redis servers and Sentinels.
type Facts struct {
	Servers   []ServerFacts
	Sentinels []SentinelFacts
}

// ServerFacts is what one Redis server answered.
type ServerFacts struct {
	Name string
	// Err is why the server could not be asked; empty when it answered.
	Err string
	// RunID is another one at every start of every server.
	RunID string
	// Role is master or slave, in Redis's own word.
	Role string
	// MasterHost, LinkUp and Syncing are a replica's view of its master.
	MasterHost string
	LinkUp     bool
	Syncing    bool
	// Replicas are those that copy from this server, by their announced host.
	Replicas map[string]ReplicaFacts
	// MinReplicas is how many replicas it wants for a write. A master that
	// came back wants more than there are until it is certain of its role.
	MinReplicas int
	Loading     bool
	// AOFFailed tells that the last write to the append-only file failed.
	AOFFailed  bool
	UsedMemory int64
	MaxMemory  int64
	Offset     int64
}

// ReplicaFacts is a master's view of one replica.
type ReplicaFacts struct {
	Online bool
	Offset int64
	// LagSeconds is how long ago it last told its offset; replicas do so every second.
	LagSeconds int64
}

// Online counts the replicas that receive the stream of writes.
func (s ServerFacts) Online() int {
	online := 0
	for _, r := range s.Replicas {
		if r.Online {
			online++
		}
	}
	return online
}

// SentinelFacts is what one Sentinel answered of the watched master.
type SentinelFacts struct {
	Name string
	Err  string
	// Master is the host it announces.
	Master string
	// Epoch is that of its configuration; the highest is the newest.
	Epoch int64
	// Flags are the master's, such as "master" or "master,o_down".
	Flags string
	// OtherSentinels and Replicas are how many it knows, gone ones included.
	OtherSentinels int
	Replicas       int
	// Reached is the RunID of the server that it found at each host.
	Reached map[string]string
	// ConfiguredQuorum and DownAfterMilliseconds are its settings.
	ConfiguredQuorum      int
	DownAfterMilliseconds int
	// Quorum is CKQUORUM's complaint; empty when a quorum can be reached.
	Quorum string
}

// lag is how many seconds the member is behind, in the master's eyes; nil when
// the master does not know it. Acknowledgements come once a second, so the
// first second is none.
func (f Facts) lag(master, member string) *float64 {
	for _, s := range f.Servers {
		if s.Name != master || s.Err != "" {
			continue
		}
		for host, r := range s.Replicas {
			if memberOf(host) != member || !r.Online {
				continue
			}
			var lag float64
			if r.Offset < s.Offset {
				lag = float64(max(0, r.LagSeconds-1))
			}
			return &lag
		}
	}
	return nil
}

// failingOver tells whether the Sentinel leads a failover.
func (s SentinelFacts) failingOver() bool { return strings.Contains(s.Flags, "failover_in_progress") }

// NextReset is the Sentinel that should forget members which were scaled away,
// by ordinal. Only one at a time, and only while every other one knows all
// members: a Sentinel that was just reset knows no replica to promote.
func NextReset(replicas, sentinels int32, facts Facts) (ordinal int32, due bool) {
	for i, s := range facts.Sentinels {
		if s.Err != "" || s.Flags != "master" || s.OtherSentinels < int(sentinels)-1 || s.Replicas < int(replicas)-1 {
			return 0, false
		}
		if !due && (s.OtherSentinels > int(sentinels)-1 || s.Replicas > int(replicas)-1) {
			ordinal, due = int32(i)+1, true
		}
	}
	return ordinal, due
}

// Stray is a replica that does not follow the master whom a majority of the
// Sentinels announce, by ordinal, and that master's host. They set right only
// replicas that they know, from the master: not one that found none of them at its
// first start and guessed, nor one that was new when a failover overtook it.
func Stray(sentinels int32, facts Facts) (ordinal int32, master string, found bool) {
	host, votes := announcedMaster(facts)
	reigns := slices.ContainsFunc(facts.Servers, func(s ServerFacts) bool {
		return s.Err == "" && s.Role == "master" && s.Name == memberOf(host)
	})
	if votes <= int(sentinels)/2 || !reigns {
		return 0, "", false
	}
	for i, s := range facts.Servers {
		if s.Err == "" && s.Role == "slave" && memberOf(s.MasterHost) != memberOf(host) {
			return int32(i) + 1, host, true
		}
	}
	return 0, "", false
}

// NeedsConfigure tells whether a Sentinel that answers has other settings.
func NeedsConfigure(quorum, downAfter int32, facts Facts) bool {
	for _, s := range facts.Sentinels {
		if s.Err == "" && (s.ConfiguredQuorum != int(quorum) || s.DownAfterMilliseconds != int(downAfter)) {
			return true
		}
	}
	return false
}
