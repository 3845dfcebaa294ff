package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

func pod(component, name string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Labels: map[string]string{naming.LabelComponent: component}},
		Spec:       corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{Name: component}}},
		Status:     corev1.PodStatus{PodIP: "10.0.0." + name[len(name)-1:]},
	}
}

func world() World {
	return World{
		Pods: []corev1.Pod{
			pod("postgres", "patroni-1"), pod("postgres", "patroni-2"), pod("postgres", "patroni-3"),
			pod("redis", "redis-1"), pod("redis", "redis-2"), pod("etcd", "etcd-1"), pod("etcd", "etcd-2"),
			pod("sentinel", "sentinel-2"), pod("backend", "backend-x7"), pod(Operator, "manager-0"),
		},
		Leader: "patroni-2", RedisMaster: "redis-1", EtcdLeader: "etcd-2", SyncStandbys: []string{"patroni-3", "patroni-1"},
	}
}

func TestResolve(t *testing.T) {
	for target, want := range map[string][]string{
		"postgres/leader":       {"patroni-2"},
		"postgres/sync-standby": {"patroni-1"},
		"postgres/replica":      {"patroni-1"},
		"postgres/3":            {"patroni-3"},
		"postgres":              {"patroni-1", "patroni-2", "patroni-3"},
		"redis/master":          {"redis-1"},
		"redis/replica":         {"redis-2"},
		"etcd/leader":           {"etcd-2"},
		"etcd/follower":         {"etcd-1"},
		"postgres/replicas":     {"patroni-1", "patroni-3"},
		"redis/replicas":        {"redis-2"},
		"etcd/followers":        {"etcd-1"},
		"operator":              {"manager-0"},
		"sentinel/2":            {"sentinel-2"},
		"app/backend":           {"backend-x7"},
	} {
		t.Run(target, func(t *testing.T) {
			pods, err := Resolve(target, world())
			require.NoError(t, err)
			var names []string
			for _, p := range pods {
				names = append(names, p.Name)
			}
			require.Equal(t, want, names)
		})
	}
}

func TestResolveSaysWhyNot(t *testing.T) {
	lost := world()
	lost.Leader, lost.SyncStandbys = "", nil
	for target, why := range map[string]string{
		"postgres/leader":       "nobody is leader now",
		"postgres/sync-standby": "no standby acknowledges commits now",
		"postgres/9":            "no such pod runs now",
		"sentinel/leader":       "leader is no role or number of sentinel",
		"app":                   "name the app",
		"app/nothing":           "no such pod runs now",
	} {
		_, err := Resolve(target, lost)
		require.ErrorContains(t, err, why, target)
	}
}

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// step plans once and feeds the result back, as the operator does.
func step(s *Situation) Plan {
	p := Next(*s)
	s.Status = p.Statuses
	return p
}

func TestAKillIsWrittenDownBeforeItIsDone(t *testing.T) {
	s := &Situation{World: world(), Local: true, Now: now, Spec: []v1alpha1.FaultSpec{{Name: "k", Kind: v1alpha1.FaultKill, Target: "postgres/leader"}}}
	first := step(s)
	require.Empty(t, first.Kill)
	require.Equal(t, v1alpha1.FaultPending, first.Statuses[0].State)

	s.World.Leader = "patroni-3" // somebody else leads by now
	second := step(s)
	require.Equal(t, "uid-patroni-2", second.Kill[0].UID)
	require.Equal(t, v1alpha1.FaultDone, second.Statuses[0].State)

	third := step(s)
	require.Empty(t, third.Kill, "done once")
	require.Zero(t, third.Again)
}

func TestAHeldFault(t *testing.T) {
	s := &Situation{World: world(), Local: true, Now: now, Spec: []v1alpha1.FaultSpec{{
		Name: "f", Kind: v1alpha1.FaultFreeze, Target: "redis/master", Duration: &metav1.Duration{Duration: 30 * time.Second},
	}}}
	step(s)
	s.Agents = []v1alpha1.AgentStatus{{Node: "node", Faults: []v1alpha1.AgentFault{{ID: "f/redis-1", State: v1alpha1.FaultActive}}}}
	require.Equal(t, v1alpha1.FaultActive, step(s).Statuses[0].State)
	active, what := Active(s.Status)
	require.True(t, active)
	require.Equal(t, "f: Freeze holds on redis-1", what)

	s.Now = now.Add(30 * time.Second)
	over := step(s)
	require.Equal(t, v1alpha1.FaultUndone, over.Statuses[0].State)
	require.NotZero(t, over.Again, "the agent has yet to let go")

	s.Agents = nil
	require.Zero(t, step(s).Again)
	s.Spec = nil
	require.Empty(t, step(s).Statuses, "a fault that is not declared any more is forgotten")
}

func TestFaultsEndWithTheirPods(t *testing.T) {
	s := &Situation{World: world(), Local: true, Now: now, Spec: []v1alpha1.FaultSpec{{Name: "f", Kind: v1alpha1.FaultFreeze, Target: "etcd/1"}}}
	step(s)
	s.World.Pods[5].UID = "another"
	require.Equal(t, v1alpha1.FaultUndone, step(s).Statuses[0].State)
}

func TestAnAgentsFailureIsTold(t *testing.T) {
	s := &Situation{World: world(), Local: true, Now: now, Spec: []v1alpha1.FaultSpec{{Name: "d", Kind: v1alpha1.FaultDelay, Target: "etcd/1"}}}
	step(s)
	s.Agents = []v1alpha1.AgentStatus{{Node: "node", Faults: []v1alpha1.AgentFault{{ID: "d/etcd-1", State: v1alpha1.FaultNotSupported, Message: "no netem"}}}}
	f := step(s).Statuses[0]
	require.Equal(t, v1alpha1.FaultNotSupported, f.State)
	require.Equal(t, "etcd-1: no netem", f.Message)
}

func TestAPartitionFollowsPeersToNewAddresses(t *testing.T) {
	s := &Situation{World: world(), Local: true, Now: now, Spec: []v1alpha1.FaultSpec{{
		Name: "p", Kind: v1alpha1.FaultPartition, Target: "postgres/leader", From: []string{"etcd"},
	}}}
	require.Equal(t, []string{"10.0.0.1", "10.0.0.2"}, step(s).Statuses[0].PeerIPs)
	s.World.Pods[5].Status.PodIP = "10.0.0.77"
	require.Equal(t, []string{"10.0.0.1", "10.0.0.2", "10.0.0.77"}, step(s).Statuses[0].PeerIPs)
}

// An empty list of addresses would mean everything.
func TestAPartitionFromNobodyWaits(t *testing.T) {
	s := &Situation{World: world(), Local: true, Now: now, Spec: []v1alpha1.FaultSpec{{
		Name: "p", Kind: v1alpha1.FaultPartition, Target: "postgres/leader", From: []string{"sentinel/9"},
	}}}
	f := step(s).Statuses[0]
	require.Equal(t, v1alpha1.FaultPending, f.State)
	require.Empty(t, f.Pods)
}

func TestFaultsAreRefusedElsewhere(t *testing.T) {
	s := &Situation{World: world(), Now: now, Spec: []v1alpha1.FaultSpec{{Name: "k", Kind: v1alpha1.FaultKill, Target: "postgres/leader"}}}
	require.Equal(t, v1alpha1.FaultRefused, step(s).Statuses[0].State)
	require.Empty(t, step(s).Kill)
}

// An operator that stands still cannot say so.
func TestTheAgentsTellOfTheOperator(t *testing.T) {
	s := Situation{World: world(), Local: true, Now: now, Spec: []v1alpha1.FaultSpec{{Name: "still", Kind: v1alpha1.FaultFreeze, Target: Operator}}}
	status := v1alpha1.PawsEnvironmentStatus{Chaos: Next(s).Statuses}
	require.Equal(t, v1alpha1.FaultPending, Told(status)[0].State)
	status.Agents = []v1alpha1.AgentStatus{{Node: "node", Faults: []v1alpha1.AgentFault{{ID: "still/manager-0", State: v1alpha1.FaultActive, Message: "9 processes stand still"}}}}
	told := Told(status)
	require.Equal(t, v1alpha1.FaultActive, told[0].State)
	require.Equal(t, "manager-0: 9 processes stand still", told[0].Message)
	require.Equal(t, v1alpha1.FaultPending, status.Chaos[0].State, "the status itself stays")
}
