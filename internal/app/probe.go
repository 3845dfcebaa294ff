package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// Target is one pod to ask.
type Target struct {
	Pod string
	IP  string
	// Waiting is why the container does not run, such as CrashLoopBackOff.
	Waiting string
	// Ready is the pod's own readiness.
	Ready bool
}

// PodFacts is what one pod answered.
type PodFacts struct {
	Pod     string
	Waiting string
	Ready   bool
	// Err is why the pod could not be asked; empty when it answered.
	Err      string
	Code     int
	Duration time.Duration
	// Status and Dependencies are what the answer says of the app and of what
	// it uses, when it is Spring Boot's or NFR-OBS-004's JSON.
	Status       string
	Dependencies map[string]string
}

// Prober asks apps for their health over kept connections.
type Prober struct{ client *http.Client }

// NewProber asks with a client of its own.
func NewProber() *Prober {
	return &Prober{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}}}
}

// Probe asks all pods of the app in parallel, each for at most the given time.
func (p *Prober) Probe(ctx context.Context, app v1alpha1.AppSpec, targets []Target, timeout time.Duration) []PodFacts {
	facts := make([]PodFacts, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			facts[i] = p.ask(ctx, app, t)
		})
	}
	wg.Wait()
	return facts
}

func (p *Prober) ask(ctx context.Context, app v1alpha1.AppSpec, t Target) PodFacts {
	facts := PodFacts{Pod: t.Pod, Waiting: t.Waiting, Ready: t.Ready}
	if t.Waiting != "" || t.IP == "" {
		facts.Err = "container not running"
		return facts
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d%s", t.IP, app.Port, app.Health.Path), nil)
	if err != nil {
		facts.Err = err.Error()
		return facts
	}
	start := time.Now()
	response, err := p.client.Do(request)
	if err != nil {
		facts.Err = "does not answer"
		if !errors.Is(err, context.DeadlineExceeded) {
			facts.Err = errors.Unwrap(err).Error()
		}
		return facts
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	facts.Code, facts.Duration = response.StatusCode, time.Since(start)
	facts.Status, facts.Dependencies = parse(body)
	return facts
}

// parse reads {"status":..., "components"|"dependencies": {name: {"status":...}}}.
func parse(body []byte) (status string, dependencies map[string]string) {
	type part struct {
		Status string `json:"status"`
	}
	var answer struct {
		Status       string          `json:"status"`
		Components   map[string]part `json:"components"`
		Dependencies map[string]part `json:"dependencies"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", nil
	}
	dependencies = map[string]string{}
	for _, parts := range []map[string]part{answer.Components, answer.Dependencies} {
		for name, p := range parts {
			dependencies[name] = p.Status
		}
	}
	return answer.Status, dependencies
}
