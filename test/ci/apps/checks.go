package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// check asks for one thing; its name says what is so when there is no error.
type check func(context.Context, *apps) (name string, err error)

type course struct {
	ID       int64  `json:"id"`
	Code     string `json:"code"`
	Title    string `json:"title"`
	Enrolled int    `json:"enrolled"`
}

// database opens the database that the backend uses.
func database(ctx context.Context) (*pgx.Conn, error) {
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(env("PGUSER", "paws360"), os.Getenv("PGPASSWORD")),
		Host: net.JoinHostPort(env("PGHOST", "localhost"), env("PGPORT", "5432")), Path: env("PGDATABASE", "paws360"),
	}
	return pgx.Connect(ctx, address.String())
}

func migrated(ctx context.Context, _ *apps) (string, error) {
	const name = "every migration has run"
	db, err := database(ctx)
	if err != nil {
		return name, err
	}
	defer func() { _ = db.Close(ctx) }()
	files, err := os.ReadDir("test/apps/backend/db/migrations")
	if err != nil {
		return name, err
	}
	var done int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM flyway_schema_history WHERE success AND type = 'SQL'").Scan(&done); err != nil {
		return name, err
	}
	if done != len(files) {
		return name, fmt.Errorf("%d of %d have", done, len(files))
	}
	return name, nil
}

func coursesAreListed(ctx context.Context, a *apps) (string, error) {
	const name = "the courses are listed and searched"
	var all, some []course
	err := errors.Join(asked(ctx, http.MethodGet, a.api+"/api/courses", "", &all), asked(ctx, http.MethodGet, a.api+"/api/courses?q=data", "", &some))
	if err == nil && (len(all) == 0 || len(some) == 0 || len(some) >= len(all)) {
		err = fmt.Errorf("%d courses, %d of them match", len(all), len(some))
	}
	return name, err
}

func enrolmentIsKept(ctx context.Context, a *apps) (string, error) {
	const name, student = "an enrolment is in the database until it is withdrawn", "Pipeline"
	var all []course
	if err := asked(ctx, http.MethodGet, a.api+"/api/courses", "", &all); err != nil {
		return name, err
	}
	enrolments := fmt.Sprintf("%s/api/courses/%d/enrolments", a.api, all[0].ID)
	var made struct {
		ID int64 `json:"id"`
	}
	if err := asked(ctx, http.MethodPost, enrolments, `{"student":"`+student+`"}`, &made); err != nil {
		return name, err
	}
	db, err := database(ctx)
	if err != nil {
		return name, err
	}
	defer func() { _ = db.Close(ctx) }()
	var found string
	if err := db.QueryRow(ctx, "SELECT student FROM enrolments WHERE id = $1", made.ID).Scan(&found); err != nil || found != student {
		return name, fmt.Errorf("the database has %q: %w", found, err)
	}
	return name, asked(ctx, http.MethodDelete, enrolments+"/"+strconv.FormatInt(made.ID, 10), "", nil)
}

func redisKeeps(ctx context.Context, _ *apps) (string, error) {
	const name = "Redis keeps what is written"
	number, err := strconv.Atoi(env("REDIS_DB", "0"))
	if err != nil {
		return name, err
	}
	client := redis.NewClient(&redis.Options{
		Addr: net.JoinHostPort(env("REDIS_HOST", "localhost"), env("REDIS_PORT", "6379")), Username: os.Getenv("REDIS_USERNAME"), Password: os.Getenv("REDIS_PASSWORD"), DB: number,
	})
	defer func() { _ = client.Close() }()
	key := os.Getenv("REDIS_PREFIX") + "pipeline"
	if err := client.Set(ctx, key, "kept", 0).Err(); err != nil {
		return name, err
	}
	value, err := client.GetDel(ctx, key).Result()
	if err == nil && value != "kept" {
		err = fmt.Errorf("it has %q", value)
	}
	return name, err
}

func pageShowsCourses(ctx context.Context, a *apps) (string, error) {
	const name = "the page shows the backend's courses"
	var all []course
	if err := asked(ctx, http.MethodGet, a.api+"/api/courses", "", &all); err != nil {
		return name, err
	}
	_, page, err := ask(ctx, http.MethodGet, a.page+"/", "")
	for _, c := range all {
		if err == nil && !strings.Contains(string(page), c.Code) {
			err = fmt.Errorf("%s is not on the page", c.Code)
		}
	}
	return name, err
}

func metricsAreThere(ctx context.Context, a *apps) (string, error) {
	const name = "both apps have metrics"
	for _, address := range []string{a.api + "/metrics", a.page + "/metrics"} {
		status, answer, err := ask(ctx, http.MethodGet, address, "")
		if err != nil || status != http.StatusOK || !strings.Contains(string(answer), "# TYPE") {
			return name, errors.Join(fmt.Errorf("%s answered %d", address, status), err)
		}
	}
	return name, nil
}
