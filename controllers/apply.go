package controllers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/internal/naming"
)

// outcome tells what applying an object did.
type outcome string

const (
	unchanged outcome = "unchanged"
	applied   outcome = "applied"
	// repaired: somebody else had changed or deleted the object.
	repaired outcome = "repaired"
)

// applier applies objects with the operator's one field owner. It remembers what
// it applied and which fields it owned then, so that an object that is as it
// left it costs no request, and a foreign edit is recognized by the fields that
// it took away.
type applier struct {
	client client.Client
	mu     sync.Mutex
	last   map[objectKey]record
}

type objectKey struct {
	schema.GroupVersionKind
	types.NamespacedName
}

// record is what was applied, which fields were owned then, and the generation
// that the API server gave it.
type record struct {
	desired, owned string
	generation     int64
}

func newApplier(c client.Client) *applier {
	return &applier{client: c, last: map[objectKey]record{}}
}

func (a *applier) apply(ctx context.Context, object runtime.ApplyConfiguration) (outcome, error) {
	desired, content, err := decode(object)
	if err != nil {
		return unchanged, err
	}
	key := objectKey{desired.GroupVersionKind(), client.ObjectKeyFromObject(desired)}
	want := hash(content)
	before, known := a.get(key)
	owned, err := a.ownedNow(ctx, key)
	if err != nil {
		return unchanged, fmt.Errorf("reading %s %s: %w", key.Kind, key.Name, err)
	}
	if known && before.desired == want && before.owned == owned {
		return unchanged, nil
	}
	err = a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), client.FieldOwner(naming.FieldOwner), client.ForceOwnership)
	if err != nil {
		return unchanged, fmt.Errorf("applying %s %s: %w", key.Kind, key.Name, err)
	}
	a.set(key, record{desired: want, owned: ownedFields(desired.GetManagedFields()), generation: desired.GetGeneration()})
	if known && before.desired == want {
		return repaired, nil
	}
	return applied, nil
}

// ownedNow is a hash of the fields that the operator owns in the live object;
// empty when there is no such object.
func (a *applier) ownedNow(ctx context.Context, key objectKey) (string, error) {
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(key.GroupVersionKind)
	if err := a.client.Get(ctx, key.NamespacedName, live); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	return ownedFields(live.ManagedFields), nil
}

func ownedFields(entries []metav1.ManagedFieldsEntry) string {
	for _, e := range entries {
		if e.Manager == naming.FieldOwner && e.Operation == metav1.ManagedFieldsOperationApply && e.FieldsV1 != nil {
			return hash(e.FieldsV1.GetRawBytes())
		}
	}
	return ""
}

// remove deletes an object that is no longer wanted.
func (a *applier) remove(ctx context.Context, gvk schema.GroupVersionKind, key types.NamespacedName) error {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(gvk)
	object.Namespace, object.Name = key.Namespace, key.Name
	if err := a.client.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting %s %s: %w", gvk.Kind, key.Name, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.last, objectKey{gvk, key})
	return nil
}

// takenUp tells whether Kubernetes has begun with what was applied last: until
// then a StatefulSet's status, and the cache's copy of it, are of the time before.
func (a *applier) takenUp(set *appsv1.StatefulSet) bool {
	gvk := appsv1.SchemeGroupVersion.WithKind("StatefulSet")
	last, _ := a.get(objectKey{gvk, client.ObjectKeyFromObject(set)})
	return set.Status.ObservedGeneration >= max(set.Generation, last.generation)
}

// forget drops what is remembered of a namespace.
func (a *applier) forget(namespace string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.last {
		if key.Namespace == namespace {
			delete(a.last, key)
		}
	}
}

func (a *applier) get(key objectKey) (record, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok := a.last[key]
	return r, ok
}

func (a *applier) set(key objectKey, r record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last[key] = r
}

func decode(object runtime.ApplyConfiguration) (*unstructured.Unstructured, []byte, error) {
	content, err := json.Marshal(object)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding an object: %w", err)
	}
	desired := &unstructured.Unstructured{}
	if err := desired.UnmarshalJSON(content); err != nil {
		return nil, nil, fmt.Errorf("decoding an object: %w", err)
	}
	return desired, content, nil
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
