package queryapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/internal/observer"
)

// failing is a reader that finds nothing, for the given reason.
type failing struct {
	client.Reader
	err error
}

func (f failing) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return f.err
}

// present is a reader to which every object is there, and empty.
type present struct{ client.Reader }

func (present) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return nil
}

// An action without the token is refused before anything is looked at.
func TestActionsNeedTheToken(t *testing.T) {
	s := &Server{
		Reader:   failing{err: apierrors.NewNotFound(schema.GroupResource{Resource: "pawsenvironments"}, "demo")},
		Observer: observer.New(nil, nil),
		Token:    func(context.Context) (string, error) { return "right", nil },
	}
	for token, code := range map[string]int{"": 403, "wrong": 403, "right": 404} {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest("POST", "/v1/namespaces/paws/environments/demo/actions/switchover", http.NoBody)
		request.Header.Set(TokenHeader, token)
		s.handler().ServeHTTP(recorder, request)
		require.Equal(t, code, recorder.Code, token)
	}
}

// A failover takes as long as the lease of a leader that hangs: that Patroni has
// not answered yet is no refusal.
func TestAnActionThatTakesLongIsBegun(t *testing.T) {
	late := fmt.Errorf("asking patroni-1 for /failover: %w", &url.Error{Op: "Post", Err: context.DeadlineExceeded})
	for _, c := range []struct {
		err    error
		status int
		said   ActionAnswer
	}{
		{nil, http.StatusOK, ActionAnswer{Leader: "patroni-2"}},
		{late, http.StatusAccepted, ActionAnswer{Leader: "patroni-2"}},
		{errors.New("patroni-1 refuses"), http.StatusBadGateway, ActionAnswer{Error: "patroni-1 refuses"}},
	} {
		status, said := became("patroni-2", c.err)
		require.Equal(t, c.status, status)
		require.Equal(t, c.said, said)
	}
}

func TestAnswers(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "pawsenvironments"}, "demo")
	const health = "/v1/namespaces/paws/environments/demo/health"
	for name, c := range map[string]struct {
		method, path string
		reader       client.Reader
		secrets      client.Reader
		code         int
		body         string
	}{
		"version": {
			method: "GET", path: "/v1/version",
			code: 200, body: `{"version":"1.2.3"}`,
		},
		"no such environment": {
			method: "GET", path: health, reader: failing{err: missing},
			code: 404, body: `{"error":"pawsenvironments \"demo\" not found"}`,
		},
		"the API does not answer": {
			method: "GET", path: health, reader: failing{err: errors.New("timeout")},
			code: 500, body: `{"error":"timeout"}`,
		},
		"the Secret cannot be read": {
			method: "GET", path: health, reader: present{}, secrets: failing{err: errors.New("forbidden")},
			code: 500, body: `{"error":"reading the Secret /paws360-credentials: forbidden"}`,
		},
		"nothing is written": {method: "POST", path: health, code: 405},
		"no such path":       {method: "GET", path: "/v1/secrets", code: 404},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Server{Reader: c.reader, Observer: observer.New(c.reader, c.secrets), Version: "1.2.3"}
			recorder := httptest.NewRecorder()
			s.handler().ServeHTTP(recorder, httptest.NewRequest(c.method, c.path, http.NoBody))
			require.Equal(t, c.code, recorder.Code)
			if c.body != "" {
				require.Equal(t, "application/json", recorder.Header().Get("Content-Type"))
				require.JSONEq(t, c.body, recorder.Body.String())
			}
		})
	}
}
