package drill

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// stored names a value that a client wrote.
type stored struct {
	client string
	value  int64
}

// content is what a member has: how often each value is there.
type content map[stored]int

// systemFinals is what the members of one system had in the end.
type systemFinals struct {
	leader    string
	authority content // nil when it could not be read
	others    []Final
	problems  []string
}

func sortFinals(finals []Final) map[string]*systemFinals {
	sorted := map[string]*systemFinals{}
	for _, final := range finals {
		mine := sorted[final.System]
		if mine == nil {
			mine = &systemFinals{}
			sorted[final.System] = mine
		}
		switch {
		case final.Error != "":
			mine.problems = append(mine.problems, final.Member+": "+final.Error)
		case final.Authority && mine.authority == nil:
			mine.leader, mine.authority = final.Member, contentOf(final)
		default:
			mine.others = append(mine.others, final)
		}
	}
	return sorted
}

func contentOf(final Final) content {
	has := content{}
	for _, row := range final.Rows {
		if row.Count > 0 {
			has[stored{row.Client, row.Value}] += row.Count
		}
	}
	return has
}

// judgeFinals finds finals that are missing or unreadable, and members that
// differ from the leader although the system was said to be level.
func judgeFinals(run Run, finals map[string]*systemFinals, tallies []Tally) []finding {
	var findings []finding
	for _, system := range systemsOf(tallies) {
		if !storesData(system) {
			continue
		}
		mine := finals[system]
		if mine == nil {
			mine = &systemFinals{}
		}
		for _, problem := range mine.problems {
			findings = append(findings, found(NotRecovered,
				"%s could not be read in the end: %s.", nameOf(system), problem))
		}
		if mine.authority == nil {
			findings = append(findings, found(NotRecovered,
				"Nothing is known of what %s has in the end: no leader was read.", nameOf(system)))
			continue
		}
		for _, other := range mine.others {
			findings = append(findings, judgeMember(run, mine, other)...)
		}
	}
	return findings
}

// judgeMember compares one member with the leader. A member that lags in a
// system that never became level is a symptom of that, and no second fault.
func judgeMember(run Run, mine *systemFinals, other Final) []finding {
	has := contentOf(other)
	missing, extra := lacking(mine.authority, has), lacking(has, mine.authority)
	if missing+extra == 0 {
		return nil
	}
	verdict := Inconsistent
	if run.Converged == 0 {
		verdict = NotRecovered
	}
	return []finding{found(verdict, "%s differs from the leader %s in %s: it lacks %s and has %d that the leader has not.",
		other.Member, mine.leader, nameOf(other.System), plural(missing, "value"), extra)}
}

// lacking counts the values of one member that another has less often.
func lacking(one, other content) int {
	var n int
	for value, count := range one {
		if other[value] < count {
			n++
		}
	}
	return n
}

// tallyKey is what one tally is of.
type tallyKey struct{ system, route string }

// tallyUp counts the operations by system and route, and holds them against what
// the leaders had in the end.
func tallyUp(run Run, finals map[string]*systemFinals) []Tally {
	routes := map[tallyKey][]Operation{}
	for _, op := range run.Operations {
		key := tallyKey{op.System, op.Route}
		routes[key] = append(routes[key], op)
	}
	backwards := backwardReads(run.Operations)
	tallies := map[tallyKey]*Tally{}
	for key, ops := range routes {
		t := &Tally{System: key.system, Route: key.route, Backwards: backwards[key]}
		t.WriteGap, t.ReadGap = gap(run, ops, Write).Seconds(), gap(run, ops, Read).Seconds()
		countWrites(t, ops, finals[key.system])
		tallies[key] = t
	}
	for system, mine := range finals {
		countRows(tallies, system, run.Operations, mine.authority)
	}
	return sorted(tallies)
}

// countWrites counts writes by outcome, and those that are missing or turned up.
func countWrites(t *Tally, ops []Operation, finals *systemFinals) {
	known := finals != nil && finals.authority != nil && storesData(t.System)
	for _, op := range ops {
		if op.Kind != Write {
			continue
		}
		t.Attempts++
		there := known && finals.authority[stored{op.Client, op.Value}] > 0
		switch op.Outcome {
		case Acknowledged:
			t.Acknowledged++
			if known && !there {
				t.Lost++
				if len(t.LostExamples) < examples {
					t.LostExamples = append(t.LostExamples, fmt.Sprintf("%s:%d", op.Client, op.Value))
				}
			}
		case Failed:
			t.Failed++
		default:
			t.Unknown++
			if there {
				t.Recovered++
			}
		}
	}
}

// countRows counts rows that should not be there, or not more than once, for the
// route that their client wrote over.
func countRows(tallies map[tallyKey]*Tally, system string, ops []Operation, rows content) {
	written, routes := map[stored]bool{}, map[string]string{}
	for _, op := range ops {
		if op.System != system || op.Kind != Write {
			continue
		}
		routes[op.Client] = op.Route
		if op.Outcome != Failed {
			written[stored{op.Client, op.Value}] = true
		}
	}
	for row, count := range rows {
		if written[row] && count == 1 {
			continue
		}
		route, ok := routes[row.client]
		if !ok {
			route = "no known client"
		}
		key := tallyKey{system, route}
		if tallies[key] == nil {
			tallies[key] = &Tally{System: system, Route: route}
		}
		if !written[row] {
			tallies[key].Unexpected++
		}
		if count > 1 {
			tallies[key].Duplicates++
		}
	}
}

// sorted has the tallies by system, in the order that reports have, and route.
func sorted(tallies map[tallyKey]*Tally) []Tally {
	list := []Tally{}
	for _, t := range tallies {
		list = append(list, *t)
	}
	order := []string{Postgres, Redis, Etcd, App}
	slices.SortFunc(list, func(a, b Tally) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.System), slices.Index(order, b.System)),
			cmp.Compare(a.System, b.System), cmp.Compare(a.Route, b.Route))
	})
	return list
}

// systemsOf lists the systems that had writes.
func systemsOf(tallies []Tally) []string {
	var systems []string
	for _, t := range tallies {
		if t.Attempts > 0 && !slices.Contains(systems, t.System) {
			systems = append(systems, t.System)
		}
	}
	return systems
}

// reader is whose reads must not go backwards: one client, and on replicas one
// client with one server, for two replicas may lag by different times.
type reader struct{ system, client, replica string }

// backwardReads counts reads that saw less than an operation that had ended
// before they began, by system and route.
func backwardReads(ops []Operation) map[tallyKey]int {
	histories := map[reader][]Operation{}
	acked := map[reader][]int64{}
	for _, op := range ops {
		if op.Outcome != Acknowledged || op.System == App {
			continue
		}
		who := reader{system: op.System, client: op.Client}
		if op.Kind == Write {
			acked[who] = append(acked[who], op.Value)
		}
		if op.Kind == Read && op.Route == replicaRoute {
			who.replica = replicaRoute + " " + op.Server
		}
		histories[who] = append(histories[who], op)
	}
	backwards := map[tallyKey]int{}
	for who, history := range histories {
		promised := func(value int64) int64 { return value }
		if who.replica != "" {
			promised = upTo(acked[reader{system: who.system, client: who.client}])
		}
		countBackwards(backwards, history, promised)
	}
	return backwards
}

// upTo gives the highest acknowledged value that is not above the one seen. A
// replica may show a write before it is acknowledged and lose it with the old
// leader; only what was acknowledged is a promise.
func upTo(acked []int64) func(int64) int64 {
	slices.Sort(acked)
	return func(value int64) int64 {
		i := sort.Search(len(acked), func(i int) bool { return acked[i] > value })
		if i == 0 {
			return 0
		}
		return acked[i-1]
	}
}

func countBackwards(backwards map[tallyKey]int, history []Operation, promised func(int64) int64) {
	byEnd, byStart := slices.Clone(history), slices.Clone(history)
	slices.SortStableFunc(byEnd, func(a, b Operation) int { return cmp.Compare(a.End, b.End) })
	slices.SortStableFunc(byStart, func(a, b Operation) int { return cmp.Compare(a.Start, b.Start) })
	var (
		floor int64
		next  int
	)
	for _, op := range byStart {
		for next < len(byEnd) && byEnd[next].End <= op.Start {
			floor = max(floor, promised(byEnd[next].Value))
			next++
		}
		if op.Kind == Read && op.Value < floor {
			backwards[tallyKey{op.System, op.Route}]++
		}
	}
}
