package drill

import "time"

// Verdict is what a run came to.
type Verdict string

const (
	// Passed: nothing acknowledged is missing and nothing else is wrong.
	Passed Verdict = "passed"
	// Bounded: a system without a promise, Redis in an unplanned event, lost
	// acknowledged writes; they are counted, and no rule was broken.
	Bounded Verdict = "passed-with-bounded-loss"
	// Lost: an acknowledged write is missing where none may be.
	Lost Verdict = "data-lost"
	// SplitBrain: two members took writes at one time.
	SplitBrain Verdict = "split-brain"
	// Inconsistent: rows that nobody wrote, duplicates, reads that went
	// backwards, members that differ, or a history that is not linearizable.
	Inconsistent Verdict = "inconsistent"
	// AppFailed: the application failed after all was well, or had to be restarted.
	AppFailed Verdict = "app-failed"
	// Misreported: the condition Ready said otherwise than things were.
	Misreported Verdict = "misreported"
	// NotRecovered: the system did not become well again in time.
	NotRecovered Verdict = "not-recovered"
	// Void: the drill itself failed, so nothing is known.
	Void Verdict = "void"
)

// Tally is the judgement on the writes and reads of one system over one route.
type Tally struct {
	System string `json:"system"`
	Route  string `json:"route"`
	// Attempts = Acknowledged + Failed + Unknown writes.
	Attempts     int `json:"attempts"`
	Acknowledged int `json:"acknowledged"`
	Failed       int `json:"failed"`
	Unknown      int `json:"unknown"`
	// Lost were acknowledged and are missing; Recovered were unknown and are there.
	Lost      int `json:"lost"`
	Recovered int `json:"recovered"`
	// Unexpected are there and were never written, or failed for certain.
	Unexpected int `json:"unexpected"`
	Duplicates int `json:"duplicates"`
	// Backwards are reads that saw less than an earlier acknowledged write or
	// read of the same client.
	Backwards int `json:"backwards"`
	// WriteGap is the longest time without an acknowledged write that overlaps
	// the fault; ReadGap the same for reads. Seconds.
	WriteGap float64 `json:"writeGapSeconds"`
	ReadGap  float64 `json:"readGapSeconds"`
	// Routing is for how long a route still led nowhere after another member took
	// writes: what the way to it adds. Seconds; negative when not seen.
	Routing float64 `json:"routingSeconds"`
	// LostExamples names a few lost writes as client:value.
	LostExamples []string `json:"lostExamples,omitempty"`
}

// Phase of a failover, addendum §4. Seconds are since the fault was injected;
// negative when the phase was not seen.
type Phase struct {
	Name  string  `json:"name"`
	Begin float64 `json:"beginSeconds"`
	End   float64 `json:"endSeconds"`
}

// The phases in their order.
const (
	Detection     = "detection"
	LeaseExpiry   = "lease expiry"
	Election      = "election"
	Promotion     = "promotion"
	Stabilisation = "stabilisation"
)

// Judgement is the verdict on one run with what led to it.
type Judgement struct {
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons,omitempty"`
	Tallies []Tally  `json:"tallies"`
	Phases  []Phase  `json:"phases"`
	// Leaders are the members that led the run's system, in order.
	Leaders []string `json:"leaders"`
	// Overlap is how long two members of one system took writes at one time.
	Overlap time.Duration `json:"overlap"`
	// Linearizable is by system; a system without a register has no entry.
	// False only when a violation is proven; "unknown" checks are in Reasons.
	Linearizable map[string]bool `json:"linearizable,omitempty"`
	// Redundancy is when all members were replicating again, in seconds after
	// the fault; negative when they were not.
	Redundancy float64 `json:"redundancySeconds"`
	// Truth is how far conditions and application were from what they shall be.
	Truth Truth `json:"truth"`
}

// Distribution sums up figures over runs.
type Distribution struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	Max float64 `json:"max"`
}

// JudgedRun is a run with its judgement.
type JudgedRun struct {
	Run
	Judgement Judgement `json:"judgement"`
}

// Result is a whole drill: all runs of one scenario.
type Result struct {
	Scenario    string      `json:"scenario"`
	Title       string      `json:"title"`
	Environment string      `json:"environment"`
	Profile     string      `json:"profile"`
	Began       time.Time   `json:"began"`
	Machine     string      `json:"machine"`
	Verdict     Verdict     `json:"verdict"`
	Runs        []JudgedRun `json:"runs"`
	// WriteGap and ReadGap are by "system/route", Phases by phase name. Seconds.
	WriteGap map[string]Distribution `json:"writeGap"`
	ReadGap  map[string]Distribution `json:"readGap"`
	Phases   map[string]Distribution `json:"phases"`
	// Routing is what each way to the new leader added, by "system/route", and
	// Redundancy when all members were replicating again. Seconds.
	Routing    map[string]Distribution `json:"routing"`
	Redundancy Distribution            `json:"redundancy"`
}
