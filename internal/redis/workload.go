// Package redis knows how Redis servers and the Sentinels that watch them are
// run on Kubernetes, asked and judged.
package redis

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/roles"
)

const scriptsMap = "redis-scripts"

var (
	//go:embed lib.sh
	library string
	//go:embed redis-start.sh
	redisStart string
	//go:embed redis-stop.sh
	redisStop string
	//go:embed sentinel-start.sh
	sentinelStart string
	//go:embed on-failover.sh
	onFailover string
)

// Network is the headless Services, the Service that follows the master, and
// the disruption budgets.
func Network(env *v1alpha1.PawsEnvironment) []runtime.ApplyConfiguration {
	return []runtime.ApplyConfiguration{
		pods.HeadlessService(env, naming.Redis, pods.ServicePort("redis", naming.PortRedis)),
		pods.HeadlessService(env, naming.Sentinel, pods.ServicePort("sentinel", naming.PortSentinel)),
		pods.RoleService(env, naming.Redis, naming.ServiceRedisMaster, naming.RoleMaster, naming.PortRedis, env.Spec.Redis.Expose),
		pods.DisruptionBudget(env, naming.Redis),
		pods.DisruptionBudget(env, naming.Sentinel),
	}
}

// Workload is the scripts and the StatefulSets of Redis and Sentinel.
func Workload(env *v1alpha1.PawsEnvironment, image string) []runtime.ApplyConfiguration {
	return []runtime.ApplyConfiguration{
		coreac.ConfigMap(scriptsMap, env.Namespace).
			WithLabels(naming.Labels(env, naming.Redis)).
			WithOwnerReferences(pods.Owner(env)).
			WithData(map[string]string{
				"lib.sh": library, "redis-start.sh": redisStart, "redis-stop.sh": redisStop,
				"sentinel-start.sh": sentinelStart, "on-failover.sh": onFailover, "set-role.sh": roles.Script,
			}),
		statefulSet(env, naming.Redis, env.Spec.Redis.Replicas, env.Spec.Redis.Storage, server(env, image)),
		statefulSet(env, naming.Sentinel, env.Spec.Redis.Sentinels, sentinelStorage(env), sentinel(env, image)),
	}
}

// sentinelStorage holds a Sentinel's configuration, in which it keeps what it
// knows: all Sentinels deleted at once come back knowing the master.
func sentinelStorage(env *v1alpha1.PawsEnvironment) v1alpha1.StorageSpec {
	return v1alpha1.StorageSpec{Size: "64Mi", StorageClassName: env.Spec.Redis.Storage.StorageClassName}
}

func statefulSet(env *v1alpha1.PawsEnvironment, component string, replicas int32, storage v1alpha1.StorageSpec, container *coreac.ContainerApplyConfiguration) *appsac.StatefulSetApplyConfiguration {
	name := naming.StatefulSet(component)
	return appsac.StatefulSet(name, env.Namespace).
		WithLabels(naming.Labels(env, component)).
		WithOwnerReferences(pods.Owner(env)).
		WithSpec(appsac.StatefulSetSpec().
			WithReplicas(replicas).
			WithOrdinals(appsac.StatefulSetOrdinals().WithStart(1)).
			WithServiceName(name).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithUpdateStrategy(appsac.StatefulSetUpdateStrategy().WithType(appsv1.OnDeleteStatefulSetStrategyType)).
			WithSelector(metaac.LabelSelector().WithMatchLabels(naming.Selector(env, component))).
			WithVolumeClaimTemplates(pods.Claim(env, component, storage)).
			WithTemplate(coreac.PodTemplateSpec().
				WithLabels(naming.Labels(env, component)).
				WithAnnotations(map[string]string{"paws360.io/config-hash": scriptsHash()}).
				WithSpec(podSpec(env, component, container))))
}

func scriptsHash() string {
	sum := sha256.Sum256([]byte(library + redisStart + redisStop + sentinelStart + onFailover + roles.Script))
	return hex.EncodeToString(sum[:6])
}

func podSpec(env *v1alpha1.PawsEnvironment, component string, container *coreac.ContainerApplyConfiguration) *coreac.PodSpecApplyConfiguration {
	return coreac.PodSpec().
		WithServiceAccountName(naming.RoleServiceAccount).
		WithSecurityContext(pods.SecurityContext()).
		WithAffinity(pods.SpreadOverNodes(env, component)).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(20).
		WithVolumes(
			coreac.Volume().WithName("scripts").WithConfigMap(coreac.ConfigMapVolumeSource().WithName(scriptsMap).WithDefaultMode(0o755)),
			coreac.Volume().WithName("tmp").WithEmptyDir(coreac.EmptyDirVolumeSource().WithMedium(corev1.StorageMediumMemory))).
		WithContainers(container.
			WithSecurityContext(pods.ContainerSecurityContext()).
			WithVolumeMounts(
				coreac.VolumeMount().WithName("data").WithMountPath("/data"),
				coreac.VolumeMount().WithName("scripts").WithMountPath("/scripts"),
				coreac.VolumeMount().WithName("tmp").WithMountPath("/tmp")).
			WithEnv(
				pods.FieldEnv("POD_NAME", "metadata.name"),
				pods.FieldEnv("POD_NAMESPACE", "metadata.namespace"),
				pods.FieldEnv("POD_IP", "status.podIP"),
				pods.SecretEnv(env, "REDIS_PASSWORD", naming.KeyRedisPassword),
				pods.SecretEnv(env, "SENTINEL_PASSWORD", naming.KeySentinelPassword)))
}

func server(env *v1alpha1.PawsEnvironment, image string) *coreac.ContainerApplyConfiguration {
	spec := env.Spec.Redis
	return coreac.Container().
		WithName("redis").
		WithImage(image).
		WithCommand("sh", "/scripts/redis-start.sh").
		WithLifecycle(coreac.Lifecycle().WithPreStop(coreac.LifecycleHandler().
			WithExec(coreac.ExecAction().WithCommand("sh", "/scripts/redis-stop.sh")))).
		WithEnv(
			coreac.EnvVar().WithName("MIN_REPLICAS_TO_WRITE").WithValue(number(minReplicas(spec))),
			coreac.EnvVar().WithName("MAXMEMORY").WithValue("160mb")).
		WithPorts(coreac.ContainerPort().WithName("redis").WithContainerPort(naming.PortRedis)).
		WithResources(pods.Resources(spec.Resources, "250m", "256Mi", "128Mi")).
		WithStartupProbe(tcp(naming.PortRedis, 1, 300)).
		WithReadinessProbe(tcp(naming.PortRedis, 5, 2)).
		WithLivenessProbe(tcp(naming.PortRedis, 10, 6))
}

func sentinel(env *v1alpha1.PawsEnvironment, image string) *coreac.ContainerApplyConfiguration {
	spec := env.Spec.Redis
	return coreac.Container().
		WithName("sentinel").
		WithImage(image).
		WithCommand("sh", "/scripts/sentinel-start.sh").
		WithEnv(
			coreac.EnvVar().WithName("QUORUM").WithValue(number(spec.Quorum)),
			coreac.EnvVar().WithName("DOWN_AFTER").WithValue(number(spec.DownAfterMilliseconds))).
		WithPorts(coreac.ContainerPort().WithName("sentinel").WithContainerPort(naming.PortSentinel)).
		WithResources(pods.Resources(spec.SentinelResources, "100m", "128Mi", "64Mi")).
		WithStartupProbe(tcp(naming.PortSentinel, 1, 300)).
		WithReadinessProbe(tcp(naming.PortSentinel, 5, 2)).
		WithLivenessProbe(tcp(naming.PortSentinel, 10, 6))
}

func minReplicas(spec v1alpha1.RedisSpec) int32 {
	if spec.MinReplicasToWrite == nil {
		return 1
	}
	return *spec.MinReplicasToWrite
}

// tcp asks whether the port is open; what answers there is judged by the
// operator's probes.
func tcp(port, period, failures int32) *coreac.ProbeApplyConfiguration {
	return coreac.Probe().
		WithTCPSocket(coreac.TCPSocketAction().WithPort(intstr.FromInt32(port))).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(3).
		WithFailureThreshold(failures)
}

func number(n int32) string { return strconv.Itoa(int(n)) }
