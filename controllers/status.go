package controllers

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/observer"
)

// setStatus turns what the reconcile found into the status. observedGeneration
// moves only when nothing failed.
func setStatus(s *scope, failed error) {
	status := &s.env.Status
	setStalled(s, failed)
	if s.snapshot == nil {
		for _, kind := range []string{
			v1alpha1.ConditionReady, v1alpha1.ConditionEtcdReady, v1alpha1.ConditionPostgresReady,
			v1alpha1.ConditionSynchronousReplication, v1alpha1.ConditionRedisReady, v1alpha1.ConditionAppsReady,
		} {
			if meta.FindStatusCondition(status.Conditions, kind) == nil {
				s.set(kind, metav1.ConditionUnknown, v1alpha1.ReasonProbing, "the members have not been looked at yet")
			}
		}
	} else {
		setMembers(s)
	}
	setCertificates(s)
	setSecrets(s, metav1.Now())
	setReconciling(s, failed)
	setReady(s)
	setChaos(s)
	status.Endpoints = endpoints(s.env)
	if failed == nil {
		status.ObservedGeneration = s.env.Generation
	}
}

func (s *scope) set(kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&s.env.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: s.env.Generation,
	})
}

func setStalled(s *scope, failed error) {
	var stall *stalled
	switch {
	case errors.As(failed, &stall):
		s.set(v1alpha1.ConditionStalled, metav1.ConditionTrue, stall.reason, stall.message)
	default:
		s.set(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonSettled, "nothing keeps the operator from going on")
	}
}

// setMembers tells of the members and of what they are parts of.
func setMembers(s *scope) {
	setComponents(s)
	report := s.snapshot.Report
	s.env.Status.Members = observer.StatusMembers(report)
	s.env.Status.Leader, s.env.Status.RedisMaster = report.Leader, report.RedisMaster
}

func setComponents(s *scope) {
	r := s.snapshot.Report
	for _, c := range []struct{ kind, component string }{
		{v1alpha1.ConditionEtcdReady, naming.Etcd},
		{v1alpha1.ConditionPostgresReady, naming.Postgres},
	} {
		verdict, _ := s.snapshot.Component(c.component)
		s.setVerdict(c.kind, verdict)
	}
	cache, _ := s.snapshot.Component(naming.Redis)
	sentinel, _ := s.snapshot.Component(naming.Sentinel)
	if health.Worst(cache.Health, sentinel.Health) != cache.Health {
		cache = sentinel
	}
	s.setVerdict(v1alpha1.ConditionRedisReady, cache)
	s.setVerdict(v1alpha1.ConditionAppsReady, worstApp(s))
	synchronous := metav1.ConditionFalse
	if r.Synchronous.Active {
		synchronous = metav1.ConditionTrue
	}
	s.set(v1alpha1.ConditionSynchronousReplication, synchronous, r.Synchronous.Reason, r.Synchronous.Message)
	setIsolated(s)
	setDegraded(s)
}

// setIsolated tells whether policies are enforced. While that cannot be tried,
// what was seen last stands.
func setIsolated(s *scope) {
	i := s.snapshot.Report.Isolation
	if i.Enforced == metav1.ConditionUnknown && meta.FindStatusCondition(s.env.Status.Conditions, v1alpha1.ConditionNetworkIsolated) != nil {
		return
	}
	s.set(v1alpha1.ConditionNetworkIsolated, i.Enforced, i.Reason, i.Message)
}

// setVerdict shows a component's verdict: it is ready while it serves.
func (s *scope) setVerdict(kind string, c health.Component) {
	message := c.Title
	if names := unhealthy(c.Members); names != "" {
		message = names
	}
	switch c.Health {
	case v1alpha1.Healthy, v1alpha1.Degraded:
		s.set(kind, metav1.ConditionTrue, c.Reason, message)
	case v1alpha1.Unknown:
		s.set(kind, metav1.ConditionUnknown, c.Reason, message)
	default:
		s.set(kind, metav1.ConditionFalse, c.Reason, message)
	}
}

// worstApp is the app that is worst; a healthy stand-in when there is no app.
func worstApp(s *scope) health.Component {
	worst := health.Component{Title: "all apps serve", Health: v1alpha1.Healthy, Reason: v1alpha1.ReasonHealthy}
	if len(s.env.Spec.Apps) == 0 {
		worst.Title, worst.Reason = "the spec has no apps", v1alpha1.ReasonNoApps
	}
	for _, a := range s.env.Spec.Apps {
		c, ok := s.snapshot.Component(a.Name)
		if !ok {
			c = health.Component{Name: a.Name, Title: a.Name + " is not looked at yet", Health: v1alpha1.Unknown, Reason: v1alpha1.ReasonProbing}
		}
		if len(c.Members) == 0 && c.Health == v1alpha1.Unhealthy {
			c.Title, c.Reason = a.Name+" has not started", v1alpha1.ReasonWaitingForDependency
		}
		if health.Worst(worst.Health, c.Health) != worst.Health {
			worst = c
		}
	}
	return worst
}

func setDegraded(s *scope) {
	var worse []string
	for _, c := range s.snapshot.Report.Components {
		if names := unhealthy(c.Members); names != "" {
			worse = append(worse, names)
		}
	}
	if len(worse) > 0 {
		s.set(v1alpha1.ConditionDegraded, metav1.ConditionTrue, v1alpha1.ReasonMembersUnhealthy, strings.Join(worse, "; "))
		return
	}
	s.set(v1alpha1.ConditionDegraded, metav1.ConditionFalse, v1alpha1.ReasonHealthy, "every member is healthy")
}

// unhealthy names the members that are not well and why, without figures that
// would change the status at every look.
func unhealthy(members []health.Member) string {
	var list []string
	for _, m := range members {
		if m.Health != v1alpha1.Healthy {
			list = append(list, strings.TrimSuffix(m.Name+": "+m.Message, ": "))
		}
	}
	return strings.Join(list, "; ")
}

func setReconciling(s *scope, failed error) {
	switch {
	case failed != nil:
		s.set(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonReconcileFailed, failed.Error())
	case len(s.progress) > 0:
		s.set(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing, strings.Join(s.progress, "; "))
	default:
		s.set(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonSettled, "everything is as the spec asks")
	}
}

// setReady sums up: every component serves, commits are synchronous when the
// spec asks for it, nothing is stalled, and every member that the spec asks for
// is there and healthy. A member down is not Ready, however well the rest serves.
func setReady(s *scope) {
	conditions := s.env.Status.Conditions
	var not []string
	unknown := false
	check := func(kind string, want metav1.ConditionStatus) {
		c := meta.FindStatusCondition(conditions, kind)
		switch {
		case c == nil || c.Status == metav1.ConditionUnknown:
			unknown = true
			not = append(not, kind+" is not known")
		case c.Status == want:
		case kind == v1alpha1.ConditionDegraded && len(not) > 0:
			// The components' own conditions name the members already.
		default:
			not = append(not, fmt.Sprintf("%s %s: %s", kind, c.Reason, c.Message))
		}
	}
	for _, kind := range []string{
		v1alpha1.ConditionEtcdReady, v1alpha1.ConditionPostgresReady, v1alpha1.ConditionRedisReady, v1alpha1.ConditionAppsReady,
	} {
		check(kind, metav1.ConditionTrue)
	}
	if s.env.Spec.Postgres.SynchronousMode != v1alpha1.SynchronousOff &&
		meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionPostgresReady) {
		check(v1alpha1.ConditionSynchronousReplication, metav1.ConditionTrue)
	}
	if meta.FindStatusCondition(conditions, v1alpha1.ConditionCertificatesValid) != nil {
		check(v1alpha1.ConditionCertificatesValid, metav1.ConditionTrue)
	}
	check(v1alpha1.ConditionStalled, metav1.ConditionFalse)
	check(v1alpha1.ConditionDegraded, metav1.ConditionFalse)
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch {
	case len(not) == 0:
		s.set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "every member is healthy")
	case unknown && ready == nil:
		s.set(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonStarting, not[0])
	case ready != nil && (ready.Reason == v1alpha1.ReasonStarting || ready.Reason == v1alpha1.ReasonProbing):
		s.set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonStarting, strings.Join(not, "; "))
	default:
		s.set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotReady, strings.Join(not, "; "))
	}
}

func endpoints(env *v1alpha1.PawsEnvironment) []v1alpha1.EndpointStatus {
	at := func(name, service string, port int, expose *v1alpha1.ExposeSpec) v1alpha1.EndpointStatus {
		e := v1alpha1.EndpointStatus{Name: name, Address: fmt.Sprintf("%s.%s.svc:%d", service, env.Namespace, port)}
		if expose != nil {
			e.NodePort = expose.NodePort
		}
		return e
	}
	list := []v1alpha1.EndpointStatus{
		at("etcd", naming.StatefulSet(naming.Etcd), naming.PortEtcdClient, nil),
		at("postgres", naming.ServicePatroniLeader, naming.PortPostgres, env.Spec.Postgres.Expose),
		at("postgres-replica", naming.ServicePatroniReplica, naming.PortPostgres, nil),
		at("redis", naming.ServiceRedisMaster, naming.PortRedis, env.Spec.Redis.Expose),
		at("sentinel", naming.StatefulSet(naming.Sentinel), naming.PortSentinel, nil),
	}
	for _, a := range env.Spec.Apps {
		list = append(list, at(a.Name, a.Name, int(a.Port), a.Expose))
	}
	return list
}

// tellTransitions records an event when a condition changes sides.
func (r *Reconciler) tellTransitions(before, after *v1alpha1.PawsEnvironment) {
	for _, c := range after.Status.Conditions {
		if c.Type == v1alpha1.ConditionReconciling {
			continue
		}
		old := meta.FindStatusCondition(before.Status.Conditions, c.Type)
		if old == nil || old.Status == c.Status {
			continue
		}
		kind := corev1.EventTypeNormal
		negative := c.Type == v1alpha1.ConditionStalled || c.Type == v1alpha1.ConditionDegraded || c.Type == v1alpha1.ConditionChaosActive
		if (c.Status == metav1.ConditionTrue) == negative {
			kind = corev1.EventTypeWarning
		}
		r.Recorder.Eventf(after, nil, kind, c.Type+string(c.Status), "Observe", "%s: %s", c.Reason, c.Message)
	}
	if before.Status.Leader != after.Status.Leader && after.Status.Leader != "" {
		r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, "LeaderElected", "Observe", "%s leads PostgreSQL", after.Status.Leader)
	}
	if before.Status.RedisMaster != after.Status.RedisMaster && after.Status.RedisMaster != "" {
		r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, "MasterElected", "Observe", "%s is the Redis master", after.Status.RedisMaster)
	}
}
