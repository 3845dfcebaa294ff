package install

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/internal/logscan"
	"github.com/paws360/pawskind/internal/naming"
)

// logTimeout bounds the reading of all recent logs.
const logTimeout = 2 * time.Second

// LogErrors finds the error lines in the recent logs of a namespace's pods. A
// log that cannot be read in time has none.
func (c *Client) LogErrors(ctx context.Context, namespace string) []logscan.Finding {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	list, err := c.Select(ctx, namespace, "")
	if err != nil {
		return nil
	}
	found := make([]logscan.Finding, len(list))
	var wg sync.WaitGroup
	for i, pod := range list {
		wg.Go(func() {
			tail, since := int64(logscan.Lines), int64(logscan.WindowSeconds)
			log, err := c.Kube.CoreV1().Pods(namespace).GetLogs(pod.Name,
				&corev1.PodLogOptions{TailLines: &tail, SinceSeconds: &since}).Stream(ctx)
			if err != nil {
				return
			}
			defer func() { _ = log.Close() }()
			f := logscan.Finding{Component: pod.Labels[naming.LabelComponent], Member: pod.Name}
			f.Errors, f.Last = logscan.Scan(log)
			found[i] = f
		})
	}
	wg.Wait()
	found = slices.DeleteFunc(found, func(f logscan.Finding) bool { return f.Errors == 0 })
	slices.SortFunc(found, func(a, b logscan.Finding) int { return strings.Compare(a.Member, b.Member) })
	return found
}
