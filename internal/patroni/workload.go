// Package patroni knows how a PostgreSQL cluster is run by Patroni on
// Kubernetes: its objects, its configuration, how to ask it, and how to judge
// what it answers.
package patroni

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"

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

// ConfigMap is the name of the object with patroni.yml and the scripts.
const ConfigMap = "patroni-config"

//go:embed scripts/*.sh
var scripts embed.FS

var scriptNames = []string{"start.sh", "callback.sh", "post-bootstrap.sh", "clone.sh", "wake.sh", "secrets.sh"}

// Objects are everything that the cluster consists of but the service account
// of its pods, which roles.Objects gives.
func Objects(env *v1alpha1.PawsEnvironment, image string, etcdReplicas int32, certificates string) []runtime.ApplyConfiguration {
	return append(Network(env), Workload(env, image, etcdReplicas, certificates)...)
}

// Network is the headless Service, the Services that follow the roles, and the
// disruption budget.
func Network(env *v1alpha1.PawsEnvironment) []runtime.ApplyConfiguration {
	postgres := env.Spec.Postgres
	return []runtime.ApplyConfiguration{
		pods.HeadlessService(env, naming.Postgres,
			pods.ServicePort("postgres", naming.PortPostgres),
			pods.ServicePort("patroni", naming.PortPatroni)),
		pods.RoleService(env, naming.Postgres, naming.ServicePatroniLeader, naming.RolePrimary, naming.PortPostgres, postgres.Expose),
		pods.RoleService(env, naming.Postgres, naming.ServicePatroniReplica, naming.RoleReplica, naming.PortPostgres, nil),
		pods.DisruptionBudget(env, naming.Postgres),
	}
}

// Workload is the members' configuration and their StatefulSet, in this order.
// They trust the given CA certificates.
func Workload(env *v1alpha1.PawsEnvironment, image string, etcdReplicas int32, certificates string) []runtime.ApplyConfiguration {
	return []runtime.ApplyConfiguration{configMap(env, etcdReplicas), statefulSet(env, image, certificates)}
}

func configMap(env *v1alpha1.PawsEnvironment, etcdReplicas int32) *coreac.ConfigMapApplyConfiguration {
	data := map[string]string{
		"patroni.yml":     configFile(env, etcdReplicas),
		roles.ScriptName:  roles.Script,
		pods.ResolverName: pods.Resolver,
	}
	for _, name := range scriptNames {
		data[name] = script(name)
	}
	return coreac.ConfigMap(ConfigMap, env.Namespace).
		WithLabels(naming.Labels(env, naming.Postgres)).
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
// leader last (OnDelete), and volumes are kept when members go.
func statefulSet(env *v1alpha1.PawsEnvironment, image, certificates string) *appsac.StatefulSetApplyConfiguration {
	name := naming.StatefulSet(naming.Postgres)
	return appsac.StatefulSet(name, env.Namespace).
		WithLabels(naming.Labels(env, naming.Postgres)).
		WithOwnerReferences(pods.Owner(env)).
		WithSpec(appsac.StatefulSetSpec().
			WithReplicas(env.Spec.Postgres.Replicas).
			WithOrdinals(appsac.StatefulSetOrdinals().WithStart(1)).
			WithServiceName(name).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithUpdateStrategy(appsac.StatefulSetUpdateStrategy().WithType(appsv1.OnDeleteStatefulSetStrategyType)).
			WithPersistentVolumeClaimRetentionPolicy(appsac.StatefulSetPersistentVolumeClaimRetentionPolicy().
				WithWhenDeleted(appsv1.RetainPersistentVolumeClaimRetentionPolicyType).
				WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)).
			WithSelector(metaac.LabelSelector().WithMatchLabels(naming.Selector(env, naming.Postgres))).
			WithVolumeClaimTemplates(pods.Claim(env, naming.Postgres, env.Spec.Postgres.Storage)).
			WithTemplate(coreac.PodTemplateSpec().
				WithLabels(naming.PodLabels(env, naming.Postgres)).
				WithAnnotations(pods.Annotations(configHash(), certificates)).
				WithSpec(podSpec(env, image))))
}

// configHash changes with what a running member reads only at its start.
// Patroni applies the spec's settings and new etcd members by itself, and
// reads the other scripts each time.
func configHash() string {
	sum := sha256.Sum256([]byte(mustYAML(memberConfig()) + script("start.sh") + script("secrets.sh") + pods.Resolver))
	return hex.EncodeToString(sum[:6])
}

func podSpec(env *v1alpha1.PawsEnvironment, image string) *coreac.PodSpecApplyConfiguration {
	spec, container := coreac.PodSpec(), container(env, image)
	secrets, secretsMount := pods.Secrets(secretFiles()...)
	spec.WithVolumes(secrets)
	container.WithVolumeMounts(secretsMount)
	for _, secret := range []string{pki.Postgres, pki.PostgresClient, pki.Patroni} {
		volume, mount := pods.Certificate(secret)
		spec.WithVolumes(volume)
		container.WithVolumeMounts(mount)
	}
	return spec.
		WithServiceAccountName(naming.RoleServiceAccount).
		WithAutomountServiceAccountToken(true).
		WithEnableServiceLinks(false).
		WithSecurityContext(pods.SecurityContext()).
		WithAffinity(pods.SpreadOverNodes(env, naming.Postgres)).
		WithDNSConfig(pods.DNS()).
		// A leader writes its shutdown checkpoint and waits for the replicas to have it.
		WithTerminationGracePeriodSeconds(60).
		WithVolumes(
			coreac.Volume().WithName("config").WithConfigMap(coreac.ConfigMapVolumeSource().
				WithName(ConfigMap).WithDefaultMode(0o555)),
			coreac.Volume().WithName("tmp").WithEmptyDir(coreac.EmptyDirVolumeSource()),
			coreac.Volume().WithName("socket").WithEmptyDir(coreac.EmptyDirVolumeSource()),
			// The runtime's own /dev/shm of 64 MiB is too small for parallel queries.
			coreac.Volume().WithName("shm").WithEmptyDir(coreac.EmptyDirVolumeSource().
				WithMedium(corev1.StorageMediumMemory).WithSizeLimit(resource.MustParse("256Mi")))).
		WithContainers(container)
}

func container(env *v1alpha1.PawsEnvironment, image string) *coreac.ContainerApplyConfiguration {
	return coreac.Container().
		WithName("postgres").
		WithImage(image).
		WithCommand(configDir+"/start.sh").
		WithEnv(environment(env)...).
		WithPorts(
			coreac.ContainerPort().WithName("postgres").WithContainerPort(naming.PortPostgres).WithProtocol(corev1.ProtocolTCP),
			coreac.ContainerPort().WithName("patroni").WithContainerPort(naming.PortPatroni).WithProtocol(corev1.ProtocolTCP)).
		WithSecurityContext(pods.ContainerSecurityContext()).
		WithResources(pods.Resources(env.Spec.Postgres.Resources, "1", "1Gi", "512Mi")).
		WithVolumeMounts(
			coreac.VolumeMount().WithName("data").WithMountPath(dataVolume),
			coreac.VolumeMount().WithName("config").WithMountPath(configDir).WithReadOnly(true),
			coreac.VolumeMount().WithName("tmp").WithMountPath("/tmp"),
			coreac.VolumeMount().WithName("socket").WithMountPath(socketDir),
			coreac.VolumeMount().WithName("shm").WithMountPath("/dev/shm")).
		// Neither path asks PostgreSQL, so probing costs next to nothing. The
		// start may be long (a clone of much data) and its end is seen within
		// a second.
		WithStartupProbe(probe("/readiness", 1, 3, 3600)).
		WithReadinessProbe(probe("/readiness", 5, 5, 2)).
		WithLivenessProbe(probe("/liveness", 10, 5, 6))
}

// secretFiles are the secrets that the scripts and Patroni are given. start.sh
// makes Patroni's settings of them, again whenever they change.
func secretFiles() []string {
	return []string{
		naming.KeyPostgresPassword, naming.KeyReplicationPassword, naming.KeyDatabasePassword, naming.KeyPatroniPassword,
		naming.KeyEtcdPatroniPassword, naming.KeyEtcdPatroniUser, naming.KeySerial,
	}
}

func environment(env *v1alpha1.PawsEnvironment) []*coreac.EnvVarApplyConfiguration {
	value := func(name, value string) *coreac.EnvVarApplyConfiguration {
		return coreac.EnvVar().WithName(name).WithValue(value)
	}
	host := naming.PodHost(env.Namespace, naming.Postgres, "$(POD_NAME)")
	etcdURL := fmt.Sprintf("https://%s.%s.svc:%d", naming.StatefulSet(naming.Etcd), env.Namespace, naming.PortEtcdClient)
	return []*coreac.EnvVarApplyConfiguration{
		pods.FieldEnv("POD_NAME", "metadata.name"),
		pods.FieldEnv("POD_NAMESPACE", "metadata.namespace"),
		pods.FieldEnv("POD_IP", "status.podIP"),
		value("PG_VERSION", env.Spec.Postgres.Version),
		value("PGDATA", dataDir),
		value("ETCD_URL", etcdURL),
		value("CA_FILE", restTLS+"/ca.crt"),
		value("TLS_ROOT", path.Dir(restTLS)),
		value("PATRONICTL_CONFIG_FILE", runDir),
		value("PATRONI_NAME", "$(POD_NAME)"),
		value("PATRONI_RESTAPI_CONNECT_ADDRESS", fmt.Sprintf("%s:%d", host, naming.PortPatroni)),
		value("PATRONI_POSTGRESQL_CONNECT_ADDRESS", fmt.Sprintf("%s:%d", host, naming.PortPostgres)),
		value("PATRONI_REPLICATION_SSLMODE", "verify-full"),
		value("PATRONI_REPLICATION_SSLROOTCERT", clientTLS+"/ca.crt"),
		value("PATRONI_REPLICATION_SSLCERT", clientTLS+"/tls.crt"),
		value("PATRONI_REPLICATION_SSLKEY", clientTLS+"/tls.key"),
		value("PATRONI_REWIND_SSLMODE", "verify-full"),
		value("PATRONI_REWIND_SSLROOTCERT", clientTLS+"/ca.crt"),
		value("APP_DATABASE", naming.Database),
		value("APP_USER", naming.DatabaseUser),
	}
}

// Ordinal is the number in a member's name; 0 for a stranger's.
func Ordinal(member string) int32 {
	ordinal, err := strconv.ParseInt(strings.TrimPrefix(member, naming.ServicePatroni+"-"), 10, 32)
	if err != nil {
		return 0
	}
	return int32(ordinal)
}

func probe(path string, period, timeout, failures int32) *coreac.ProbeApplyConfiguration {
	return coreac.Probe().
		WithHTTPGet(coreac.HTTPGetAction().WithScheme(corev1.URISchemeHTTPS).WithPath(path).WithPort(intstr.FromInt32(naming.PortPatroni))).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(timeout).
		WithFailureThreshold(failures)
}
