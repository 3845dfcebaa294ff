package queryapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/patroni"
)

// actionTimeout bounds the wait for Patroni's answer, which comes when all is
// done: it carries on with what it has begun, such as a failover that waits until
// the lease of a leader that hangs has ended.
const actionTimeout = 20 * time.Second

// ActionAnswer is what became of an action.
type ActionAnswer struct {
	Error string `json:"error,omitempty"`
	// Forcible: the action would lose acknowledged writes, and is done with
	// patroni.ForcePhrase as the parameter force.
	Forcible bool   `json:"forcible,omitempty"`
	Leader   string `json:"leader,omitempty"`
}

// action does one named operation on PostgreSQL: it is judged by a look of this
// moment, and refused when it would lose data.
func (s *Server) action(w http.ResponseWriter, request *http.Request, operation patroni.Operation) {
	ctx, cancel := context.WithTimeout(request.Context(), actionTimeout)
	defer cancel()
	env := &v1alpha1.PawsEnvironment{}
	key := types.NamespacedName{Namespace: request.PathValue("namespace"), Name: request.PathValue("name")}
	if err := s.Reader.Get(ctx, key, env); err != nil {
		answer(w, http.StatusNotFound, ActionAnswer{Error: err.Error()})
		return
	}
	snapshot, err := s.Observer.Look(ctx, env)
	if err != nil {
		answer(w, http.StatusInternalServerError, ActionAnswer{Error: err.Error()})
		return
	}
	member := request.URL.Query().Get("member")
	refusal := patroni.Judge(operation, member, snapshot.Postgres)
	if refusal != nil && (!refusal.Forcible || request.URL.Query().Get("force") != patroni.ForcePhrase) {
		answer(w, http.StatusConflict, ActionAnswer{Error: refusal.Why, Forcible: refusal.Forcible})
		return
	}
	log.FromContext(ctx).Info("action", "environment", key, "action", operation, "member", member, "forced", refusal != nil)
	secrets, err := s.Observer.Credentials(ctx, env)
	if err != nil { // nothing was asked of Patroni
		answer(w, http.StatusBadGateway, ActionAnswer{Error: err.Error()})
		return
	}
	err = s.Observer.Postgres.Do(ctx, env.Namespace, operation, member, secrets.Known(naming.KeyPatroniPassword), snapshot.Postgres)
	status, said := became(snapshot.Report.Leader, err)
	answer(w, status, said)
}

// became is the answer to an action that was asked of Patroni.
func became(leader string, err error) (int, ActionAnswer) {
	switch {
	case err == nil:
		return http.StatusOK, ActionAnswer{Leader: leader}
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusAccepted, ActionAnswer{Leader: leader}
	}
	return http.StatusBadGateway, ActionAnswer{Error: err.Error()}
}
