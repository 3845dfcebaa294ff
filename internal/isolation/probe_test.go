package isolation

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		facts   Facts
		answers bool
		want    metav1.ConditionStatus
	}{
		"what is forbidden is refused, and the member lives": {Facts{Tried: true}, true, metav1.ConditionTrue},
		"what is forbidden is reached":                       {Facts{Tried: true, Reached: true}, true, metav1.ConditionFalse},
		"a dead member says nothing":                         {Facts{Tried: true}, false, metav1.ConditionUnknown},
		"nobody to try it on":                                {Facts{}, true, metav1.ConditionUnknown},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Verdict(c.facts, c.answers).Enforced) })
	}
}

// The attempt would prove nothing if a policy let it through.
func TestTheOperatorMayNotReachTheForbiddenPort(t *testing.T) {
	for _, f := range flows(environment()) {
		if f.from.kind != operator || f.to != etcd {
			continue
		}
		for _, p := range f.ports {
			require.NotEqual(t, int32(ForbiddenPort), p.number)
		}
	}
}

func TestProbe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	now := time.Now()
	p := NewProber()
	p.Target = func(string) string { return listener.Addr().String() }
	p.Now = func() time.Time { return now }

	reached := p.Probe(t.Context(), "ns", time.Second)
	require.Equal(t, Facts{Tried: true, Reached: true}, reached)
	p.Keep("ns", reached)
	require.NoError(t, listener.Close())
	require.Equal(t, reached, p.Probe(t.Context(), "ns", time.Second), "it is remembered")
	now = now.Add(memory)
	require.Equal(t, Facts{Tried: true}, p.Probe(t.Context(), "ns", time.Second), "and tried again after a while")
	p.Target = func(string) string { return "etcd-1.invalid:2381" }
	require.Equal(t, Facts{}, p.Probe(t.Context(), "ns", time.Second), "a name that is not there yet")
}
