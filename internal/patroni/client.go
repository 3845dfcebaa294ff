package patroni

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
)

// Call sends one of Patroni's unsafe verbs to a member, with the first password
// of the REST API that it takes: while that is rotated there are two. A refusal
// is an error that tells Patroni's own words.
func (p *Prober) Call(ctx context.Context, namespace, member, method, path string, passwords []string, body any) (err error) {
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("writing the request for %s: %w", path, err)
	}
	for _, password := range passwords {
		var status int
		if status, err = p.call(ctx, namespace, member, method, path, password, content); status != http.StatusUnauthorized {
			break
		}
	}
	return err
}

func (p *Prober) call(ctx context.Context, namespace, member, method, path, password string, content []byte) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, p.URL(namespace, member)+path, bytes.NewReader(content))
	if err != nil {
		return 0, fmt.Errorf("asking %s for %s: %w", member, path, err)
	}
	request.SetBasicAuth(restUser, password)
	request.Header.Set("Content-Type", "application/json")
	response, err := p.client(namespace).Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking %s for %s: %w", member, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	if response.StatusCode >= 300 {
		return response.StatusCode, &declined{member, method, path, response.StatusCode, string(bytes.TrimSpace(answer))}
	}
	return response.StatusCode, nil
}

// declined is Patroni's answer that it does not do what it was asked.
type declined struct {
	member, method, path string
	status               int
	words                string
}

func (d *declined) Error() string {
	return fmt.Sprintf("%s refuses %s %s: %d %s", d.member, d.method, d.path, d.status, d.words)
}

// unreached tells that a leader found no replica to hand over to, which may be but
// for a moment: a member that reads new certificates closes its API meanwhile. The
// leader still leads (Patroni's api.py: poll_failover_result, is_failover_possible).
func unreached(err error) bool {
	var d *declined
	return errors.As(err, &d) && (d.status == http.StatusServiceUnavailable || strings.Contains(d.words, "no good candidates"))
}

// Switchover hands the leadership over, to the candidate or, when that is
// empty, to the replica that Patroni finds best. It returns once another
// member leads; a context that ends earlier does not take the wish back. A
// leader that reaches no replica is asked up to three times, a second apart.
func (p *Prober) Switchover(ctx context.Context, namespace, leader, candidate string, passwords []string) error {
	body := map[string]string{"leader": leader}
	if candidate != "" {
		body["candidate"] = candidate
	}
	return retry.OnError(wait.Backoff{Steps: 3, Duration: p.pause}, unreached, func() error {
		return p.Call(ctx, namespace, leader, http.MethodPost, "/switchover", passwords, body)
	})
}

// Restart restarts a member's PostgreSQL, not its pod, when a changed setting
// waits for that. It returns once PostgreSQL runs again.
func (p *Prober) Restart(ctx context.Context, namespace, member string, passwords []string) error {
	return p.Call(ctx, namespace, member, http.MethodPost, "/restart", passwords, map[string]any{"restart_pending": true})
}

// Reinitialize lets a replica drop its data and copy the leader anew.
func (p *Prober) Reinitialize(ctx context.Context, namespace, member string, passwords []string) error {
	return p.Call(ctx, namespace, member, http.MethodPost, "/reinitialize", passwords, map[string]any{"force": true})
}

// PatchConfig changes the dynamic configuration on all members; a key of value
// nil is removed.
func (p *Prober) PatchConfig(ctx context.Context, namespace, member string, passwords []string, patch map[string]any) error {
	return p.Call(ctx, namespace, member, http.MethodPatch, "/config", passwords, patch)
}

// Wake lets a member run its HA loop now instead of after loop_wait.
func (p *Prober) Wake(ctx context.Context, namespace, member string, passwords []string) error {
	return p.PatchConfig(ctx, namespace, member, passwords, map[string]any{"wake": nil})
}

// Configuration is the dynamic configuration that is in force.
func (p *Prober) Configuration(ctx context.Context, namespace, member string) (map[string]any, error) {
	data, err := p.get(ctx, namespace, member, "/config")
	if err != nil {
		return nil, fmt.Errorf("reading %s's configuration: %w", member, err)
	}
	config := map[string]any{}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("reading %s's configuration: %w", member, err)
	}
	return config, nil
}
