// Package redis knows how Redis servers and the Sentinels that watch them are
// run on Kubernetes, asked and judged.
package redis

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/roles"
)

// ConfigMap is the name of the object with the scripts and their settings.
const ConfigMap = "redis-scripts"

const (
	defaultMemory    = "256Mi"
	sentinelStorage  = "64Mi"
	graceSeconds     = 40 // a handover may take 17 s, Redis's own shutdown 10 s more
	annotationConfig = "paws360.io/config-hash"
	scriptsDir       = "/scripts"
	scriptRedisStart = "redis-start.sh"
	scriptRedisStop  = "redis-stop.sh"
	scriptSentinel   = "sentinel-start.sh"
	scriptLibrary    = "lib.sh"
	scriptOnEvent    = "on-event.sh"
	scriptOnSelected = "on-selected.sh"
	scriptOnFailover = "on-failover.sh"
	scriptCLI        = "cli.sh"
)

//go:embed scripts/*.sh
var scripts embed.FS

// Certificates are what of the environment's certificates a Sentinel reads only
// at its start. They count where Redis speaks TLS.
type Certificates struct {
	// Roots are whom to trust, as PEM.
	Roots string
	// Fingerprint is that of Redis' own.
	Fingerprint string
}

// Objects are everything that Redis and Sentinel consist of but the service
// account of their pods, which roles.Objects gives.
func Objects(env *v1alpha1.PawsEnvironment, image string, certificates Certificates) []runtime.ApplyConfiguration {
	return append(Network(env), Workload(env, image, certificates)...)
}

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

// Workload is the scripts and the StatefulSets of Redis and Sentinel, in this order.
func Workload(env *v1alpha1.PawsEnvironment, image string, certificates Certificates) []runtime.ApplyConfiguration {
	spec := env.Spec.Redis
	// A Sentinel keeps what it knows in its configuration file, so it has a
	// volume too: all Sentinels deleted at once come back knowing the master.
	memory := v1alpha1.StorageSpec{Size: sentinelStorage, StorageClassName: spec.Storage.StorageClassName}
	return []runtime.ApplyConfiguration{
		configMap(env),
		statefulSet(env, naming.Redis, spec.Replicas, spec.Storage, server(env, image),
			map[string]string{annotationConfig: configHash(naming.Redis, scriptRedisStart)}),
		statefulSet(env, naming.Sentinel, spec.Sentinels, memory, sentinel(env, image), sentinelAnnotations(env, certificates)),
	}
}

// configMap holds the scripts and the settings that running Sentinels are told
// by Configure: they are no part of the pods, so that changing them restarts none.
func configMap(env *v1alpha1.PawsEnvironment) *coreac.ConfigMapApplyConfiguration {
	spec := env.Spec.Redis
	data := map[string]string{
		roles.ScriptName:  roles.Script,
		pods.ResolverName: pods.Resolver,
		"settings.sh": fmt.Sprintf("# shellcheck shell=bash disable=SC2034\nQUORUM=%d\nDOWN_AFTER=%d\nSENTINELS=%d\n",
			spec.Quorum, spec.DownAfterMilliseconds, spec.Sentinels),
	}
	for _, component := range []string{naming.Redis, naming.Sentinel} {
		data[component+"-users"] = userFile(component)
	}
	for _, name := range []string{scriptLibrary, scriptRedisStart, scriptRedisStop, scriptSentinel,
		scriptOnEvent, scriptOnSelected, scriptOnFailover, scriptCLI} {
		data[name] = script(name)
	}
	return coreac.ConfigMap(ConfigMap, env.Namespace).
		WithLabels(naming.Labels(env, naming.Redis)).
		WithOwnerReferences(pods.Owner(env)).
		WithData(data)
}

func script(name string) string {
	data, err := scripts.ReadFile("scripts/" + name)
	if err != nil {
		panic("an embedded script is missing: " + err.Error())
	}
	return string(data)
}

// statefulSet runs the members. The operator replaces them one at a time, the
// master last (OnDelete), and volumes are kept when members go.
func statefulSet(env *v1alpha1.PawsEnvironment, component string, replicas int32, storage v1alpha1.StorageSpec, container *coreac.ContainerApplyConfiguration, annotations map[string]string) *appsac.StatefulSetApplyConfiguration {
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
			WithPersistentVolumeClaimRetentionPolicy(appsac.StatefulSetPersistentVolumeClaimRetentionPolicy().
				WithWhenDeleted(appsv1.RetainPersistentVolumeClaimRetentionPolicyType).
				WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)).
			WithSelector(metaac.LabelSelector().WithMatchLabels(naming.Selector(env, component))).
			WithVolumeClaimTemplates(pods.Claim(env, component, storage)).
			WithTemplate(coreac.PodTemplateSpec().
				WithLabels(naming.PodLabels(env, component)).
				WithAnnotations(annotations).
				WithSpec(podSpec(env, component, container))))
}

// configHash changes with what a member reads only at its start. The other
// scripts are read each time.
func configHash(component, start string) string {
	return short(script(scriptLibrary) + pods.Resolver + script(start) + userFile(component))
}

func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// sentinelAnnotations change with the certificates, too: no command tells a
// Sentinel to read them, so that it is replaced. Servers read them by themselves.
func sentinelAnnotations(env *v1alpha1.PawsEnvironment, certificates Certificates) map[string]string {
	hash := configHash(naming.Sentinel, scriptSentinel)
	if !env.Spec.Redis.TLS {
		return map[string]string{annotationConfig: hash}
	}
	return pods.Annotations(short(hash+certificates.Fingerprint), certificates.Roots)
}

// SpeaksTLS tells which of the two a server or a Sentinel with this pod speaks.
func SpeaksTLS(pod corev1.PodSpec) bool {
	return slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == pki.Redis })
}

func podSpec(env *v1alpha1.PawsEnvironment, component string, container *coreac.ContainerApplyConfiguration) *coreac.PodSpecApplyConfiguration {
	secrets, secretsMount := pods.Secrets(secretKeys(component)...)
	volumes := []*coreac.VolumeApplyConfiguration{
		coreac.Volume().WithName("scripts").WithConfigMap(coreac.ConfigMapVolumeSource().
			WithName(ConfigMap).WithDefaultMode(0o555)),
		secrets,
		coreac.Volume().WithName("tmp").WithEmptyDir(coreac.EmptyDirVolumeSource()),
	}
	if env.Spec.Redis.TLS {
		volume, mount := pods.Certificate(pki.Redis)
		volumes = append(volumes, volume)
		container.WithVolumeMounts(mount).WithEnv(coreac.EnvVar().WithName("TLS_DIR").WithValue(pods.TLSDir(pki.Redis)))
	}
	return coreac.PodSpec().
		WithServiceAccountName(naming.RoleServiceAccount).
		WithAutomountServiceAccountToken(true).
		WithEnableServiceLinks(false).
		WithSecurityContext(pods.SecurityContext()).
		WithAffinity(pods.SpreadOverNodes(env, component)).
		WithDNSConfig(pods.DNS()).
		WithTerminationGracePeriodSeconds(graceSeconds).
		WithVolumes(volumes...).
		WithContainers(container.
			WithSecurityContext(pods.ContainerSecurityContext()).
			WithVolumeMounts(
				coreac.VolumeMount().WithName("data").WithMountPath("/data"),
				coreac.VolumeMount().WithName("scripts").WithMountPath(scriptsDir).WithReadOnly(true),
				secretsMount,
				coreac.VolumeMount().WithName("tmp").WithMountPath("/tmp")).
			WithEnv(
				pods.FieldEnv("POD_NAME", "metadata.name"),
				pods.FieldEnv("POD_NAMESPACE", "metadata.namespace"),
				pods.FieldEnv("POD_IP", "status.podIP")))
}

func server(env *v1alpha1.PawsEnvironment, image string) *coreac.ContainerApplyConfiguration {
	spec := env.Spec.Redis
	return coreac.Container().
		WithName("redis").
		WithImage(image).
		WithCommand(scriptsDir+"/"+scriptRedisStart).
		WithLifecycle(coreac.Lifecycle().WithPreStop(coreac.LifecycleHandler().
			WithExec(coreac.ExecAction().WithCommand(scriptsDir+"/"+scriptRedisStop)))).
		WithEnv(
			coreac.EnvVar().WithName("MIN_REPLICAS_TO_WRITE").WithValue(strconv.Itoa(minReplicas(spec))),
			coreac.EnvVar().WithName("MAXMEMORY").WithValue(maxMemory(spec.Resources))).
		WithPorts(coreac.ContainerPort().WithName("redis").WithContainerPort(naming.PortRedis).WithProtocol(corev1.ProtocolTCP)).
		WithResources(pods.Resources(spec.Resources, "250m", defaultMemory, "128Mi")).
		// It answers with an error while it loads its data.
		WithStartupProbe(probe(1, 3, 3600).WithExec(coreac.ExecAction().WithCommand(scriptsDir+"/"+scriptCLI, "-e", "ping"))).
		WithReadinessProbe(tcp(naming.PortRedis, 5, 2)).
		WithLivenessProbe(tcp(naming.PortRedis, 10, 6))
}

func sentinel(env *v1alpha1.PawsEnvironment, image string) *coreac.ContainerApplyConfiguration {
	return coreac.Container().
		WithName("sentinel").
		WithImage(image).
		WithCommand(scriptsDir + "/" + scriptSentinel).
		WithPorts(coreac.ContainerPort().WithName("sentinel").WithContainerPort(naming.PortSentinel).WithProtocol(corev1.ProtocolTCP)).
		WithResources(pods.Resources(env.Spec.Redis.SentinelResources, "100m", "128Mi", "64Mi")).
		WithStartupProbe(tcp(naming.PortSentinel, 1, 300)).
		WithReadinessProbe(tcp(naming.PortSentinel, 5, 2)).
		WithLivenessProbe(tcp(naming.PortSentinel, 10, 6))
}

func minReplicas(spec v1alpha1.RedisSpec) int {
	if spec.MinReplicasToWrite == nil {
		return 1
	}
	return int(*spec.MinReplicasToWrite)
}

// maxMemory is what the data may take of the memory limit: the rest is for
// replication buffers and for pages copied while a fork writes.
func maxMemory(override *corev1.ResourceRequirements) string {
	limit := resource.MustParse(defaultMemory)
	if override != nil {
		if own, ok := override.Limits[corev1.ResourceMemory]; ok {
			limit = own
		}
	}
	return strconv.FormatInt(limit.Value()*6/10, 10)
}

func probe(period, timeout, failures int32) *coreac.ProbeApplyConfiguration {
	return coreac.Probe().WithPeriodSeconds(period).WithTimeoutSeconds(timeout).WithFailureThreshold(failures)
}

// tcp asks whether the port is open; what answers there is judged by the
// operator's probes. An exec probe would cost more than the server itself.
func tcp(port, period, failures int32) *coreac.ProbeApplyConfiguration {
	return probe(period, 3, failures).WithTCPSocket(coreac.TCPSocketAction().WithPort(intstr.FromInt32(port)))
}
