package patroni

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJudge(t *testing.T) {
	running := func(name, role string) MemberFacts { return MemberFacts{Name: name, Role: role, State: "running"} }
	leader := running("patroni-1", "primary")
	leader.Standbys = []Standby{{Name: "patroni-2", SyncState: "quorum"}, {Name: "patroni-3", SyncState: "async"}}
	well := Facts{Members: []MemberFacts{leader, running("patroni-2", "replica"), running("patroni-3", "replica")}}
	headless := Facts{Members: []MemberFacts{{Name: "patroni-1", Err: "cut off"}, running("patroni-2", "replica"), running("patroni-3", "replica")}}
	split := Facts{Members: []MemberFacts{leader, running("patroni-2", "primary")}}
	for name, c := range map[string]struct {
		operation Operation
		member    string
		facts     Facts
		why       string
		forcible  bool
	}{
		"switchover to whom Patroni likes":        {Switchover, "", well, "", false},
		"switchover to a synchronous standby":     {Switchover, "patroni-2", well, "", false},
		"switchover to an asynchronous one":       {Switchover, "patroni-3", well, "could lack some", false},
		"switchover to the leader":                {Switchover, "patroni-1", well, "leads already", false},
		"switchover without a leader":             {Switchover, "patroni-2", headless, "nobody leads", false},
		"switchover to a stranger":                {Switchover, "patroni-9", well, "no member", false},
		"failover with a leader that is well":     {Failover, "patroni-2", well, "", false},
		"failover that would lose":                {Failover, "patroni-3", well, "may lack acknowledged commits", true},
		"failover without a leader":               {Failover, "patroni-2", headless, "nobody knows", true},
		"failover to nobody":                      {Failover, "", headless, "--to MEMBER", false},
		"failover to one that does not answer":    {Failover, "patroni-1", headless, "does not answer", false},
		"reinit of a replica":                     {Reinit, "patroni-3", well, "", false},
		"reinit of the leader":                    {Reinit, "patroni-1", well, "hand over first", false},
		"reinit without a leader":                 {Reinit, "patroni-2", headless, "nobody to copy from", false},
		"nothing while two say that they lead":    {Switchover, "", split, "more than one", false},
		"not even a failover while two say so":    {Failover, "patroni-2", split, "more than one", false},
		"nor a reinit while two say that they do": {Reinit, "patroni-2", split, "more than one", false},
	} {
		t.Run(name, func(t *testing.T) {
			refusal := Judge(c.operation, c.member, c.facts)
			if c.why == "" {
				require.Nil(t, refusal)
				return
			}
			require.NotNil(t, refusal)
			require.Contains(t, refusal.Why, c.why)
			require.Equal(t, c.forcible, refusal.Forcible)
		})
	}
}
