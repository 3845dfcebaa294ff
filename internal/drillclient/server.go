package drillclient

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Port is where the clients are told what to do.
const Port = 8084

// finishTimeout bounds the final reads.
const finishTimeout = 45 * time.Second

// Server runs one drill's clients at a time, as it is told over HTTP.
type Server struct {
	Secrets Source

	mu  sync.Mutex
	run *Run
}

// Handler answers
//
//	POST /start    with Settings: begins a run
//	GET  /progress acknowledged writes of the last second, by system and route
//	POST /finish   ends the run and gives its History
//	POST /read     with Settings: gives what each member has, for clients elsewhere
//	POST /teardown removes what the run wrote
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("POST /start", s.start)
	mux.HandleFunc("GET /progress", s.progress)
	mux.HandleFunc("POST /finish", s.finish)
	mux.HandleFunc("POST /read", s.read)
	mux.HandleFunc("POST /teardown", s.tearDown)
	return mux
}

var errNoRun = errors.New("no run has begun")

func (s *Server) start(w http.ResponseWriter, request *http.Request) {
	var settings Settings
	if err := json.NewDecoder(request.Body).Decode(&settings); err != nil {
		answer(w, nil, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		s.run.stop() // an earlier drill was interrupted
	}
	ctx, cancel := context.WithTimeout(request.Context(), finishTimeout)
	defer cancel()
	var err error
	s.run, err = Start(ctx, settings, s.Secrets)
	answer(w, map[string]bool{"started": err == nil}, err)
}

func (s *Server) progress(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		answer(w, nil, errNoRun)
		return
	}
	answer(w, s.run.Progress(), nil)
}

func (s *Server) finish(w http.ResponseWriter, request *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		answer(w, nil, errNoRun)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), finishTimeout)
	defer cancel()
	answer(w, s.run.Finish(ctx), nil)
}

func (s *Server) read(w http.ResponseWriter, request *http.Request) {
	var settings Settings
	if err := json.NewDecoder(request.Body).Decode(&settings); err != nil {
		answer(w, nil, err)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), finishTimeout)
	defer cancel()
	answer(w, Read(ctx, settings, s.Secrets), nil)
}

func (s *Server) tearDown(w http.ResponseWriter, request *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		answer(w, nil, errNoRun)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), finishTimeout)
	defer cancel()
	err := s.run.TearDown(ctx)
	s.run = nil
	answer(w, map[string]bool{"removed": err == nil}, err)
}

// answer sends JSON, compressed: a history is long.
func answer(w http.ResponseWriter, body any, err error) {
	code := http.StatusOK
	if err != nil {
		code, body = http.StatusInternalServerError, map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(code)
	compressed := gzip.NewWriter(w)
	_ = json.NewEncoder(compressed).Encode(body)
	_ = compressed.Close()
}
