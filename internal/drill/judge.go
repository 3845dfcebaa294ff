package drill

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// replicaRoute is the route of reads that replicas serve, which may lag.
const replicaRoute = "replica"

// examples is how many lost writes a tally names.
const examples = 5

// severity has the verdicts from the worst to the best.
var severity = []Verdict{Void, SplitBrain, Lost, Inconsistent, NotRecovered, AppFailed, Misreported, Bounded, Passed}

// finding is one thing that a part of the judgement has to say. One that is
// worth knowing but breaks no rule has the verdict Passed.
type finding struct {
	verdict Verdict
	reason  string
}

func found(verdict Verdict, format string, args ...any) finding {
	return finding{verdict, fmt.Sprintf(format, args...)}
}

// Judge says what a run came to. It knows only what is in the run: the same run
// has the same judgement whenever it is judged.
func Judge(run Run) Judgement {
	run.Samples = inOrder(run.Samples)
	finals := sortFinals(run.Finals)
	tallies := tallyUp(run, finals)
	linearizable, onRegisters := checkRegisters(run.Registers)
	overlaps := writableOverlaps(run.Samples)
	truth := truthOf(run)
	phases := phasesOf(run)
	addRouting(run, phases, tallies)

	findings := slices.Concat(
		judgeDrill(run, tallies),
		judgeLeaders(run.Samples, overlaps, tallies),
		judgeTallies(run, tallies),
		judgeFinals(run, finals, tallies),
		onRegisters,
		judgeRecovery(run, tallies),
		judgeTruth(run, truth),
	)
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Compare(slices.Index(severity, a.verdict), slices.Index(severity, b.verdict))
	})

	judgement := Judgement{
		Verdict:      Passed,
		Tallies:      tallies,
		Phases:       phases,
		Leaders:      leadersOf(run),
		Overlap:      longest(overlaps),
		Linearizable: linearizable,
		Redundancy:   -1,
		Truth:        truth,
	}
	if run.Converged > 0 {
		judgement.Redundancy = (run.Converged - run.Injected).Seconds()
	}
	if len(findings) > 0 {
		judgement.Verdict = findings[0].verdict
	}
	for _, each := range findings {
		judgement.Reasons = append(judgement.Reasons, each.reason)
	}
	return judgement
}

// judgeDrill finds a run that proves nothing: the drill failed, or so little was
// done that an empty history would pass.
func judgeDrill(run Run, tallies []Tally) []finding {
	var findings []finding
	for _, each := range run.Errors {
		findings = append(findings, found(Void, "The drill itself failed: %s.", strings.TrimSuffix(each, ".")))
	}
	switch {
	case acknowledged(tallies, "") == 0:
		findings = append(findings, found(Void, "No write was acknowledged in the whole run, so nothing was tested."))
	case storesData(run.System) && acknowledged(tallies, run.System) == 0:
		findings = append(findings, found(Void,
			"No write to %s was acknowledged in the whole run, so nothing was tested.", nameOf(run.System)))
	}
	return findings
}

// judgeTallies weighs what the tallies counted.
func judgeTallies(run Run, tallies []Tally) []finding {
	var findings []finding
	for _, t := range tallies {
		where := nameOf(t.System) + " over " + t.Route
		if t.Lost > 0 {
			findings = append(findings, judgeLoss(run, t, where))
		}
		if t.Unexpected > 0 {
			findings = append(findings, found(Inconsistent,
				"%s has %s that nobody wrote or whose write had failed.", where, plural(t.Unexpected, "value")))
		}
		if t.Duplicates > 0 {
			findings = append(findings, found(Inconsistent,
				"%s has %s more than once.", where, plural(t.Duplicates, "value")))
		}
		if t.Backwards > 0 {
			findings = append(findings, judgeBackwards(run, t, where))
		}
	}
	return findings
}

// mayLose: Redis replicates asynchronously and promises nothing when a master
// goes without warning. In a planned event it has the time to hand over.
func mayLose(run Run, system string) bool { return system == Redis && !run.Planned }

func judgeLoss(run Run, t Tally, where string) finding {
	lost := fmt.Sprintf("%s lost %d of %s, such as %s",
		where, t.Lost, plural(t.Acknowledged, "acknowledged write"), t.LostExamples[0])
	switch {
	case mayLose(run, t.System):
		return found(Bounded, "%s: Redis replicates asynchronously, and what had reached no replica"+
			" when the master went is gone.", lost)
	case t.System == Redis:
		return found(Lost, "%s: the event was planned, and the master should have handed over first.", lost)
	}
	return found(Lost, "%s.", lost)
}

func judgeBackwards(run Run, t Tally, where string) finding {
	backwards := fmt.Sprintf("%s by one client on %s saw less than the client had written or read before",
		plural(t.Backwards, "read"), where)
	if mayLose(run, t.System) {
		return found(Bounded, "%s: Redis replicates asynchronously, and a new master may know less.", backwards)
	}
	return found(Inconsistent, "%s.", backwards)
}

// judgeRecovery finds what did not become well again.
func judgeRecovery(run Run, tallies []Tally) []finding {
	var findings []finding
	if run.Converged == 0 {
		findings = append(findings, found(NotRecovered,
			"The members were not all level and well again when the run ended, %s after the fault.",
			seconds(run.Ended-run.Injected)))
	}
	for _, t := range tallies {
		if t.System != App && t.Attempts > 0 && t.Acknowledged == 0 {
			findings = append(findings, found(NotRecovered,
				"%s over %s acknowledged none of %s.", nameOf(t.System), t.Route, plural(t.Attempts, "write")))
		}
	}
	return findings
}

// acknowledged counts acknowledged writes to one system, or to all that store data.
func acknowledged(tallies []Tally, system string) int {
	var n int
	for _, t := range tallies {
		if t.System == system || system == "" && t.System != App {
			n += t.Acknowledged
		}
	}
	return n
}

func storesData(system string) bool {
	return system == Postgres || system == Redis || system == Etcd
}

func nameOf(system string) string {
	switch system {
	case Postgres:
		return "PostgreSQL"
	case Redis:
		return "Redis"
	case App:
		return "the application"
	}
	return system
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// inOrder is a copy of the samples in the order of time.
func inOrder(samples []Sample) []Sample {
	sorted := slices.Clone(samples)
	slices.SortStableFunc(sorted, func(a, b Sample) int { return cmp.Compare(a.At, b.At) })
	return sorted
}
