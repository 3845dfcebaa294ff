// Package install puts the operator, the volumes and the environment into a
// cluster, and follows how the environment comes up.
package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/paws360/pawskind/internal/problem"
)

// FieldOwner is the CLI's field manager in server-side apply.
const FieldOwner = "pawskind-cli"

// Client reaches one cluster.
type Client struct {
	Kube    kubernetes.Interface
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

// NewClient is a client of the cluster behind the configuration.
func NewClient(config *rest.Config) (*Client, error) {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	finder, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		Kube: kube, dynamic: dyn,
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(finder)),
	}, nil
}

// Apply brings the objects into the cluster, in their order. Kinds that are
// being defined, and an API server that is still setting itself up, are waited for.
func (c *Client) Apply(ctx context.Context, objects ...*unstructured.Unstructured) error {
	for _, object := range objects {
		if err := c.applyPatiently(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long an object is tried that the API server does not take.
const patience = 20 * time.Second

func (c *Client) applyPatiently(ctx context.Context, object *unstructured.Unstructured) error {
	deadline := time.Now().Add(patience)
	for {
		err := c.apply(ctx, object)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if !passing(err) || time.Now().After(deadline) {
			return refused(object, err)
		}
		c.mapper.Reset()
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func (c *Client) apply(ctx context.Context, object *unstructured.Unstructured) error {
	resource, err := c.resource(object)
	if err != nil {
		return err
	}
	_, err = resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: FieldOwner, Force: true})
	return err
}

func (c *Client) resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace()), nil
	}
	return c.dynamic.Resource(mapping.Resource), nil
}

// passing tells whether trying again can help.
func passing(err error) bool {
	return !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err)
}

// refused tells which object the API server does not take, and why.
func refused(object *unstructured.Unstructured, err error) error {
	code := problem.ClusterRefused
	if object.GetKind() == "PawsEnvironment" {
		code = problem.EnvironmentInvalid
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil && len(status.Status().Details.Causes) > 0 {
		var causes []string
		for _, cause := range status.Status().Details.Causes {
			causes = append(causes, strings.TrimPrefix(cause.Field+": "+cause.Message, ": "))
		}
		return problem.New(code, "%s %s is refused: %s", object.GetKind(), object.GetName(), strings.Join(causes, "; "))
	}
	return problem.New(code, "%s %s is refused", object.GetKind(), object.GetName()).Because(err)
}

// Decode takes a stream of YAML documents apart.
func Decode(stream []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(string(stream)), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading manifests: %w", err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// untyped gives a typed object the form that is applied, without its status.
func untyped(object any) (*unstructured.Unstructured, error) {
	content, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(content, &u.Object); err != nil {
		return nil, err
	}
	delete(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	return u, nil
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
