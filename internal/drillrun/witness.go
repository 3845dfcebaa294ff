package drillrun

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "k8s.io/client-go/rest"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

// witness sees what the environment's conditions and pods are all the while, as
// anybody can who watches them. Its times are of the clock; a run's begin later.
type witness struct {
	api  kube.Interface
	done sync.WaitGroup
	stop context.CancelFunc

	mu    sync.Mutex
	began time.Time
	// conditions and pods are stamped with the time since began.
	conditions []drill.Condition
	pods       []drill.Pod
	latest     map[string]drill.Condition
}

// How often the API is asked whether it answers, and after how long without an
// answer it counts as silent.
const (
	heartbeat = 250 * time.Millisecond
	silence   = 2 * time.Second
)

func newWitness(ctx context.Context, c *install.Client, env *v1alpha1.PawsEnvironment) *witness {
	w := &witness{api: c.Kube.CoreV1().RESTClient(), began: time.Now(), latest: map[string]drill.Condition{}}
	ctx, w.stop = context.WithCancel(ctx)
	environments := fmt.Sprintf("/apis/%s/namespaces/%s/pawsenvironments", v1alpha1.GroupVersion, env.Namespace)
	w.done.Go(func() { w.follow(ctx, environments, "metadata.name="+env.Name, "", w.environment) })
	w.done.Go(func() {
		w.follow(ctx, "/api/v1/namespaces/"+env.Namespace+"/pods", "", naming.LabelEnvironment+"="+env.Name, w.pod)
	})
	w.done.Go(func() { w.listen(ctx) })
	return w
}

// end stops the watches.
func (w *witness) end() {
	w.stop()
	w.done.Wait()
}

// follow lists the objects and watches them, and begins anew whenever that ends.
func (w *witness) follow(ctx context.Context, path, fields, labels string, each func(object json.RawMessage, gone bool)) {
	query := url.Values{}
	for key, value := range map[string]string{"fieldSelector": fields, "labelSelector": labels} {
		if value != "" {
			query.Set(key, value)
		}
	}
	for ctx.Err() == nil {
		_ = w.once(ctx, path, query, each)
		_ = rest(ctx)
	}
}

func (w *witness) once(ctx context.Context, path string, query url.Values, each func(json.RawMessage, bool)) error {
	body, err := w.api.Get().RequestURI(path + "?" + query.Encode()).DoRaw(ctx)
	if err != nil {
		return err
	}
	var list struct {
		Metadata metav1.ListMeta   `json:"metadata"`
		Items    []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("reading a list of %s: %w", path, err)
	}
	for _, item := range list.Items {
		each(item, false)
	}
	watching := url.Values{"watch": {"true"}, "resourceVersion": {list.Metadata.ResourceVersion}}
	for key, values := range query {
		watching[key] = values
	}
	stream, err := w.api.Get().RequestURI(path + "?" + watching.Encode()).Stream(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	events := json.NewDecoder(stream)
	for {
		var event struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"`
		}
		if err := events.Decode(&event); err != nil {
			return err
		}
		if event.Type == "ERROR" {
			return fmt.Errorf("watching %s: %s", path, event.Object)
		}
		each(event.Object, event.Type == "DELETED")
	}
}

func (w *witness) environment(object json.RawMessage, gone bool) {
	env := v1alpha1.PawsEnvironment{}
	if gone || json.Unmarshal(object, &env) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Since(w.began)
	for _, c := range env.Status.Conditions {
		now := drill.Condition{At: at, Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: c.Message}
		before := w.latest[c.Type]
		if before.Status != now.Status || before.Reason != now.Reason || before.Message != now.Message {
			w.latest[c.Type] = now
			w.conditions = append(w.conditions, now)
		}
	}
}

func (w *witness) pod(object json.RawMessage, gone bool) {
	pod := &corev1.Pod{}
	if json.Unmarshal(object, pod) != nil || pod.Labels[naming.LabelComponent] == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := podOf(pod, gone)
	now.At = time.Since(w.began)
	for _, before := range slices.Backward(w.pods) {
		if before.UID == now.UID {
			if before.At = now.At; before == now {
				return
			}
			break
		}
	}
	w.pods = append(w.pods, now)
}

func podOf(pod *corev1.Pod, gone bool) drill.Pod {
	p := drill.Pod{
		Name: pod.Name, UID: string(pod.UID), Component: pod.Labels[naming.LabelComponent], App: install.IsApp(pod),
		Revision: pod.Labels["pod-template-hash"], Gone: gone,
		Ready: !gone && pod.DeletionTimestamp.IsZero() && pods.IsReady(pod),
	}
	for _, c := range pod.Status.ContainerStatuses {
		p.Restarts += c.RestartCount
	}
	return p
}

// listen notes for how long the API does not answer: nobody can be told then.
func (w *witness) listen(ctx context.Context) {
	heard, quiet := time.Now(), false
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, silence)
		err := w.api.Get().AbsPath("/readyz").Do(attempt).Error()
		cancel()
		switch {
		case err == nil:
			if quiet || time.Since(heard) > silence {
				w.silent(heard, time.Now())
			}
			heard, quiet = time.Now(), false
		case time.Since(heard) > silence && !quiet:
			quiet = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(heartbeat):
		}
	}
	if quiet {
		w.silent(heard, time.Now())
	}
}

// silent notes a time of silence, after which Ready is what it was found to be last.
func (w *witness) silent(from, to time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conditions = withSilence(w.conditions, from.Sub(w.began), to.Sub(w.began))
}

// withSilence puts a time of silence into what was found. What came late out of
// the silence counts from its end on.
func withSilence(list []drill.Condition, from, to time.Duration) []drill.Condition {
	last := drill.Condition{Type: v1alpha1.ConditionReady}
	for i, c := range list {
		if c.Type == v1alpha1.ConditionReady && c.At < to {
			last = c
			if c.At > from {
				list[i].At = to
			}
		}
	}
	last.At = to
	list = append(list, drill.Condition{At: from, Type: v1alpha1.ConditionReady}, last)
	slices.SortStableFunc(list, func(a, b drill.Condition) int { return int(a.At - b.At) })
	return list
}

// ready tells whether the condition Ready is True now.
func (w *witness) ready() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest[v1alpha1.ConditionReady].Status == string(metav1.ConditionTrue)
}

// tell puts what was seen since the run began into the run.
func (w *witness) tell(run *drill.Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	shift := run.Began.Sub(w.began)
	for _, c := range w.conditions {
		c.At = max(c.At-shift, 0)
		run.Conditions = append(run.Conditions, c)
	}
	for _, p := range w.pods {
		p.At = max(p.At-shift, 0)
		run.Pods = append(run.Pods, p)
	}
}
