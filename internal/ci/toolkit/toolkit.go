// Package toolkit serves what actions that are programs ask the remote for through
// its toolkit: the artifacts of the run (version 4's API) and the cache. It
// listens on loopback, and every request needs a token that one job was given.
// The cache is act's own server; its artifact server is not used, because it puts
// the blocks of an upload together in the order in which they arrive.
package toolkit

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nektos/act/pkg/artifactcache"
)

// Server serves one run.
type Server struct {
	// folder holds the run's artifacts, one folder for each name; parts is where
	// uploads are put together.
	folder, parts string
	run           string
	server        *http.Server
	address       string
	cache         *artifactcache.Handler

	mu   sync.Mutex
	jobs map[string]func(artifact string)
	// uploads and downloads are by the unguessable last part of their addresses.
	uploads   map[string]*upload
	downloads map[string]string
}

// Start serves the artifacts in a folder and the cache in another, for a run.
func Start(folder, cacheFolder, run string) (_ *Server, err error) {
	s := &Server{folder: folder, run: run, jobs: map[string]func(string){}, uploads: map[string]*upload{}, downloads: map[string]string{}}
	fail := func(err error) (*Server, error) {
		_ = s.Close()
		return nil, fmt.Errorf("serving artifacts and caches to actions: %w", err)
	}
	if s.parts, err = os.MkdirTemp("", "pawskind-ci-uploads-"); err != nil {
		return fail(err)
	}
	if s.cache, err = artifactcache.StartHandler(filepath.Join(cacheFolder, "toolkit"), "", "127.0.0.1", 0, nil); err != nil {
		return fail(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fail(err)
	}
	s.address = "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+service+"{method}", s.call)
	mux.HandleFunc("PUT /upload/{id}", s.put)
	mux.HandleFunc("GET /download/{id}", s.get)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // it ends with Close
	return s, nil
}

// Close ends the server; what was uploaded and not finished is gone.
func (s *Server) Close() error {
	var problems []error
	if s.server != nil {
		problems = append(problems, s.server.Close())
	}
	if s.cache != nil {
		problems = append(problems, s.cache.Close())
	}
	if s.parts != "" {
		problems = append(problems, os.RemoveAll(s.parts))
	}
	return errors.Join(problems...)
}

// Job gives the variables by which a job's actions find the server, and the token
// among them. Kept is called for each artifact that the job finishes.
func (s *Server) Job(kept func(artifact string)) (env map[string]string, token string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token, err = s.token(len(s.jobs) + 1); err != nil {
		return nil, "", err
	}
	s.jobs[token] = kept
	return map[string]string{
		"ACTIONS_RUNTIME_URL": s.address + "/", "ACTIONS_RESULTS_URL": s.address + "/", "ACTIONS_RUNTIME_TOKEN": token,
		"ACTIONS_CACHE_URL": s.cache.ExternalURL() + "/",
	}, token, nil
}

// token is shaped as the toolkit wants it: it reads run and job out of it. What
// makes it a secret is its last part.
func (s *Server) token(job int) (string, error) {
	claims, err := json.Marshal(map[string]any{"scp": fmt.Sprintf("Actions.Results:%s:%d", s.run, job), "exp": time.Now().Add(24 * time.Hour).Unix()})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{encode([]byte(`{"alg":"none","typ":"JWT"}`)), encode(claims), encode([]byte(rand.Text()))}, "."), nil
}

// keeper is what the request's token stands for; nil when it stands for nothing.
func (s *Server) keeper(r *http.Request) func(string) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[token]
}
