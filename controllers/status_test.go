package controllers

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/observer"
)

// wellScope is a reconcile of a healthy environment with one app.
func wellScope() *scope {
	component := func(name, title string, members ...string) health.Component {
		c := health.Component{Name: name, Title: title, Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy}
		for _, m := range members {
			c.Members = append(c.Members, health.Member{Component: name, Name: m, Health: v1alpha1.Healthy})
		}
		return c
	}
	return &scope{
		env: &v1alpha1.PawsEnvironment{
			ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "paws", Generation: 7},
			Spec: v1alpha1.PawsEnvironmentSpec{
				Postgres: v1alpha1.PostgresSpec{SynchronousMode: v1alpha1.SynchronousQuorum},
				Apps:     []v1alpha1.AppSpec{{Name: "backend", Port: 8080, Expose: &v1alpha1.ExposeSpec{NodePort: 30808}}},
			},
		},
		snapshot: &observer.Snapshot{Report: health.Report{
			Leader: "patroni-1", RedisMaster: "redis-1",
			Synchronous: health.Synchronous{Active: true, Reason: v1alpha1.ReasonStandbyAcknowledges},
			Isolation:   health.Isolation{Enforced: metav1.ConditionTrue, Reason: v1alpha1.ReasonPoliciesEnforced},
			Components: []health.Component{
				component(naming.Etcd, "etcd Cluster", "etcd-1", "etcd-2"),
				component(naming.Postgres, "PostgreSQL", "patroni-1", "patroni-2"),
				component(naming.Redis, "Redis", "redis-1", "redis-2"),
				component(naming.Sentinel, "Sentinel", "sentinel-1"),
				component("backend", "Backend Service", "backend-x"),
			},
		}},
	}
}

// ail makes a component, and its last member, less than healthy.
func (s *scope) ail(name string, verdict v1alpha1.Health, reason, message string) {
	for i := range s.snapshot.Report.Components {
		if c := &s.snapshot.Report.Components[i]; c.Name == name {
			c.Health, c.Reason = verdict, reason
			if last := len(c.Members) - 1; last >= 0 {
				c.Members[last].Health, c.Members[last].Message = v1alpha1.Unhealthy, message
			}
		}
	}
}

// was is a status that an earlier reconcile left.
func (s *scope) was(ready metav1.ConditionStatus, reason string) {
	s.set(v1alpha1.ConditionReady, ready, reason, "")
}

func TestSetStatus(t *testing.T) {
	type conditions map[string]string
	for name, c := range map[string]struct {
		change     func(*scope)
		failed     error
		want       conditions // "status reason" by kind
		ready      string     // the message of Ready
		unobserved bool
	}{
		"all well": {
			want: conditions{
				"Ready": "True Ready", "EtcdReady": "True Healthy", "PostgresReady": "True Healthy", "RedisReady": "True Healthy",
				"AppsReady": "True Healthy", "SynchronousReplication": "True StandbyAcknowledges",
				"Degraded": "False Healthy", "Reconciling": "False Settled", "Stalled": "False Settled",
			},
			ready: "every member is healthy",
		},
		"not looked at yet": {
			change: func(s *scope) { s.snapshot = nil },
			want: conditions{
				"Ready": "False Starting", "EtcdReady": "Unknown Probing", "PostgresReady": "Unknown Probing",
				"RedisReady": "Unknown Probing", "AppsReady": "Unknown Probing", "SynchronousReplication": "Unknown Probing",
			},
			ready: "EtcdReady is not known; PostgresReady is not known; RedisReady is not known; AppsReady is not known; Degraded is not known",
		},
		"a member down while the rest serves": {
			change: func(s *scope) {
				s.was(metav1.ConditionTrue, v1alpha1.ReasonReady)
				s.ail(naming.Etcd, v1alpha1.Degraded, v1alpha1.ReasonMemberUnhealthy, "does not answer")
			},
			want:  conditions{"Ready": "False NotReady", "EtcdReady": "True MemberUnhealthy", "Degraded": "True MembersUnhealthy"},
			ready: "Degraded MembersUnhealthy: etcd-2: does not answer",
		},
		"a component that does not serve is named once": {
			change: func(s *scope) {
				s.was(metav1.ConditionTrue, v1alpha1.ReasonReady)
				s.ail(naming.Etcd, v1alpha1.Unhealthy, v1alpha1.ReasonQuorumLost, "knows no leader")
			},
			want:  conditions{"Ready": "False NotReady", "EtcdReady": "False QuorumLost", "Degraded": "True MembersUnhealthy"},
			ready: "EtcdReady QuorumLost: etcd-2: knows no leader",
		},
		"unwell before it was ever ready is starting": {
			change: func(s *scope) {
				s.was(metav1.ConditionFalse, v1alpha1.ReasonStarting)
				s.ail(naming.Postgres, v1alpha1.Unhealthy, v1alpha1.ReasonNoLeader, "")
			},
			want: conditions{"Ready": "False Starting", "PostgresReady": "False NoLeader"},
			// Without a leader there is nothing to be said of its standbys.
			ready: "PostgresReady NoLeader: patroni-2",
		},
		"the worse of Redis and Sentinel shows": {
			change: func(s *scope) {
				s.was(metav1.ConditionTrue, v1alpha1.ReasonReady)
				s.ail(naming.Sentinel, v1alpha1.Unhealthy, v1alpha1.ReasonQuorumLost, "does not answer")
			},
			want:  conditions{"Ready": "False NotReady", "RedisReady": "False QuorumLost"},
			ready: "RedisReady QuorumLost: sentinel-1: does not answer",
		},
		"no standby acknowledges": {
			change: func(s *scope) {
				s.was(metav1.ConditionTrue, v1alpha1.ReasonReady)
				s.snapshot.Report.Synchronous = health.Synchronous{Reason: v1alpha1.ReasonNoSynchronousStandby, Message: "none streams"}
			},
			want:  conditions{"Ready": "False NotReady", "SynchronousReplication": "False NoSynchronousStandby"},
			ready: "SynchronousReplication NoSynchronousStandby: none streams",
		},
		"nobody asked for synchronous commits": {
			change: func(s *scope) {
				s.env.Spec.Postgres.SynchronousMode = v1alpha1.SynchronousOff
				s.snapshot.Report.Synchronous = health.Synchronous{Reason: v1alpha1.ReasonSynchronousModeOff}
			},
			want:  conditions{"Ready": "True Ready", "SynchronousReplication": "False SynchronousModeOff"},
			ready: "every member is healthy",
		},
		"an app that waits": {
			change: func(s *scope) {
				s.was(metav1.ConditionFalse, v1alpha1.ReasonStarting)
				s.snapshot.Report.Components[4].Members = nil
				s.ail("backend", v1alpha1.Unhealthy, v1alpha1.ReasonAppUnhealthy, "")
				s.note("backend waits for postgres")
			},
			want: conditions{
				"Ready": "False Starting", "AppsReady": "False WaitingForDependency", "Reconciling": "True Progressing",
			},
			ready: "AppsReady WaitingForDependency: backend has not started",
		},
		"an app that was not looked at": {
			change: func(s *scope) {
				s.was(metav1.ConditionTrue, v1alpha1.ReasonReady)
				s.env.Spec.Apps = append(s.env.Spec.Apps, v1alpha1.AppSpec{Name: "new"})
			},
			want:  conditions{"Ready": "False NotReady", "AppsReady": "Unknown Probing"},
			ready: "AppsReady is not known",
		},
		"no apps": {
			change: func(s *scope) { s.env.Spec.Apps = nil },
			want:   conditions{"Ready": "True Ready", "AppsReady": "True NoApps"},
			ready:  "every member is healthy",
		},
		"stalled": {
			change: func(s *scope) { s.was(metav1.ConditionTrue, v1alpha1.ReasonReady) },
			failed: &stalled{reason: v1alpha1.ReasonSuspended, message: "nothing is changed"},
			want: conditions{
				"Ready": "False NotReady", "Stalled": "True Suspended", "Reconciling": "True ReconcileFailed", "EtcdReady": "True Healthy",
			},
			ready: "Stalled Suspended: nothing is changed", unobserved: true,
		},
		"a failure of the operator is none of the environment": {
			failed: errors.New("etcd: applying: conflict"),
			want:   conditions{"Ready": "True Ready", "Stalled": "False Settled", "Reconciling": "True ReconcileFailed"},
			ready:  "every member is healthy", unobserved: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := wellScope()
			if c.change != nil {
				c.change(s)
			}
			setStatus(s, c.failed)
			status := s.env.Status
			for kind, want := range c.want {
				got := meta.FindStatusCondition(status.Conditions, kind)
				require.NotNil(t, got, kind)
				require.Equal(t, want, string(got.Status)+" "+got.Reason, kind)
				require.Equal(t, int64(7), got.ObservedGeneration, kind)
			}
			require.Equal(t, c.ready, meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady).Message)
			require.Equal(t, c.unobserved, status.ObservedGeneration != 7)
		})
	}
}

// A restarted operator has not looked yet: what is known stays until it has.
func TestStatusStaysUntilTheFirstLook(t *testing.T) {
	s := wellScope()
	setStatus(s, nil)
	before := s.env.Status.DeepCopy()
	s.snapshot = nil
	setStatus(s, nil)
	require.Equal(t, before, &s.env.Status)
	require.Equal(t, "patroni-1", s.env.Status.Leader)
	require.Len(t, s.env.Status.Members, 8)
}

// A phase that asks a member which does not answer is slow: that the environment
// is not ready is known by then. What got better is told when all phases have run.
func TestWhatGotWorseIsToldBeforeAnythingIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		was, is func(*scope)
		ready   metav1.ConditionStatus
	}{
		"all well as before": {is: func(*scope) {}, ready: metav1.ConditionTrue},
		"the leader is gone": {is: func(s *scope) { s.ail(naming.Postgres, v1alpha1.Unhealthy, v1alpha1.ReasonNoLeader, "") }, ready: metav1.ConditionFalse},
		"not looked at":      {is: func(s *scope) { s.snapshot = nil }, ready: metav1.ConditionTrue},
		"well again": {
			was:   func(s *scope) { s.ail(naming.Postgres, v1alpha1.Unhealthy, v1alpha1.ReasonNoLeader, "") },
			is:    func(*scope) {},
			ready: metav1.ConditionFalse,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, s := wellScope(), wellScope()
			if c.was != nil {
				c.was(before)
			}
			setStatus(before, nil)
			s.env.Status = before.env.Status
			c.is(s)
			scheme := runtime.NewScheme()
			require.NoError(t, v1alpha1.AddToScheme(scheme))
			api := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(s.env).WithObjects(s.env).Build()
			r := &Reconciler{Client: api, Recorder: events.NewFakeRecorder(20)}
			require.NoError(t, r.tellWorse(t.Context(), s))
			told := &v1alpha1.PawsEnvironment{}
			require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(s.env), told))
			require.Equal(t, c.ready, meta.FindStatusCondition(told.Status.Conditions, v1alpha1.ConditionReady).Status)
		})
	}
}

func TestEndpoints(t *testing.T) {
	list := endpoints(wellScope().env)
	require.Contains(t, list, v1alpha1.EndpointStatus{Name: "postgres", Address: "patroni-leader.paws.svc:5432"})
	require.Contains(t, list, v1alpha1.EndpointStatus{Name: "redis", Address: "redis-master.paws.svc:6379"})
	require.Contains(t, list, v1alpha1.EndpointStatus{Name: "backend", Address: "backend.paws.svc:8080", NodePort: 30808})
}

func TestTransitionsAreTold(t *testing.T) {
	before, after := wellScope(), wellScope()
	setStatus(before, nil)
	after.env.Status = *before.env.Status.DeepCopy()
	after.ail(naming.Etcd, v1alpha1.Unhealthy, v1alpha1.ReasonQuorumLost, "knows no leader")
	after.snapshot.Report.Leader, after.snapshot.Report.RedisMaster = "patroni-2", ""
	after.note("something") // Reconciling comes and goes: it is no news
	setStatus(after, nil)

	recorder := events.NewFakeRecorder(20)
	r := &Reconciler{Recorder: recorder}
	r.tellTransitions(before.env, after.env)
	r.tellTransitions(after.env, before.env)
	close(recorder.Events)
	var told []string
	for event := range recorder.Events {
		told = append(told, event)
	}
	require.ElementsMatch(t, []string{
		"Warning EtcdReadyFalse QuorumLost: etcd-2: knows no leader",
		"Warning DegradedTrue MembersUnhealthy: etcd-2: knows no leader",
		"Warning ReadyFalse NotReady: EtcdReady QuorumLost: etcd-2: knows no leader",
		"Normal LeaderElected patroni-2 leads PostgreSQL",
		"Normal EtcdReadyTrue Healthy: etcd Cluster",
		"Normal DegradedFalse Healthy: every member is healthy",
		"Normal ReadyTrue Ready: every member is healthy",
		"Normal LeaderElected patroni-1 leads PostgreSQL",
		"Normal MasterElected redis-1 is the Redis master",
	}, told)
}

// A network that enforces nothing is told, and keeps nobody from being ready.
func TestIsolationIsToldBesideReady(t *testing.T) {
	s := wellScope()
	s.snapshot.Report.Isolation = health.Isolation{Enforced: metav1.ConditionFalse, Reason: v1alpha1.ReasonPoliciesNotEnforced}
	setStatus(s, nil)
	require.True(t, meta.IsStatusConditionFalse(s.env.Status.Conditions, v1alpha1.ConditionNetworkIsolated))
	require.True(t, meta.IsStatusConditionTrue(s.env.Status.Conditions, v1alpha1.ConditionReady))
	s.snapshot.Report.Isolation = health.Isolation{Enforced: metav1.ConditionUnknown, Reason: v1alpha1.ReasonProbing}
	setStatus(s, nil)
	require.True(t, meta.IsStatusConditionFalse(s.env.Status.Conditions, v1alpha1.ConditionNetworkIsolated), "the last word stands")
}
