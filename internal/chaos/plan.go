package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// Plan is the next step of all declared faults.
type Plan struct {
	// Statuses are what status.chaos shall be.
	Statuses []v1alpha1.FaultStatus
	// Kill are pods to delete without a grace period. A pod comes here only
	// after it stood in a written status, so that it is never done twice.
	Kill []v1alpha1.FaultPod
	// Again is when to look again; 0 when nothing is about to change by itself.
	Again time.Duration
}

// How soon a plan is looked at again: while a fault is about to be done, and
// while one holds.
const (
	soon  = 100 * time.Millisecond
	later = time.Second
)

func (p *Plan) look(after time.Duration) {
	if p.Again == 0 || after < p.Again {
		p.Again = after
	}
}

// Situation is what a plan is made from.
type Situation struct {
	World World
	// Local tells that the cluster is marked as local.
	Local  bool
	Now    time.Time
	Spec   []v1alpha1.FaultSpec
	Status []v1alpha1.FaultStatus
	Agents []v1alpha1.AgentStatus
}

// Next decides the next step. A fault that is no longer declared leaves the
// plan; the agents undo what they are no longer told to hold.
func Next(s Situation) Plan {
	var p Plan
	for _, spec := range s.Spec {
		status, known := find(s.Status, spec.Name)
		if !known {
			status = s.begin(spec)
			p.look(soon)
		} else if isOpen(status.State) {
			status = s.carryOn(spec, status, &p)
		}
		p.Statuses = append(p.Statuses, status)
	}
	for _, agent := range s.Agents {
		for _, f := range agent.Faults {
			name, _, _ := strings.Cut(f.ID, "/")
			if status, known := find(p.Statuses, name); f.State == v1alpha1.FaultActive && (!known || !isOpen(status.State)) {
				p.look(later) // an agent has yet to undo it
			}
		}
	}
	return p
}

func isOpen(state v1alpha1.FaultState) bool {
	return state == v1alpha1.FaultPending || state == v1alpha1.FaultActive
}

func find(list []v1alpha1.FaultStatus, name string) (v1alpha1.FaultStatus, bool) {
	i := slices.IndexFunc(list, func(f v1alpha1.FaultStatus) bool { return f.Name == name })
	if i < 0 {
		return v1alpha1.FaultStatus{}, false
	}
	return list[i], true
}

// begin resolves the target and says what is about to be done.
func (s Situation) begin(spec v1alpha1.FaultSpec) v1alpha1.FaultStatus {
	status := v1alpha1.FaultStatus{Name: spec.Name, Kind: spec.Kind, Target: spec.Target, State: v1alpha1.FaultPending}
	if !s.Local {
		status.State = v1alpha1.FaultRefused
		status.Message = "this cluster is not marked as local: faults are refused"
		return status
	}
	pods, err := Resolve(spec.Target, s.World)
	if err != nil {
		status.Message = err.Error()
		return status
	}
	if status.PeerIPs = PeerIPs(spec.From, s.World); len(spec.From) > 0 && len(status.PeerIPs) == 0 {
		status.Message = "none of what it shall be cut off from runs now"
		return status
	}
	status.Pods = pods
	now := metav1.NewMicroTime(s.Now)
	status.StartedAt = &now
	if spec.Duration != nil {
		ends := metav1.NewMicroTime(s.Now.Add(spec.Duration.Duration))
		status.EndsAt = &ends
	}
	status.Message = fmt.Sprintf("%s %s", spec.Kind, names(pods))
	return status
}

// carryOn takes an open fault one step on.
func (s Situation) carryOn(spec v1alpha1.FaultSpec, status v1alpha1.FaultStatus, p *Plan) v1alpha1.FaultStatus {
	switch {
	case len(status.Pods) == 0: // nobody had the role until now
		p.look(later)
		return s.begin(spec)
	case status.EndsAt != nil && !s.Now.Before(status.EndsAt.Time):
		status.State, status.Message = v1alpha1.FaultUndone, "its duration is over"
		return status
	case spec.Kind == v1alpha1.FaultKill:
		p.Kill = append(p.Kill, status.Pods...)
		status.State, status.Message = v1alpha1.FaultDone, "killed "+names(status.Pods)
		return status
	}
	// Members of a cut that come back at another address stay cut off.
	status.PeerIPs = union(status.PeerIPs, PeerIPs(spec.From, s.World))
	status = s.told(status)
	switch status.State {
	case v1alpha1.FaultPending:
		p.look(soon)
	case v1alpha1.FaultActive:
		p.look(later)
	}
	return status
}

// told takes over what the agents say of a fault.
func (s Situation) told(status v1alpha1.FaultStatus) v1alpha1.FaultStatus {
	count := map[v1alpha1.FaultState]int{}
	var message string
	gone := 0
	for _, pod := range status.Pods {
		if !s.lives(pod) {
			gone++
			continue
		}
		state, said := s.agentSays(status.Name + "/" + pod.Name)
		count[state]++
		if said != "" {
			message = pod.Name + ": " + said
		}
	}
	switch {
	case count[v1alpha1.FaultNotSupported] > 0:
		status.State, status.Message = v1alpha1.FaultNotSupported, message
	case count[v1alpha1.FaultFailed] > 0:
		status.State, status.Message = v1alpha1.FaultFailed, message
	case gone == len(status.Pods):
		status.State, status.Message = v1alpha1.FaultUndone, "the pods that it was done to were replaced"
	case count[v1alpha1.FaultDone]+gone == len(status.Pods):
		status.State, status.Message = v1alpha1.FaultDone, string(status.Kind)+" done to "+names(status.Pods)
	case count[v1alpha1.FaultActive]+gone == len(status.Pods):
		status.State, status.Message = v1alpha1.FaultActive, string(status.Kind)+" holds on "+names(status.Pods)
	}
	return status
}

func (s Situation) lives(pod v1alpha1.FaultPod) bool {
	for i := range s.World.Pods {
		if string(s.World.Pods[i].UID) == pod.UID {
			return true
		}
	}
	return false
}

func (s Situation) agentSays(id string) (v1alpha1.FaultState, string) {
	for _, agent := range s.Agents {
		for _, f := range agent.Faults {
			if f.ID == id {
				return f.State, f.Message
			}
		}
	}
	return v1alpha1.FaultPending, ""
}

func names(pods []v1alpha1.FaultPod) string {
	list := make([]string, len(pods))
	for i, pod := range pods {
		list[i] = pod.Name
	}
	return strings.Join(list, ", ")
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// Active tells whether any fault is about to be done or holds, and describes them.
func Active(statuses []v1alpha1.FaultStatus) (bool, string) {
	var list []string
	for _, f := range statuses {
		if isOpen(f.State) {
			list = append(list, f.Name+": "+f.Message)
		}
	}
	return len(list) > 0, strings.Join(list, "; ")
}

// Undone tells whether faults of those names are gone, and no agent holds one.
func Undone(status v1alpha1.PawsEnvironmentStatus, names []string) bool {
	for _, name := range names {
		if _, known := find(status.Chaos, name); known {
			return false
		}
		for _, agent := range status.Agents {
			if slices.ContainsFunc(agent.Faults, func(f v1alpha1.AgentFault) bool { return strings.HasPrefix(f.ID, name+"/") }) {
				return false
			}
		}
	}
	return true
}

// Told are the faults as status.chaos has them, but for those done to the operator
// itself: of these the agents tell, for it cannot.
func Told(status v1alpha1.PawsEnvironmentStatus) []v1alpha1.FaultStatus {
	s := Situation{Agents: status.Agents}
	told := slices.Clone(status.Chaos)
	for i, f := range told {
		if f.Target != Operator || f.State != v1alpha1.FaultPending {
			continue
		}
		for _, pod := range f.Pods {
			if state, said := s.agentSays(f.Name + "/" + pod.Name); state != v1alpha1.FaultPending {
				told[i].State, told[i].Message = state, pod.Name+": "+said
			}
		}
	}
	return told
}
