package roles_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/roles"
)

// api answers as a kube-apiserver does, as far as the script asks.
type api struct {
	sync.Mutex
	labels map[string]string
	fail   int // requests to refuse first
	seen   []string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.Lock()
	defer a.Unlock()
	a.seen = append(a.seen, r.Method+" "+r.URL.Path+" "+r.URL.Query().Get("labelSelector")+r.Header.Get("Authorization"))
	if a.fail > 0 {
		a.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	switch {
	case r.Method == http.MethodGet:
		list := map[string]any{"kind": "PartialObjectMetadataList"}
		var items []any
		for name, role := range a.labels {
			if role == "primary" {
				items = append(items, map[string]any{"metadata": map[string]any{
					"name": name, "ownerReferences": []any{map[string]any{"name": "patroni"}}}})
			}
		}
		list["items"] = items
		_ = json.NewEncoder(w).Encode(list)
	case r.Header.Get("Content-Type") == "application/merge-patch+json":
		var patch struct {
			Metadata struct{ Labels map[string]string }
		}
		a.decode(w, r, &patch)
		a.labels[filepath.Base(r.URL.Path)] = patch.Metadata.Labels["paws360.io/role"]
	case r.Header.Get("Content-Type") == "application/json-patch+json":
		var patch []struct{ Op, Path, Value string }
		a.decode(w, r, &patch)
		name := filepath.Base(r.URL.Path)
		if patch[0].Op != "test" || a.labels[name] != patch[0].Value {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		a.labels[name] = patch[1].Value
	}
}

func (a *api) decode(w http.ResponseWriter, r *http.Request, into any) {
	data, _ := io.ReadAll(r.Body)
	if json.Unmarshal(data, into) != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

func run(t *testing.T, a *api, arguments ...string) error {
	t.Helper()
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	account := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(filepath.Join(account, "ca.crt"), ca, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(account, "token"), []byte("secret"), 0o600))
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(address.Host)
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), "sh", append([]string{"set-role.sh"}, arguments...)...)
	command.Env = append(os.Environ(), "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+port,
		"POD_NAMESPACE=paws", "SERVICE_ACCOUNT_DIR="+account, "NO_PROXY=*", "no_proxy=*")
	output, err := command.CombinedOutput()
	t.Log(string(output))
	return err
}

func TestANewPrimaryTakesTheRoleFromTheOthers(t *testing.T) {
	a := &api{labels: map[string]string{"patroni-1": "primary", "patroni-2": "replica", "patroni-3": "replica"}}
	require.NoError(t, run(t, a, "postgres", "patroni-2", "primary", "primary"))
	require.Equal(t, map[string]string{"patroni-1": "replica", "patroni-2": "primary", "patroni-3": "replica"}, a.labels)
	require.Equal(t, "PATCH /api/v1/namespaces/paws/pods/patroni-2 Bearer secret", a.seen[0])
	require.Equal(t, "GET /api/v1/namespaces/paws/pods paws360.io/component=postgres,paws360.io/role=primaryBearer secret", a.seen[1])
}

func TestAReplicaLabelsOnlyItself(t *testing.T) {
	a := &api{labels: map[string]string{"patroni-1": "primary"}}
	require.NoError(t, run(t, a, "postgres", "patroni-2", "replica", "primary"))
	require.Equal(t, map[string]string{"patroni-1": "primary", "patroni-2": "replica"}, a.labels)
	require.Len(t, a.seen, 1)
}

func TestAnAPIServerThatIsAwayIsAskedAgain(t *testing.T) {
	a := &api{labels: map[string]string{"patroni-1": "primary"}, fail: 2}
	require.NoError(t, run(t, a, "postgres", "patroni-2", "primary", "primary"))
	require.Equal(t, map[string]string{"patroni-1": "replica", "patroni-2": "primary"}, a.labels)
}

func TestPatienceEnds(t *testing.T) {
	a := &api{labels: map[string]string{}, fail: 1000}
	require.Error(t, run(t, a, "postgres", "patroni-2", "primary", "primary", "0"))
}

func TestObjectsGrantNoMoreThanTheScriptNeeds(t *testing.T) {
	env := &v1alpha1.PawsEnvironment{ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "paws", UID: "1234"}}
	data, err := yaml.Marshal(roles.Objects(env)[1])
	require.NoError(t, err)
	role := map[string]any{}
	require.NoError(t, yaml.Unmarshal(data, &role))
	require.Equal(t, []any{map[string]any{
		"apiGroups": []any{""}, "resources": []any{"pods"}, "verbs": []any{"list", "patch"},
	}}, role["rules"])
}
