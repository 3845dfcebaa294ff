package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/paws360/pawskind/internal/problem"
)

// RESTConfig is how the cluster's API is reached: through its own context,
// never the current one.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	context := "kind-" + c.Name
	load := func() (*rest.Config, error) {
		return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			clientcmd.NewDefaultClientConfigLoadingRules(),
			&clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
	}
	config, err := load()
	if err != nil {
		if err = c.Export(); err == nil {
			config, err = load()
		}
	}
	if err != nil {
		return nil, problem.New(problem.APIUnreachable, "the context %s cannot be read or written", context).Because(err)
	}
	return tuned(config), nil
}

// EarlyRESTConfig is RESTConfig for a cluster in the making, whose context is
// not written yet.
func (c *Cluster) EarlyRESTConfig(ctx context.Context) (*rest.Config, error) {
	for {
		if content, err := c.PublishedAPI(); err == nil {
			config, err := clientcmd.RESTConfigFromKubeConfig([]byte(content))
			if err != nil {
				return nil, fmt.Errorf("reading the kubeconfig of cluster %s: %w", c.Name, err)
			}
			return tuned(config), nil
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// tuned lifts client-go's limits, which are meant for controllers.
func tuned(config *rest.Config) *rest.Config {
	config.QPS, config.Burst = 200, 400
	config.UserAgent = "pawskind"
	return config
}

// WaitForAPI returns once the API server is ready to serve.
func WaitForAPI(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if waiting := pause(ctx, 200*time.Millisecond); waiting != nil {
			return problem.New(problem.APIUnreachable, "the Kubernetes API does not answer: %s", err)
		}
	}
}

// ReadRecord gives what a whole cluster was made from; nil for one that was
// interrupted in the making.
func ReadRecord(ctx context.Context, client kubernetes.Interface) (*Record, error) {
	object, err := client.CoreV1().ConfigMaps(recordNamespace).Get(ctx, recordName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the cluster was made from: %w", err)
	}
	record := &Record{}
	if err := json.Unmarshal([]byte(object.Data["record"]), record); err != nil {
		return nil, fmt.Errorf("reading what the cluster was made from: %w", err)
	}
	return record, nil
}

// WriteRecord marks the cluster as whole.
func WriteRecord(ctx context.Context, client kubernetes.Interface, record Record) error {
	content, err := json.Marshal(record)
	if err != nil {
		return err
	}
	_, err = client.CoreV1().ConfigMaps(recordNamespace).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: recordName},
		Data:       map[string]string{"record": string(content)},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("noting that the cluster is whole: %w", err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
