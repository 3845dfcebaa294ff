// Package queryapi serves what the manager knows to the CLI, which reaches it
// through the Kubernetes API's service proxy. It reads, and changes nothing but
// by a few named actions.
package queryapi

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/observer"
	"github.com/paws360/pawskind/internal/patroni"
)

// Port is where the manager serves this API.
const Port = 8082

// Server answers on Address until its context ends.
type Server struct {
	Address  string
	Reader   client.Reader
	Observer *observer.Observer
	Version  string
	// Token gives what an action must come with.
	Token func(context.Context) (string, error)
}

// NeedLeaderElection lets every manager answer, not only the leader.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until the context ends.
func (s *Server) Start(ctx context.Context) error {
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	listener, err := net.Listen("tcp", s.Address)
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(stop)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"version": s.Version})
	})
	mux.HandleFunc("GET /v1/namespaces/{namespace}/environments/{name}/health", s.health)
	for _, action := range []patroni.Operation{patroni.Switchover, patroni.Failover, patroni.Reinit} {
		pattern := "POST /v1/namespaces/{namespace}/environments/{name}/actions/{action}"
		mux.HandleFunc(strings.Replace(pattern, "{action}", string(action), 1), s.admitted(func(w http.ResponseWriter, request *http.Request) {
			s.action(w, request, action)
		}))
	}
	return mux
}

// health looks at every member anew and answers with the report.
func (s *Server) health(w http.ResponseWriter, request *http.Request) {
	env := &v1alpha1.PawsEnvironment{}
	key := types.NamespacedName{Namespace: request.PathValue("namespace"), Name: request.PathValue("name")}
	if err := s.Reader.Get(request.Context(), key, env); err != nil {
		code := http.StatusInternalServerError
		if apierrors.IsNotFound(err) {
			code = http.StatusNotFound
		}
		answer(w, code, map[string]string{"error": err.Error()})
		return
	}
	snapshot, err := s.Observer.Look(request.Context(), env)
	if err != nil {
		log.FromContext(request.Context()).Error(err, "looking at the members failed", "environment", key)
		answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, snapshot.Report)
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
