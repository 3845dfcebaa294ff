// Package pods knows how the pods of an environment are built: restricted by
// Pod Security, spread over nodes, with the limits of their component.
package pods

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyac "k8s.io/client-go/applyconfigurations/policy/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// User is the numeric user and group of every image of pawskind.
const User int64 = 10001

// Owner makes the environment the controlling owner of an object, so that
// deleting the environment deletes it.
func Owner(env *v1alpha1.PawsEnvironment) *metaac.OwnerReferenceApplyConfiguration {
	return metaac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind("PawsEnvironment").
		WithName(env.Name).
		WithUID(env.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}

// SecurityContext is what Pod Security "restricted" asks of a pod.
func SecurityContext() *coreac.PodSecurityContextApplyConfiguration {
	return coreac.PodSecurityContext().
		WithRunAsNonRoot(true).
		WithRunAsUser(User).
		WithRunAsGroup(User).
		WithFSGroup(User).
		WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
		WithSeccompProfile(coreac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
}

// ContainerSecurityContext is what Pod Security "restricted" asks of a
// container, with a read-only root file system besides.
func ContainerSecurityContext() *coreac.SecurityContextApplyConfiguration {
	return coreac.SecurityContext().
		WithAllowPrivilegeEscalation(false).
		WithReadOnlyRootFilesystem(true).
		WithCapabilities(coreac.Capabilities().WithDrop("ALL"))
}

// SpreadOverNodes prefers, and never demands, one member of a component a node.
func SpreadOverNodes(env *v1alpha1.PawsEnvironment, component string) *coreac.AffinityApplyConfiguration {
	return coreac.Affinity().WithPodAntiAffinity(coreac.PodAntiAffinity().
		WithPreferredDuringSchedulingIgnoredDuringExecution(coreac.WeightedPodAffinityTerm().
			WithWeight(100).
			WithPodAffinityTerm(coreac.PodAffinityTerm().
				WithTopologyKey(corev1.LabelHostname).
				WithLabelSelector(metaac.LabelSelector().WithMatchLabels(naming.Selector(env, component))))))
}

// SecretEnv is an environment variable read from a key of the environment's secrets.
func SecretEnv(variable, key string) *coreac.EnvVarApplyConfiguration {
	return coreac.EnvVar().WithName(variable).WithValueFrom(coreac.EnvVarSource().
		WithSecretKeyRef(coreac.SecretKeySelector().WithName(naming.Credentials).WithKey(key)))
}

// FieldEnv is an environment variable read from a field of the pod.
func FieldEnv(variable, path string) *coreac.EnvVarApplyConfiguration {
	return coreac.EnvVar().WithName(variable).WithValueFrom(coreac.EnvVarSource().
		WithFieldRef(coreac.ObjectFieldSelector().WithFieldPath(path)))
}

// Resources are the component's own requests and limits, or the given override.
// cpu and memory are the limits; requestMemory is guaranteed. The CPU request
// is a tenth of the limit, so that the whole stack can be scheduled on a laptop.
func Resources(override *corev1.ResourceRequirements, cpu, memory, requestMemory string) *coreac.ResourceRequirementsApplyConfiguration {
	if override != nil {
		return coreac.ResourceRequirements().WithLimits(override.Limits).WithRequests(override.Requests)
	}
	limit := resource.MustParse(cpu)
	request := resource.NewMilliQuantity(max(limit.MilliValue()/10, 10), resource.DecimalSI)
	return coreac.ResourceRequirements().
		WithLimits(corev1.ResourceList{
			corev1.ResourceCPU:    limit,
			corev1.ResourceMemory: resource.MustParse(memory),
		}).
		WithRequests(corev1.ResourceList{
			corev1.ResourceCPU:    *request,
			corev1.ResourceMemory: resource.MustParse(requestMemory),
		})
}

// Claim is the volume claim template "data" of a member.
func Claim(env *v1alpha1.PawsEnvironment, component string, storage v1alpha1.StorageSpec) *coreac.PersistentVolumeClaimApplyConfiguration {
	spec := coreac.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.ReadWriteOnce).
		WithResources(coreac.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(storage.Size)}))
	if storage.StorageClassName != nil {
		spec.WithStorageClassName(*storage.StorageClassName)
	}
	claim := coreac.PersistentVolumeClaim("data", "").WithLabels(naming.Selector(env, component)).WithSpec(spec)
	// A claim template has no namespace of its own.
	claim.Namespace = nil
	return claim
}

// HeadlessService gives the pods of a component their DNS names, also before
// they are ready: members find each other while they form a cluster.
func HeadlessService(env *v1alpha1.PawsEnvironment, component string, ports ...*coreac.ServicePortApplyConfiguration) *coreac.ServiceApplyConfiguration {
	return coreac.Service(naming.StatefulSet(component), env.Namespace).
		WithLabels(naming.Labels(env, component)).
		WithOwnerReferences(Owner(env)).
		WithSpec(coreac.ServiceSpec().
			WithClusterIP(corev1.ClusterIPNone).
			WithPublishNotReadyAddresses(true).
			WithSelector(naming.Selector(env, component)).
			WithPorts(ports...))
}

// RoleService is a Service whose endpoint is whichever pod has the role.
// Expose puts it on a port of the nodes when set.
func RoleService(env *v1alpha1.PawsEnvironment, component, name, role string, port int32, expose *v1alpha1.ExposeSpec) *coreac.ServiceApplyConfiguration {
	selector := naming.Selector(env, component)
	selector[naming.LabelRole] = role
	return service(env, component, name, selector, port, expose)
}

// Service is a Service over all ready pods of a component.
func Service(env *v1alpha1.PawsEnvironment, component, name string, port int32, expose *v1alpha1.ExposeSpec) *coreac.ServiceApplyConfiguration {
	return service(env, component, name, naming.Selector(env, component), port, expose)
}

func service(env *v1alpha1.PawsEnvironment, component, name string, selector map[string]string, port int32, expose *v1alpha1.ExposeSpec) *coreac.ServiceApplyConfiguration {
	servicePort := ServicePort(component, port)
	spec := coreac.ServiceSpec().WithType(corev1.ServiceTypeClusterIP).WithSelector(selector)
	if expose != nil {
		spec.WithType(corev1.ServiceTypeNodePort)
		servicePort.WithNodePort(expose.NodePort)
	}
	return coreac.Service(name, env.Namespace).
		WithLabels(naming.Labels(env, component)).
		WithOwnerReferences(Owner(env)).
		WithSpec(spec.WithPorts(servicePort))
}

// ServicePort is a TCP port of a Service that leads to the same port of the pods.
func ServicePort(name string, port int32) *coreac.ServicePortApplyConfiguration {
	return coreac.ServicePort().
		WithName(name).
		WithProtocol(corev1.ProtocolTCP).
		WithPort(port).
		WithTargetPort(intstr.FromInt32(port))
}

// DisruptionBudget lets a drain take one member of a component at a time. A
// pod that is not ready never blocks one (AlwaysAllow), and neither does a
// component of a single member.
func DisruptionBudget(env *v1alpha1.PawsEnvironment, component string) *policyac.PodDisruptionBudgetApplyConfiguration {
	return policyac.PodDisruptionBudget(naming.StatefulSet(component), env.Namespace).
		WithLabels(naming.Labels(env, component)).
		WithOwnerReferences(Owner(env)).
		WithSpec(policyac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).
			WithUnhealthyPodEvictionPolicy("AlwaysAllow").
			WithSelector(metaac.LabelSelector().WithMatchLabels(naming.Selector(env, component))))
}

// IsReady tells whether the pod's Ready condition is true.
func IsReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && pod.DeletionTimestamp.IsZero()
		}
	}
	return false
}

// Controlled tells whether the object is controlled by the environment.
func Controlled(env *v1alpha1.PawsEnvironment, object metav1.Object) bool {
	return metav1.IsControlledBy(object, env)
}

// Waiting is why a pod's container does not run, such as
// "CrashLoopBackOff: back-off 10s restarting"; empty when it runs.
func Waiting(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil {
			return strings.TrimSuffix(w.Reason+": "+w.Message, ": ")
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return strings.TrimSuffix(c.Reason+": "+c.Message, ": ")
		}
	}
	return ""
}
