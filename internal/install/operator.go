package install

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/paws360/pawskind/config"
	"github.com/paws360/pawskind/internal/images"
	"github.com/paws360/pawskind/internal/problem"
)

// The places of the operator and of the agents in the cluster.
const (
	OperatorNamespace = "pawskind-system"
	OperatorName      = "pawskind-manager"
	AgentNamespace    = "pawskind-agent"
)

// relatedImages are the operator's variables by the image that each names.
var relatedImages = map[string]string{
	"RELATED_IMAGE_ETCD":        images.Etcd,
	"RELATED_IMAGE_POSTGRES_17": images.Patroni17,
	"RELATED_IMAGE_POSTGRES_15": images.Patroni15,
	"RELATED_IMAGE_REDIS":       images.Redis,
}

// Operator is the operator's objects, with the images by name put in.
func Operator(refs map[string]string) ([]*unstructured.Unstructured, error) {
	return operator(config.Manifests(), refs)
}

func operator(manifests []byte, refs map[string]string) ([]*unstructured.Unstructured, error) {
	objects, err := Decode(manifests)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		switch object.GetKind() {
		case "Deployment", "DaemonSet":
			if err := putImages(object, refs); err != nil {
				return nil, err
			}
		}
	}
	return objects, nil
}

// putImages names the images in the operator's Deployment and the agents'
// DaemonSet, which are of one image.
func putImages(workload *unstructured.Unstructured, refs map[string]string) error {
	containers, _, err := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return fmt.Errorf("reading %s: %w", workload.GetName(), err)
	}
	for _, c := range containers {
		container, ok := c.(map[string]any)
		if !ok {
			continue
		}
		if ref := refs[images.Manager]; ref != "" {
			container["image"] = ref
		}
		variables, _ := container["env"].([]any)
		for _, v := range variables {
			variable, ok := v.(map[string]any)
			if !ok {
				continue
			}
			name, _ := variable["name"].(string)
			if ref := refs[relatedImages[name]]; ref != "" {
				variable["value"] = ref
			}
		}
	}
	return unstructured.SetNestedSlice(workload.Object, containers, "spec", "template", "spec", "containers")
}

// ApplyOperator brings the operator's objects into the cluster. A Deployment of
// an older version that cannot become the new one is replaced.
func (c *Client) ApplyOperator(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		err := c.Apply(ctx, object)
		var refusal *problem.Problem
		if errors.As(err, &refusal) && object.GetKind() == "Deployment" {
			background := metav1.DeletePropagationBackground
			err = c.Kube.AppsV1().Deployments(object.GetNamespace()).Delete(ctx, object.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
			if err == nil {
				err = c.Apply(ctx, object)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// OperatorStatus is how the operator's Deployment is.
type OperatorStatus struct {
	Installed bool   `json:"installed"`
	Image     string `json:"image,omitempty"`
	Ready     bool   `json:"ready"`
}

// OperatorStatus looks at the operator's Deployment.
func (c *Client) OperatorStatus(ctx context.Context) (OperatorStatus, error) {
	d, err := c.Kube.AppsV1().Deployments(OperatorNamespace).Get(ctx, OperatorName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return OperatorStatus{}, nil
	}
	if err != nil {
		return OperatorStatus{}, fmt.Errorf("looking at the operator: %w", err)
	}
	return OperatorStatus{true, managerImage(d), d.Status.ReadyReplicas > 0}, nil
}

func managerImage(d *appsv1.Deployment) string {
	for _, c := range d.Spec.Template.Spec.Containers {
		if c.Name == "manager" {
			return c.Image
		}
	}
	return ""
}
