package drill

import (
	"cmp"
	"slices"
	"time"
)

// sampleReach is how far apart two samples of one member may be and still speak
// for the time between them.
const sampleReach = 2 * time.Second

// spell is a time in which every sample of a member found it writable.
type spell struct{ from, to time.Duration }

// overlap is a time in which two members of one system took writes.
type overlap struct {
	system string
	a, b   string
	// at is when it was first witnessed; length is no more than was witnessed.
	at, length time.Duration
}

// judgeLeaders finds two members that took writes at one time.
func judgeLeaders(samples []Sample, overlaps []overlap, tallies []Tally) []finding {
	findings := oneLeaderPerTerm(samples)
	for _, o := range overlaps {
		const both = "%s and %s of %s would both have taken writes from %s on, for at least %s"
		args := []any{o.a, o.b, nameOf(o.system), seconds(o.at), seconds(o.length)}
		switch {
		case o.system == Postgres:
			findings = append(findings, found(SplitBrain, both+".", args...))
		case lostIn(tallies, o.system) > 0:
			findings = append(findings, found(Bounded, both+": Redis replicates asynchronously, and lost %s.",
				append(args, plural(lostIn(tallies, o.system), "acknowledged write"))...))
		default:
			findings = append(findings, found(Passed, both+": Redis replicates asynchronously, and a master that is"+
				" cut off takes writes until it notices. No acknowledged write was lost by it.", args...))
		}
	}
	return findings
}

func lostIn(tallies []Tally, system string) int {
	var n int
	for _, t := range tallies {
		if t.System == system {
			n += t.Lost
		}
	}
	return n
}

// oneLeaderPerTerm holds raft to its word. Two leaders of different terms are no
// fault: the older one cannot commit.
func oneLeaderPerTerm(samples []Sample) []finding {
	var findings []finding
	leaders := map[int64][]string{}
	for _, s := range samples {
		if s.System != Etcd || s.Role != leaderRole || s.Term == 0 || slices.Contains(leaders[s.Term], s.Member) {
			continue
		}
		if others := leaders[s.Term]; len(others) > 0 {
			findings = append(findings, found(SplitBrain,
				"%s and %s of etcd both led in term %d.", others[0], s.Member, s.Term))
		}
		leaders[s.Term] = append(leaders[s.Term], s.Member)
	}
	return findings
}

// writableOverlaps finds pairs of members that took writes at one time. Samples
// are points, so a pair counts only when one member was found writable between
// two looks at the other, both of which found it writable too. The samples are
// in the order of time.
func writableOverlaps(samples []Sample) []overlap {
	var overlaps []overlap
	for _, system := range []string{Postgres, Redis} {
		members := byMember(samples, system)
		names := make([]string, 0, len(members))
		for name := range members {
			names = append(names, name)
		}
		slices.Sort(names)
		for i, a := range names {
			for _, b := range names[i+1:] {
				if o, ok := overlapOf(members[a], members[b]); ok {
					o.system, o.a, o.b = system, a, b
					overlaps = append(overlaps, o)
				}
			}
		}
	}
	slices.SortStableFunc(overlaps, func(a, b overlap) int { return cmp.Compare(a.at, b.at) })
	return overlaps
}

func byMember(samples []Sample, system string) map[string][]Sample {
	members := map[string][]Sample{}
	for _, s := range samples {
		if s.System == system {
			members[s.Member] = append(members[s.Member], s)
		}
	}
	return members
}

func overlapOf(a, b []Sample) (overlap, bool) {
	spellsA, spellsB := spells(a), spells(b)
	at := firstWithin(b, spellsA)
	if other := firstWithin(a, spellsB); at < 0 || other >= 0 && other < at {
		at = other
	}
	o := overlap{at: at}
	for _, x := range spellsA {
		for _, y := range spellsB {
			o.length += max(min(x.to, y.to)-max(x.from, y.from), 0)
		}
	}
	return o, at >= 0
}

// spells joins a member's writable samples that follow one another closely.
func spells(samples []Sample) []spell {
	var (
		list []spell
		open bool
	)
	for _, s := range samples {
		switch {
		case !s.Writable:
			open = false
		case open && s.At-list[len(list)-1].to <= sampleReach:
			list[len(list)-1].to = s.At
		default:
			list, open = append(list, spell{s.At, s.At}), true
		}
	}
	return list
}

// firstWithin is the first writable sample inside one of the spells, or -1.
func firstWithin(samples []Sample, spells []spell) time.Duration {
	for _, s := range samples {
		if s.Writable && slices.ContainsFunc(spells, func(x spell) bool { return x.from < s.At && s.At < x.to }) {
			return s.At
		}
	}
	return -1
}

func longest(overlaps []overlap) time.Duration {
	var length time.Duration
	for _, o := range overlaps {
		length = max(length, o.length)
	}
	return length
}
