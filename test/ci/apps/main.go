// Command apps starts the sample apps, as the pipeline built them, against the
// PostgreSQL and Redis of a job's services, and asks them what a user would ask.
// It ends with status 0 when every answer is right.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var a apps
	flag.StringVar(&a.jar, "backend", "", "the backend's jar")
	flag.StringVar(&a.frontend, "frontend", "", "the frontend's folder; only the backend when empty")
	what := flag.String("check", "ready", "ready, integration or smoke")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := a.run(ctx, *what); err != nil {
		fmt.Printf("::error::%s\n", err)
		os.Exit(1)
	}
}

func (a *apps) run(ctx context.Context, what string) error {
	checks := map[string][]check{
		"ready":       nil,
		"integration": {migrated, coursesAreListed, enrolmentIsKept, redisKeeps},
		"smoke":       {coursesAreListed, enrolmentIsKept, pageShowsCourses, metricsAreThere},
	}
	list, known := checks[what]
	if !known {
		return fmt.Errorf("-check is %q and must be ready, integration or smoke", what)
	}
	defer a.stop()
	if err := a.start(ctx); err != nil {
		return err
	}
	var failed []error
	for _, c := range list {
		began := time.Now()
		name, err := c(ctx, a)
		verdict := "ok"
		if err != nil {
			verdict = "FAILED"
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
		fmt.Printf("%-6s %s (%d ms)\n", verdict, name, time.Since(began).Milliseconds())
	}
	return errors.Join(failed...)
}
