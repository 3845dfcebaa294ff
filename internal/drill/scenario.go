package drill

import (
	"slices"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// Act is something that is done besides declared faults.
type Act string

const (
	// ActSwitchover asks Patroni for one.
	ActSwitchover Act = "switchover"
	// ActDelete deletes the target's pods with their grace period.
	ActDelete Act = "delete"
	// ActOperatorGone takes the operator away, then kills the target.
	ActOperatorGone Act = "operator gone"
	// ActSleep lets the whole cluster stand still, as when a laptop sleeps.
	ActSleep Act = "sleep"
	// ActRestartNodes stops every node at once, as a power cut does, and starts them.
	ActRestartNodes Act = "restart nodes"
	// ActEvict evicts the target's pod, as the drain of a node does.
	ActEvict Act = "evict"
	// ActParameter changes a setting of PostgreSQL that needs a restart, and
	// ActImage the image that it runs.
	ActParameter Act = "parameter"
	ActImage     Act = "image"
	// ActRollRedis changes what every Redis pod is made from.
	ActRollRedis Act = "roll redis"
	// ActCertificates has every certificate made anew.
	ActCertificates Act = "certificates"
	// ActLoseData destroys all that the target has on its volume, and kills it.
	ActLoseData Act = "lose data"
	// ActRotateSecrets gives every secret a new value.
	ActRotateSecrets Act = "rotate secrets"
	// ActScale adds two members to every database, then takes them away.
	ActScale Act = "scale"
)

// Clients is where a scenario's clients are.
type Clients int

const (
	// Inside: in the cluster, where apps are.
	Inside Clients = iota
	// Outside: on the developer's machine, for what takes the cluster with it.
	Outside
	// Everywhere: both.
	Everywhere
)

// Scenario is one way to break an environment.
type Scenario struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// System is the one whose failover it is about.
	System string `json:"system"`
	// Faults are declared together; Act is done to Target instead.
	Faults []v1alpha1.FaultSpec `json:"-"`
	Act    Act                  `json:"-"`
	Target string               `json:"-"`
	// Then are declared a while after Faults, while those hold.
	Then      []v1alpha1.FaultSpec `json:"-"`
	ThenAfter time.Duration        `json:"-"`
	// Clients are where the clients are; Bulk has one more of them write so much
	// that files grow.
	Clients Clients `json:"-"`
	Bulk    bool    `json:"-"`
	// Hold is how long held faults last; 0 for those that are done once.
	Hold time.Duration `json:"hold"`
	// Planned events lose nothing in any system.
	Planned bool `json:"planned"`
	// Core scenarios are part of every test run.
	Core bool `json:"core"`
}

func once(kind v1alpha1.FaultKind, targets ...string) []v1alpha1.FaultSpec {
	faults := make([]v1alpha1.FaultSpec, len(targets))
	for i, target := range targets {
		faults[i] = v1alpha1.FaultSpec{Kind: kind, Target: target}
	}
	return faults
}

func fill(target string) []v1alpha1.FaultSpec {
	return []v1alpha1.FaultSpec{{Kind: v1alpha1.FaultFillDisk, Target: target}}
}

func cut(target string, from ...string) []v1alpha1.FaultSpec {
	return []v1alpha1.FaultSpec{{Kind: v1alpha1.FaultPartition, Target: target, From: from}}
}

// Scenarios are all that can be drilled.
func Scenarios() []Scenario {
	// Longer than Patroni's ttl with production's timings, so that a failover
	// happens while the fault holds.
	const beyondTTL = 45 * time.Second
	return []Scenario{
		{Name: "leader-kill", Title: "PostgreSQL leader killed", System: Postgres, Faults: once(v1alpha1.FaultKill, "postgres/leader"), Core: true},
		{Name: "leader-crash", Title: "PostgreSQL leader's postmaster crashed", System: Postgres, Faults: once(v1alpha1.FaultCrash, "postgres/leader")},
		{Name: "leader-crash-whole", Title: "Every process of the PostgreSQL leader's pod killed", System: Postgres, Faults: []v1alpha1.FaultSpec{{Kind: v1alpha1.FaultCrash, Target: "postgres/leader", AllProcesses: true}}},
		{Name: "leader-freeze", Title: "PostgreSQL leader frozen, then thawed", System: Postgres, Faults: once(v1alpha1.FaultFreeze, "postgres/leader"), Hold: beyondTTL, Core: true},
		{Name: "leader-cut-off", Title: "PostgreSQL leader cut off from everything", System: Postgres, Faults: cut("postgres/leader"), Hold: beyondTTL},
		{Name: "leader-cut-from-etcd", Title: "PostgreSQL leader cut off from etcd", System: Postgres, Faults: cut("postgres/leader", "etcd"), Hold: beyondTTL},
		{Name: "leader-and-etcd-leader-kill", Title: "PostgreSQL leader and etcd leader killed together", System: Postgres, Faults: once(v1alpha1.FaultKill, "postgres/leader", "etcd/leader")},
		{Name: "standby-kill", Title: "Synchronous standby killed while writing", System: Postgres, Faults: once(v1alpha1.FaultKill, "postgres/sync-standby")},
		{Name: "standbys-freeze", Title: "Both PostgreSQL standbys frozen, then thawed", System: Postgres, Faults: once(v1alpha1.FaultFreeze, "postgres/replicas"), Hold: 20 * time.Second},
		// What the leader writes once its standbys hear nothing is in its log alone. It
		// must not have the time to strike them from the list of who may succeed it.
		{Name: "leader-diverged", Title: "PostgreSQL leader with writes of its own, then replaced", System: Postgres, Faults: cut("postgres/leader", "postgres/replicas"),
			Then: once(v1alpha1.FaultFreeze, "postgres/leader"), ThenAfter: 500 * time.Millisecond, Hold: beyondTTL},
		{Name: "leader-disk-full", Title: "Disk of the PostgreSQL leader full", System: Postgres, Faults: fill("postgres/leader"), Hold: beyondTTL, Bulk: true},
		{Name: "replica-disk-full", Title: "Disk of a PostgreSQL replica full", System: Postgres, Faults: fill("postgres/replica"), Hold: beyondTTL, Bulk: true},
		// Patroni takes up to a loop to notice the change, and the hold is that long.
		{Name: "parameter", Title: "PostgreSQL setting changed that needs a restart", System: Postgres, Act: ActParameter, Hold: 30 * time.Second, Planned: true},
		{Name: "image", Title: "PostgreSQL image changed", System: Postgres, Act: ActImage, Hold: 30 * time.Second, Planned: true},
		// The kubelet takes up to a minute to bring a changed Secret to the pods.
		{Name: "certificates", Title: "Every certificate made anew", System: Postgres, Act: ActCertificates, Hold: 100 * time.Second, Planned: true},
		{Name: "replica-data-loss", Title: "Data of a PostgreSQL replica destroyed", System: Postgres, Act: ActLoseData, Target: "postgres/replica"},
		{Name: "postgres-all-kill", Title: "All PostgreSQL pods killed at once", System: Postgres, Faults: once(v1alpha1.FaultKill, "postgres")},
		{Name: "switchover", Title: "PostgreSQL switchover", System: Postgres, Act: ActSwitchover, Planned: true, Core: true},
		{Name: "leader-delete", Title: "PostgreSQL leader deleted gracefully", System: Postgres, Act: ActDelete, Target: "postgres/leader", Planned: true},
		{Name: "operator-gone", Title: "PostgreSQL leader killed with the operator gone", System: Postgres, Act: ActOperatorGone, Target: "postgres/leader", Hold: 15 * time.Second},
		{Name: "rotate-secrets", Title: "Every secret replaced while all runs", System: Postgres, Act: ActRotateSecrets, Planned: true},
		{Name: "scale", Title: "Two members added to every database and taken away", System: Postgres, Act: ActScale, Planned: true},
		{Name: "sleep", Title: "The whole cluster asleep for a minute", System: Postgres, Act: ActSleep, Hold: time.Minute, Clients: Everywhere},
		{Name: "node-restart", Title: "Every node stopped and started under load", System: Postgres, Act: ActRestartNodes, Clients: Outside},
		{Name: "etcd-leader-kill", Title: "etcd leader killed", System: Etcd, Faults: once(v1alpha1.FaultKill, "etcd/leader"), Core: true},
		{Name: "etcd-member-freeze", Title: "One etcd member lost and returned", System: Etcd, Faults: once(v1alpha1.FaultFreeze, "etcd/follower"), Hold: 20 * time.Second},
		{Name: "etcd-quorum-loss", Title: "etcd quorum lost and regained", System: Etcd, Faults: once(v1alpha1.FaultFreeze, "etcd/1", "etcd/2"), Hold: beyondTTL},
		{Name: "etcd-data-loss", Title: "Data of an etcd member destroyed", System: Etcd, Act: ActLoseData, Target: "etcd/3"},
		{Name: "redis-kill", Title: "Redis master killed", System: Redis, Faults: once(v1alpha1.FaultKill, "redis/master")},
		{Name: "redis-freeze", Title: "Redis master frozen, then thawed", System: Redis, Faults: once(v1alpha1.FaultFreeze, "redis/master"), Hold: 20 * time.Second},
		{Name: "redis-cut-off", Title: "Redis master cut off from everything", System: Redis, Faults: cut("redis/master"), Hold: 20 * time.Second},
		{Name: "redis-delete", Title: "Redis master deleted gracefully", System: Redis, Act: ActDelete, Target: "redis/master", Planned: true, Core: true},
		{Name: "redis-evict", Title: "Redis master evicted, as by a drain", System: Redis, Act: ActEvict, Target: "redis/master", Planned: true},
		{Name: "redis-roll", Title: "All Redis pods replaced one by one", System: Redis, Act: ActRollRedis, Hold: 30 * time.Second, Planned: true},
		{Name: "redis-all-kill", Title: "All Redis pods killed at once", System: Redis, Faults: once(v1alpha1.FaultKill, "redis")},
		{Name: "sentinel-all-kill", Title: "All Sentinels killed at once", System: Redis, Faults: once(v1alpha1.FaultKill, "sentinel"), Planned: true},
		{Name: "sentinel-quorum-loss", Title: "Sentinel quorum lost and regained", System: Redis, Faults: once(v1alpha1.FaultFreeze, "sentinel/1", "sentinel/2"), Hold: 20 * time.Second, Planned: true},
	}
}

// FindScenario is the scenario of that name.
func FindScenario(name string) (Scenario, bool) {
	all := Scenarios()
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, false
	}
	return all[i], true
}
