package attack

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/paws360/pawskind/internal/naming"
)

// user is any but root.
const user int64 = 10001

// Name is what every pod of a caller begins with.
const Name = "pawskind-attack"

// Pod is a caller's pod: nothing but its namespace and its tier tells it from
// another caller's.
func Pod(caller Caller, namespace, image string, cells []Cell) (*corev1.Pod, error) {
	variable, err := variable(cells)
	if err != nil {
		return nil, err
	}
	labels := map[string]string{"app.kubernetes.io/name": Name}
	switch caller {
	case FromApp:
		labels[naming.LabelTier] = naming.TierApp
	case FromMonitor:
		labels[naming.LabelTier] = naming.TierMonitor
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: Name + "-", Namespace: namespace, Labels: labels},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			AutomountServiceAccountToken:  ptr.To(false),
			EnableServiceLinks:            ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(user),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "attack", Image: image, Command: []string{"/manager", "attack"}, Env: []corev1.EnvVar{variable},
				SecurityContext: restricted(),
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
					Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")},
				},
			}},
		},
	}, nil
}

// Inside is a container that tries the cells in the network of a pod that runs
// already: no label would make another pod a member without its being taken for one.
func Inside(name, image string, cells []Cell) (corev1.EphemeralContainer, error) {
	variable, err := variable(cells)
	if err != nil {
		return corev1.EphemeralContainer{}, err
	}
	return corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: name, Image: image, Command: []string{"/manager", "attack"}, Env: []corev1.EnvVar{variable}, SecurityContext: restricted(),
	}}, nil
}

func restricted() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(user),
		AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

func variable(cells []Cell) (corev1.EnvVar, error) {
	content, err := json.Marshal(cells)
	if err != nil {
		return corev1.EnvVar{}, fmt.Errorf("writing the cells: %w", err)
	}
	return corev1.EnvVar{Name: CellsVariable, Value: string(content)}, nil
}
