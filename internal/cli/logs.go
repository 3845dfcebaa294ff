package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/internal/install"
)

// OperatorService and AgentService are the names under which logs knows the
// operator and the agents.
const (
	OperatorService = "operator"
	AgentService    = "agent"
)

// LogOptions say which lines are wanted.
type LogOptions struct {
	Services []string
	Follow   bool
	// Tail is how many lines of each pod; negative for all.
	Tail  int64
	Since time.Duration
}

// line is one line of a pod's log.
type line struct {
	pod  string
	when time.Time
	text string
}

// Logs shows the pods' logs in the order of time, each line with its pod.
func (a *App) Logs(ctx context.Context, o LogOptions) error {
	client, err := a.client(ctx)
	if err != nil {
		return err
	}
	pods, err := a.logged(ctx, client, o.Services)
	if err != nil {
		return err
	}
	printer := a.newPrinter(pods)
	last, err := printPast(ctx, client, pods, o, printer)
	if err != nil || !o.Follow {
		return err
	}
	err = a.follow(ctx, client, o.Services, pods, last, printer)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil // the way in which following ends
	}
	return err
}

func (a *App) logged(ctx context.Context, client *install.Client, services []string) ([]corev1.Pod, error) {
	if len(services) == 0 {
		return client.Select(ctx, a.Config.Namespace, "")
	}
	var pods []corev1.Pod
	for _, service := range services {
		namespace := a.Config.Namespace
		switch service {
		case OperatorService:
			namespace, service = install.OperatorNamespace, ""
		case AgentService:
			namespace, service = install.AgentNamespace, ""
		}
		found, err := client.Select(ctx, namespace, service)
		if err != nil {
			return nil, err
		}
		pods = append(pods, found...)
	}
	return pods, nil
}

// printPast prints what is there already, merged, and gives each pod's last time.
func printPast(ctx context.Context, client *install.Client, pods []corev1.Pod, o LogOptions, p *printer) (map[string]time.Time, error) {
	options := &corev1.PodLogOptions{Timestamps: true}
	if o.Tail >= 0 {
		options.TailLines = &o.Tail
	}
	if o.Since > 0 {
		seconds := int64(o.Since.Seconds())
		options.SinceSeconds = &seconds
	}
	collected := make([][]line, len(pods))
	var group errgroup.Group
	group.SetLimit(8)
	for i := range pods {
		group.Go(func() error {
			return read(ctx, client, &pods[i], options, func(l line) { collected[i] = append(collected[i], l) })
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	last := map[string]time.Time{}
	all := slices.Concat(collected...)
	slices.SortStableFunc(all, func(a, b line) int { return a.when.Compare(b.when) })
	for _, l := range all {
		p.print(l)
		last[l.pod] = l.when
	}
	return last, nil
}

// follow prints new lines as they come, of pods that restart and of new ones too.
func (a *App) follow(ctx context.Context, client *install.Client, services []string, pods []corev1.Pod, last map[string]time.Time, p *printer) error {
	var mu sync.Mutex
	following := map[string]bool{}
	begin := func(pod corev1.Pod) {
		mu.Lock()
		defer mu.Unlock()
		if following[pod.Name] || pod.Status.Phase == corev1.PodPending {
			return
		}
		following[pod.Name] = true
		since := last[pod.Name]
		go func() {
			options := &corev1.PodLogOptions{Timestamps: true, Follow: true}
			if !since.IsZero() {
				options.SinceTime = &metav1.Time{Time: since}
			}
			_ = read(ctx, client, &pod, options, func(l line) {
				if l.when.After(since) {
					p.print(l)
					since = l.when
				}
			})
			mu.Lock()
			defer mu.Unlock()
			following[pod.Name], last[pod.Name] = false, since
		}()
	}
	for {
		for _, pod := range pods {
			begin(pod)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		if again, err := a.logged(ctx, client, services); err == nil {
			pods = again
		}
	}
}

// read gives the lines of a pod's log. A pod that has none yet is no failure.
func read(ctx context.Context, client *install.Client, pod *corev1.Pod, options *corev1.PodLogOptions, take func(line)) error {
	stream, err := client.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return nil //nolint:nilerr // the container has not started
	}
	defer func() { _ = stream.Close() }()
	reader := bufio.NewReader(stream)
	for {
		text, err := reader.ReadString('\n')
		if text != "" {
			take(parseLine(pod.Name, strings.TrimRight(text, "\n")))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the log of %s: %w", pod.Name, err)
		}
	}
}

// parseLine takes the time that the API puts before each line off it.
func parseLine(pod, text string) line {
	stamp, rest, _ := strings.Cut(text, " ")
	when, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return line{pod: pod, text: text}
	}
	return line{pod, when, rest}
}

// printer prints lines of several pods, one at a time.
type printer struct {
	mu     sync.Mutex
	app    *App
	width  int
	colour map[string]string
}

func (a *App) newPrinter(pods []corev1.Pod) *printer {
	p := &printer{app: a, colour: map[string]string{}}
	for _, pod := range pods {
		p.width = max(p.width, len(pod.Name))
	}
	return p
}

// palette are colours that read well on dark and light.
var palette = []string{"36", "35", "34", "32", "33", "31", "96", "95", "94", "92"}

func (p *printer) print(l line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	colour, ok := p.colour[l.pod]
	if !ok {
		colour = palette[len(p.colour)%len(palette)]
		p.colour[l.pod] = colour
	}
	prefix := p.app.paint(colour, fmt.Sprintf("[%-*s]", p.width, l.pod))
	stamp := p.app.paint(faint, l.when.Local().Format("15:04:05.000"))
	_, _ = fmt.Fprintf(p.app.Out, "%s %s %s\n", prefix, stamp, l.text)
}
