package queryapi

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The token that an action comes with. Whoever may read the Secret may act:
// everybody in the cluster reaches the port, also without the API server.
const (
	TokenSecret = "pawskind-api"
	TokenKey    = "token"
	TokenHeader = "X-Pawskind-Token"
)

// EnsureToken reads the token, and makes it when there is none yet.
func EnsureToken(ctx context.Context, reader client.Reader, writer client.Writer, namespace string) (string, error) {
	key := types.NamespacedName{Namespace: namespace, Name: TokenSecret}
	secret := &corev1.Secret{}
	err := reader.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) {
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
			Data:       map[string][]byte{TokenKey: []byte(rand.Text())},
		}
		if err = writer.Create(ctx, secret); apierrors.IsAlreadyExists(err) { // another manager was first
			err = reader.Get(ctx, key, secret)
		}
	}
	if err == nil && len(secret.Data[TokenKey]) == 0 {
		err = fmt.Errorf("it has no %s", TokenKey)
	}
	if err != nil {
		return "", fmt.Errorf("the Secret %s of the query API: %w", key, err)
	}
	return string(secret.Data[TokenKey]), nil
}

// admitted lets a request with the token through to the action.
func (s *Server) admitted(act http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		token, err := s.Token(request.Context())
		if err != nil {
			answer(w, http.StatusInternalServerError, ActionAnswer{Error: err.Error()})
			return
		}
		if subtle.ConstantTimeCompare([]byte(request.Header.Get(TokenHeader)), []byte(token)) != 1 {
			answer(w, http.StatusForbidden, ActionAnswer{Error: "the request lacks the token of the Secret " + TokenSecret})
			return
		}
		act(w, request)
	}
}
