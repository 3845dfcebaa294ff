package drill

import (
	"slices"
	"time"
)

// leaderRole is the role of the member that takes writes.
const leaderRole = "leader"

// unseen is the time of what was not seen.
const unseen = time.Duration(-1)

// milestones are the moments of a failover that can be seen from outside. Each
// ends the phase of its index in phaseNames.
type milestones [5]time.Duration

// phaseNames has the phases in their order. Their ends are:
//
//   - detection: the old leader was first found gone, or without the power to write;
//   - lease expiry: its lease was first found gone or taken over (PostgreSQL only);
//   - election: another member was first found with the role of leader;
//   - promotion: the new leader was first found writable, or acknowledged a write;
//   - stabilisation: all members were level and replicating again.
//
// Each phase begins where the one before it ended.
var phaseNames = [...]string{Detection, LeaseExpiry, Election, Promotion, Stabilisation}

// phasesOf splits a run's failover into the phases of addendum §4. They are
// unseen in a run in which the leader did not change.
func phasesOf(run Run) []Phase {
	ends := failover(run)
	// What comes later bounds what comes before: a leader that still answers us
	// may long be given up by the others.
	bound := unseen
	for i, end := range slices.Backward(ends[:]) {
		if end != unseen && bound != unseen {
			ends[i] = min(end, bound)
		}
		if ends[i] != unseen {
			bound = ends[i]
		}
	}
	phases := make([]Phase, 0, len(ends))
	begin := run.Injected
	for i, end := range ends {
		phase := Phase{Name: phaseNames[i], Begin: -1, End: -1}
		if end != unseen {
			phase.Begin, phase.End = (begin - run.Injected).Seconds(), (end - run.Injected).Seconds()
			begin = end
		}
		phases = append(phases, phase)
	}
	return phases
}

// failover finds the moments of the run's failover. The samples are in the order
// of time.
func failover(run Run) milestones {
	moments := milestones{unseen, unseen, unseen, unseen, unseen}
	mine := slices.DeleteFunc(slices.Clone(run.Samples), func(s Sample) bool { return s.System != run.System })
	old := leaderAt(mine, run)
	successor := first(mine, run.Injected, func(s Sample) bool { return s.Role == leaderRole && s.Member != old })
	gone := goneSince(mine, old, run.Injected, func(s Sample) bool { return s.Role == leaderRole && s.Writable })
	if successor == nil {
		// The same member may come back as leader before its lease ends.
		gone = goneSince(mine, old, run.Injected, func(s Sample) bool { return s.Role == leaderRole })
		if gone == unseen {
			return moments
		}
		successor = first(mine, gone, func(s Sample) bool { return s.Role == leaderRole })
	}
	moments[0] = gone
	if run.System == Postgres {
		moments[1] = leaseGone(mine, run.Injected)
	}
	if successor == nil {
		return moments
	}
	moments[2] = successor.At
	if run.System == Postgres && moments[1] == unseen && successor.Member != old {
		moments[1] = successor.At
	}
	since := run.Injected
	if successor.Member == old {
		since = gone
	}
	moments[3] = promoted(run, mine, *successor, since)
	if moments[3] != unseen && run.Converged > 0 {
		moments[4] = max(run.Converged, moments[3])
	}
	return moments
}

// leaderAt is who led when the fault was injected.
func leaderAt(mine []Sample, run Run) string {
	leader := run.Target
	for _, s := range mine {
		if s.At <= run.Injected && s.Role == leaderRole {
			leader = s.Member
		}
	}
	return leader
}

// first is the first sample after a moment that is as wanted.
func first(mine []Sample, after time.Duration, wanted func(Sample) bool) *Sample {
	for i := range mine {
		if mine[i].At > after && wanted(mine[i]) {
			return &mine[i]
		}
	}
	return nil
}

// goneSince is when a member was first not well, or was last heard of before a
// silence, after the fault.
func goneSince(mine []Sample, member string, injected time.Duration, well func(Sample) bool) time.Duration {
	heard := injected
	for _, s := range mine {
		if s.At <= injected {
			continue
		}
		if s.At-heard > sampleReach {
			return heard
		}
		if s.Member != member {
			continue
		}
		if !well(s) {
			return s.At
		}
		heard = s.At
	}
	return unseen
}

func leaseGone(mine []Sample, injected time.Duration) time.Duration {
	if s := first(mine, injected, func(s Sample) bool { return s.Lease < 0 }); s != nil {
		return s.At
	}
	return unseen
}

// promoted is when the new leader first took a write, or would have. A write that
// began before the moment since does not count: a leader that comes back took
// writes before, too.
func promoted(run Run, mine []Sample, successor Sample, since time.Duration) time.Duration {
	at := unseen
	if s := first(mine, successor.At-1, func(s Sample) bool {
		return s.Member == successor.Member && s.Writable
	}); s != nil {
		at = s.At
	}
	for _, op := range run.Operations {
		if op.System != run.System || op.Kind != Write || op.Outcome != Acknowledged || op.Start < since {
			continue
		}
		by := op.Server == successor.Member || op.Server == "" && op.Start >= successor.At
		if by && (at == unseen || op.End < at) {
			at = op.End
		}
	}
	return at
}

// leadersOf lists the members that led the run's system, in the order in which
// they took the role.
func leadersOf(run Run) []string {
	leads := map[string]bool{}
	leaders := []string{}
	for _, s := range run.Samples {
		if s.System != run.System {
			continue
		}
		now := isLeader(s)
		if now && !leads[s.Member] && (len(leaders) == 0 || leaders[len(leaders)-1] != s.Member) {
			leaders = append(leaders, s.Member)
		}
		leads[s.Member] = now
	}
	return leaders
}

// isLeader tells whether the member led. A leader of PostgreSQL that others have
// replaced while it stood still goes on as one for a moment, without the lock.
func isLeader(s Sample) bool {
	return s.Role == leaderRole && (s.System != Postgres || s.Writable || s.Lease != 0)
}

// addRouting tells for how long each route led nowhere after the promotion.
func addRouting(run Run, phases []Phase, tallies []Tally) {
	promotion := phases[slices.Index(phaseNames[:], Promotion)].End
	taken := run.Injected + time.Duration(promotion*float64(time.Second))
	for i := range tallies {
		t := &tallies[i]
		t.Routing = -1
		if promotion < 0 || t.System != run.System {
			continue
		}
		at := unseen
		for _, op := range run.Operations {
			if op.System == t.System && op.Route == t.Route && op.Kind == Write && op.Outcome == Acknowledged &&
				op.End >= taken && (at == unseen || op.End < at) {
				at = op.End
			}
		}
		if at != unseen {
			t.Routing = (at - taken).Seconds()
		}
	}
}
