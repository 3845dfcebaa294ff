package drillrun

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "k8s.io/client-go/rest"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/install"
)

// api serves one environment whose status can be changed, as an API server does.
type api struct {
	t       *testing.T
	changes chan v1alpha1.PawsEnvironment
}

func environmentThat(ready metav1.ConditionStatus) v1alpha1.PawsEnvironment {
	env := v1alpha1.PawsEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "e"}}
	env.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: ready}}
	return env
}

func (a api) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case request.URL.Path == "/readyz":
	case request.URL.Path != "/apis/paws360.io/v1alpha1/namespaces/n/pawsenvironments":
		_, _ = fmt.Fprint(w, `{"metadata":{"resourceVersion":"1"},"items":[]}`)
	case request.URL.Query().Get("watch") == "":
		first, err := json.Marshal(environmentThat(metav1.ConditionTrue))
		require.NoError(a.t, err)
		_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"1"},"items":[%s]}`, first)
	default:
		for env := range a.changes {
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": env})
			w.(http.Flusher).Flush()
		}
	}
}

func TestTheWitnessSeesConditionsChange(t *testing.T) {
	changes := make(chan v1alpha1.PawsEnvironment)
	server := httptest.NewServer(api{t, changes})
	defer server.Close()
	defer close(changes)
	client, err := install.NewClient(&kube.Config{Host: server.URL})
	require.NoError(t, err)
	env := environmentThat("")
	w := newWitness(t.Context(), client, &env)
	require.Eventually(t, w.ready, 10*time.Second, 5*time.Millisecond)
	changes <- environmentThat(metav1.ConditionFalse)
	require.Eventually(t, func() bool { return !w.ready() }, 10*time.Second, 5*time.Millisecond)
	changes <- environmentThat(metav1.ConditionTrue)
	require.Eventually(t, w.ready, 10*time.Second, 5*time.Millisecond)
	w.end()

	run := drill.Run{Began: w.began.Add(-time.Hour)}
	w.tell(&run)
	var told []string
	for _, c := range run.Conditions {
		require.GreaterOrEqual(t, c.At, time.Hour)
		told = append(told, c.Status)
	}
	require.Equal(t, []string{"True", "False", "True"}, told)
}

func TestTheWitnessEndsWithItsContext(t *testing.T) {
	client, err := install.NewClient(&kube.Config{Host: "http://127.0.0.1:1"})
	require.NoError(t, err)
	env := environmentThat("")
	ctx, cancel := context.WithCancel(t.Context())
	w := newWitness(ctx, client, &env)
	cancel()
	w.end()
	require.False(t, w.ready())
}

func TestNobodyIsToldWhileTheAPIIsSilent(t *testing.T) {
	is := func(status string, at time.Duration) drill.Condition {
		return drill.Condition{At: at, Type: v1alpha1.ConditionReady, Status: status}
	}
	require.Equal(t, []drill.Condition{is("True", 0), is("", 10), is("True", 20), is("False", 25)},
		withSilence([]drill.Condition{is("True", 0), is("False", 25)}, 10, 20))
	require.Equal(t, []drill.Condition{is("True", 0), is("", 10), is("False", 20), is("False", 20)},
		withSilence([]drill.Condition{is("True", 0), is("False", 19)}, 10, 20), "what comes late counts from the end on")
}
