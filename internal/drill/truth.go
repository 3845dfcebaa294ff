package drill

import (
	"cmp"
	"slices"
	"time"
)

// Condition is what a condition of the environment was found to be. It holds
// until the next one of its type.
type Condition struct {
	At   time.Duration `json:"at"`
	Type string        `json:"type"`
	// Status is True, False or Unknown, and "" while the API did not answer:
	// then nobody was told anything.
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// ready is the condition that sums up the others.
const ready = "Ready"

// Pod is what was found of a pod of the environment. It holds until the next
// one of the same pod.
type Pod struct {
	At        time.Duration `json:"at"`
	Name      string        `json:"name"`
	Component string        `json:"component"`
	// App: it is one of the application, not of the databases.
	App bool   `json:"app,omitempty"`
	UID string `json:"uid"`
	// Revision tells pods of one rollout from those of the next.
	Revision string `json:"revision,omitempty"`
	// Ready is false also of a pod that is about to go; Gone is set when it went.
	Ready    bool  `json:"ready"`
	Gone     bool  `json:"gone,omitempty"`
	Restarts int32 `json:"restarts"`
}

// How long a condition may say otherwise than things are.
const (
	readyPatience   = 5 * time.Second
	unreadyPatience = 15 * time.Second
)

// wellLag is what a standby may be behind while all is well, and wellPause how
// long a client may have to wait then.
const (
	wellLag   = 256 << 10
	wellPause = 2 * time.Second
)

// Truth is how far the condition Ready and the application were from what they
// shall be. Seconds.
type Truth struct {
	// ReadyWithoutWrites is for how long Ready was True beyond the first 5 s in
	// which no write to System was acknowledged.
	ReadyWithoutWrites float64 `json:"readyWithoutWritesSeconds"`
	System             string  `json:"system,omitempty"`
	// UnreadyThoughWell is for how long Ready was not True beyond the first 15 s
	// in which all was well again.
	UnreadyThoughWell float64 `json:"unreadyThoughWellSeconds"`
	// WellSince is when all was well for good, after the fault.
	WellSince float64 `json:"wellSinceSeconds"`
	// AppErrors are requests that failed after all was well again; AppRestarts
	// are containers of the application that were started again.
	AppErrors   int `json:"appErrors"`
	AppRestarts int `json:"appRestarts"`
	// Watched: the conditions and pods were seen at all.
	Watched bool `json:"watched"`
}

func truthOf(run Run) Truth {
	well := wellSince(run)
	t := Truth{
		WellSince: (well - run.Injected).Seconds(), AppErrors: appErrors(run), AppRestarts: appRestarts(run),
		Watched: len(run.Conditions) > 0 && len(run.Pods) > 0,
	}
	spells := readySpells(run)
	for _, system := range []string{Postgres, Redis, Etcd} {
		if wrong := readyWithoutWrites(run, spells, system).Seconds(); wrong > t.ReadyWithoutWrites {
			t.ReadyWithoutWrites, t.System = wrong, system
		}
	}
	for _, s := range spells {
		if s.status == "False" || s.status == "Unknown" {
			t.UnreadyThoughWell += max(s.to-max(s.from, well+unreadyPatience), 0).Seconds()
		}
	}
	return t
}

// judgeTruth weighs what conditions and application were like. A restart of the
// nodes takes the operator and every container with it: nobody is there to tell.
func judgeTruth(run Run, t Truth) []finding {
	var findings []finding
	if t.AppErrors > 0 {
		findings = append(findings, found(AppFailed, "%s to the application failed after all was well again.", plural(t.AppErrors, "request")))
	}
	if run.NodesRestarted {
		return findings
	}
	if t.ReadyWithoutWrites > 0 {
		findings = append(findings, found(Misreported, "Ready was True for %.1f s after %s had acknowledged no write for %s.",
			t.ReadyWithoutWrites, nameOf(t.System), seconds(readyPatience)))
	}
	if t.UnreadyThoughWell > 0 {
		findings = append(findings, found(Misreported, "Ready was not True for %.1f s more than %s after all was well.",
			t.UnreadyThoughWell, seconds(unreadyPatience)))
	}
	if t.AppRestarts > 0 {
		findings = append(findings, found(AppFailed, "The application needed %s.", plural(t.AppRestarts, "restart")))
	}
	return findings
}

// told is a time in which the condition Ready was one thing.
type told struct {
	from, to time.Duration
	status   string
}

func readySpells(run Run) []told {
	var list []told
	for _, c := range run.Conditions {
		if c.Type != ready {
			continue
		}
		if n := len(list); n > 0 {
			list[n-1].to = c.At
		}
		list = append(list, told{c.At, max(run.Ended, c.At), c.Status})
	}
	return list
}

// readyWithoutWrites is the longest time that Ready was True in a pause of a
// system's writes, but for the pause's beginning. While the API does not answer
// nothing can be told: the time until something must be told begins anew then.
func readyWithoutWrites(run Run, spells []told, system string) time.Duration {
	var longest time.Duration
	for _, p := range pauses(run, system) {
		since := p.from
		for _, s := range spells {
			from, to := max(s.from, p.from), min(s.to, p.to)
			switch {
			case to <= from:
			case s.status == "":
				since = to
			case s.status == "True":
				longest = max(longest, to-max(from, since+readyPatience))
			}
		}
	}
	return longest
}

// pauses are the times between two acknowledged writes of a system, whatever the
// route, and after the last one while somebody still tries.
func pauses(run Run, system string) []spell {
	var ends []time.Duration
	var last time.Duration
	for _, op := range run.Operations {
		if op.System != system || op.Kind != Write {
			continue
		}
		last = max(last, op.End)
		if op.Outcome == Acknowledged {
			ends = append(ends, op.End)
		}
	}
	if len(ends) == 0 {
		return nil
	}
	slices.Sort(ends)
	var list []spell
	for i, end := range append(ends[1:], max(last, ends[len(ends)-1])) {
		list = append(list, spell{ends[i], end})
	}
	return list
}

// wellSince is from when on, for all that was seen, everything was well: every
// member answered, led or followed closely, every pod was ready, and the clients
// of every route were served.
func wellSince(run Run) time.Duration {
	since := max(run.Injected, run.Healed)
	for _, s := range run.Samples {
		if s.Role == "" || s.System == Postgres && s.LagBytes > wellLag {
			since = max(since, s.At)
		}
	}
	waiting := map[string]time.Duration{}
	ops := slices.Clone(run.Operations)
	slices.SortStableFunc(ops, func(a, b Operation) int { return cmp.Compare(a.End, b.End) })
	for _, op := range ops {
		if op.Outcome != Acknowledged {
			since = max(since, op.End)
			continue
		}
		if key := op.System + "/" + op.Route; op.End-waiting[key] > wellPause {
			since = max(since, op.End)
		}
		waiting[op.System+"/"+op.Route] = op.End
	}
	return max(since, podsReadySince(run))
}

func podsReadySince(run Run) time.Duration {
	var since time.Duration
	latest := map[string]Pod{}
	for _, p := range run.Pods {
		if before, seen := latest[p.UID]; !seen || !before.Ready || !p.Ready {
			since = max(since, p.At)
		}
		latest[p.UID] = p
	}
	for _, p := range latest {
		if !p.Ready && !p.Gone {
			return run.Ended
		}
	}
	return since
}

// appErrors counts the requests that failed although all had become well.
func appErrors(run Run) int {
	n := 0
	for _, op := range run.Operations {
		if op.System == App && run.Converged > 0 && op.Start > run.Converged && op.Outcome != Acknowledged {
			n++
		}
	}
	return n
}

// appRestarts counts containers of the application that were started again, and
// pods that were replaced by others of the same rollout. A spec that is as it was
// before brings the old revision back: that is another rollout.
func appRestarts(run Run) int {
	n := 0
	latest, rollout := map[string]Pod{}, map[string]string{}
	for _, p := range run.Pods {
		if !p.App {
			continue
		}
		current, known := rollout[p.Component]
		before, seen := latest[p.UID]
		switch {
		case seen:
			n += int(max(p.Restarts-before.Restarts, 0))
		case known && p.Revision == current && p.At > run.Injected:
			n++
		}
		if !seen {
			rollout[p.Component] = p.Revision
		}
		latest[p.UID] = p
	}
	return n
}
