package install

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/problem"
)

// diagnosis finds the pod that keeps namespaces from coming up. Those of the first
// are needed by those of the next.
type diagnosis struct {
	client     *Client
	namespaces []string
	// restarts are each container's before the wait began: those of an earlier
	// life of the node say nothing.
	restarts map[string]int32
	// since is when a pod was first seen with a trouble that may pass.
	since map[string]time.Time
	now   func() time.Time
}

func newDiagnosis(c *Client, namespaces ...string) *diagnosis {
	return &diagnosis{c, namespaces, map[string]int32{}, map[string]time.Time{}, time.Now}
}

const (
	// crashes are how many restarts show that a container will not come up.
	crashes = 3
	// imageGrace is how long an image may be missing: it may be on its way.
	imageGrace = 20 * time.Second
	// placeGrace is how long a pod may find no node: nodes may be starting.
	placeGrace = 45 * time.Second
)

func (d *diagnosis) list(ctx context.Context) []corev1.Pod {
	var all []corev1.Pod
	for _, namespace := range d.namespaces {
		list, err := d.client.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil
		}
		slices.SortFunc(list.Items, func(a, b corev1.Pod) int {
			return cmp.Or(
				cmp.Compare(order(a.Labels[naming.LabelComponent]), order(b.Labels[naming.LabelComponent])),
				cmp.Compare(a.Name, b.Name))
		})
		all = append(all, list.Items...)
	}
	return all
}

func (d *diagnosis) baseline(ctx context.Context) {
	for _, pod := range d.list(ctx) {
		for _, c := range pod.Status.ContainerStatuses {
			d.restarts[string(pod.UID)+c.Name] = c.RestartCount
		}
	}
}

// hopeless gives the first pod that will not start by waiting longer.
func (d *diagnosis) hopeless(ctx context.Context) *problem.Problem {
	for _, pod := range d.list(ctx) {
		if reason := d.judge(&pod); reason != "" {
			return d.tell(ctx, &pod, reason)
		}
	}
	return nil
}

// judge is why the pod is hopeless; empty when it is not.
func (d *diagnosis) judge(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		w := c.State.Waiting
		if w == nil {
			continue
		}
		switch w.Reason {
		case "CrashLoopBackOff":
			if n := c.RestartCount - d.restarts[string(pod.UID)+c.Name]; n >= crashes {
				return fmt.Sprintf("%s after %d restarts%s", w.Reason, n, exitOf(c))
			}
		case "InvalidImageName", "ErrImageNeverPull":
			return w.Reason + ": " + w.Message
		case "ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			if d.lasted(pod, imageGrace) {
				return w.Reason + ": " + w.Message
			}
			return ""
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			if d.lasted(pod, placeGrace) {
				return "no node can take it: " + c.Message
			}
			return ""
		}
	}
	delete(d.since, string(pod.UID))
	return ""
}

func (d *diagnosis) lasted(pod *corev1.Pod, grace time.Duration) bool {
	first, known := d.since[string(pod.UID)]
	if !known {
		d.since[string(pod.UID)] = d.now()
		return false
	}
	return d.now().Sub(first) >= grace
}

func exitOf(c corev1.ContainerStatus) string {
	if t := c.LastTerminationState.Terminated; t != nil {
		return fmt.Sprintf(", exit status %d (%s)", t.ExitCode, t.Reason)
	}
	return ""
}

// rootCause is the first pod, in the order of dependencies, that is not ready.
func (d *diagnosis) rootCause(ctx context.Context) *problem.Problem {
	for _, pod := range d.list(ctx) {
		if pods.IsReady(&pod) || pod.Status.Phase == corev1.PodSucceeded {
			continue
		}
		reason := pods.Waiting(&pod)
		if reason == "" {
			reason = "runs and does not become ready"
		}
		return d.tell(ctx, &pod, reason)
	}
	return nil
}

// tell names the member, why it does not start, and its last words.
func (d *diagnosis) tell(ctx context.Context, pod *corev1.Pod, reason string) *problem.Problem {
	component := pod.Labels[naming.LabelComponent]
	what := fmt.Sprintf("%s failed to start - %s", pod.Name, reason)
	if words := d.lastWords(ctx, pod); words != "" {
		what += ". Its last log line: " + words
	}
	code := map[string]problem.Code{
		naming.Etcd: problem.EtcdNotStarted, naming.Postgres: problem.PatroniNotStart,
		naming.Redis: problem.RedisNotStarted, naming.Sentinel: problem.RedisNotStarted,
	}[component]
	if code == "" {
		code = problem.AppNotStarted
	}
	if component == "" {
		return problem.New(problem.OperatorNotStarted, "%s", what)
	}
	return problem.New(code, "%s", what).
		Do("Check its configuration and its logs: make local-logs SERVICE=%s", pod.Name)
}

// trouble marks a log line that says what went wrong.
var trouble = regexp.MustCompile(`(?i)\b(error|fatal|panic|failed|exception|cannot|denied)\b`)

// lastWords is the last line in the pod's log that tells of trouble, else the last.
func (d *diagnosis) lastWords(ctx context.Context, pod *corev1.Pod) string {
	lines := int64(30)
	for _, previous := range []bool{false, true} {
		log, err := d.client.Kube.CoreV1().Pods(pod.Namespace).
			GetLogs(pod.Name, &corev1.PodLogOptions{Previous: previous, TailLines: &lines}).DoRaw(ctx)
		if err == nil {
			if words := telling(string(log)); words != "" {
				return words
			}
		}
	}
	return ""
}

func telling(log string) string {
	const longest = 300
	last := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if line != "" && (last == "" || trouble.MatchString(line) || !trouble.MatchString(last)) {
			last = line
		}
	}
	if runes := []rune(last); len(runes) > longest {
		return string(runes[:longest]) + "..."
	}
	return last
}
