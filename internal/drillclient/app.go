package drillclient

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/paws360/pawskind/internal/drill"
)

const (
	routeHTTP = "HTTP"
	appPace   = 50 * time.Millisecond
)

// appClient asks the backend for a page that needs the cache and the database,
// as a browser does. Its requests count as writes: what matters is that they work.
type appClient struct {
	url    string
	client *http.Client
}

func newApp(url string) *appClient {
	return &appClient{url: url + "/api/courses", client: &http.Client{Timeout: operationTimeout}}
}

func (c *appClient) get(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answer %s", response.Status)
	}
	return nil
}

// driveApp asks until the context ends.
func (r *recorder) driveApp(ctx context.Context, route, name string, c *appClient) {
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), operationTimeout)
		o := drill.Operation{System: drill.App, Route: route, Client: name, Kind: drill.Write, Start: r.since()}
		err := c.get(attempt)
		cancel()
		o.End, o.Outcome = r.since(), drill.Acknowledged
		if err != nil {
			o.Outcome, o.Error = drill.Failed, short(err)
		}
		r.operation(o)
		pause(ctx, appPace)
	}
}
