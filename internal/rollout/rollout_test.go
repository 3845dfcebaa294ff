package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNext(t *testing.T) {
	old := func(name string) Member { return Member{Name: name, Outdated: true, Healthy: true} }
	new := func(name string) Member { return Member{Name: name, Healthy: true} }
	leads := func(m Member) Member { m.Leader = true; return m }
	sick := func(m Member) Member { m.Healthy = false; return m }
	for name, c := range map[string]struct {
		members []Member
		action  Action
		member  string
	}{
		"nothing to do":                                                    {[]Member{new("1"), leads(new("2")), new("3")}, None, ""},
		"the highest replica goes first":                                   {[]Member{leads(old("1")), old("2"), old("3")}, Replace, "3"},
		"the next waits for the one before":                                {[]Member{leads(old("1")), old("2"), sick(new("3"))}, Wait, "3"},
		"the leader is passed over":                                        {[]Member{old("1"), leads(old("2")), new("3")}, Replace, "1"},
		"the leader hands over before its turn":                            {[]Member{leads(old("1")), new("2"), new("3")}, HandOver, "1"},
		"a leader alone has nobody to hand over to":                        {[]Member{leads(old("1"))}, Replace, "1"},
		"an outdated member that is sick is replaced although others wait": {[]Member{leads(old("1")), sick(old("2")), old("3")}, Replace, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			action, member := Next(c.members)
			require.Equal(t, c.action, action)
			require.Equal(t, c.member, member)
		})
	}
}
