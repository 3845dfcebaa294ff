package patroni

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// Operation is what somebody asks the cluster to do.
type Operation string

const (
	// Switchover hands the leadership of a leader that is well to a replica.
	Switchover Operation = "switchover"
	// Failover makes a replica the leader where there is none.
	Failover Operation = "failover"
	// Reinit makes a replica drop its data and copy the leader's.
	Reinit Operation = "reinit"
)

// ForcePhrase allows an operation that would lose acknowledged writes.
const ForcePhrase = "yes-lose-data"

// Refusal says why an operation is not done.
type Refusal struct {
	Why string
	// Forcible: it would be done with the phrase.
	Forcible bool
}

func (r *Refusal) Error() string { return r.Why }

// Judge tells whether the operation on the member, "" for Patroni's own choice,
// is safe now.
func Judge(o Operation, member string, facts Facts) *Refusal {
	leaders := facts.Leaders()
	target, known := facts.Member(member)
	switch {
	case member != "" && !known:
		return &Refusal{Why: fmt.Sprintf("%s is no member of the PostgreSQL cluster", member)}
	case len(leaders) > 1:
		return &Refusal{Why: "more than one member says that it leads: find out why before anything is changed"}
	}
	switch o {
	case Switchover:
		return judgeSwitchover(member, target, leaders)
	case Failover:
		return judgeFailover(member, target, leaders)
	}
	switch {
	case len(leaders) == 0:
		return &Refusal{Why: "nobody leads: there is nobody to copy from, and its data may be the last"}
	case leaders[0].Name == member:
		return &Refusal{Why: fmt.Sprintf("%s leads: hand over first with pawskind switchover", member)}
	}
	return nil
}

func judgeSwitchover(member string, target MemberFacts, leaders []MemberFacts) *Refusal {
	switch {
	case len(leaders) == 0:
		return &Refusal{Why: "nobody leads: see pawskind failover"}
	case member == "":
		return nil
	case leaders[0].Name == member:
		return &Refusal{Why: member + " leads already"}
	case target.Err != "" || target.State != "running":
		return &Refusal{Why: member + " does not run"}
	case !acknowledges(leaders[0], member):
		return &Refusal{Why: member + " acknowledges no commits: it could lack some"}
	}
	return nil
}

func judgeFailover(member string, target MemberFacts, leaders []MemberFacts) *Refusal {
	switch {
	case member == "":
		return &Refusal{Why: "name the member that shall lead: --to MEMBER"}
	case target.Err != "":
		return &Refusal{Why: member + " does not answer"}
	case len(leaders) == 1 && leaders[0].Name == member:
		return &Refusal{Why: member + " leads already"}
	case len(leaders) == 1 && acknowledges(leaders[0], member):
		return nil
	case len(leaders) == 1:
		return &Refusal{Why: leaders[0].Name + " leads and is well, and " + member + " may lack acknowledged commits", Forcible: true}
	}
	return &Refusal{Why: "nobody leads, so nobody knows whether " + member + " has every acknowledged commit", Forcible: true}
}

func acknowledges(leader MemberFacts, member string) bool {
	return slices.ContainsFunc(leader.Standbys, func(s Standby) bool { return s.Name == member && s.Acknowledges() })
}

// Do carries out an operation that was judged.
func (p *Prober) Do(ctx context.Context, namespace string, o Operation, member string, passwords []string, facts Facts) error {
	leader := ""
	if leaders := facts.Leaders(); len(leaders) == 1 {
		leader = leaders[0].Name
	}
	switch o {
	case Switchover:
		return p.Switchover(ctx, namespace, leader, member, passwords)
	case Failover:
		return p.Call(ctx, namespace, member, http.MethodPost, "/failover", passwords, map[string]string{"candidate": member})
	case Reinit:
		return p.Reinitialize(ctx, namespace, member, passwords)
	}
	return fmt.Errorf("there is no operation %q", o)
}
