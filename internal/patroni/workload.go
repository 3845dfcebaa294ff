// Package patroni knows how a Patroni-managed PostgreSQL cluster is run on
// Kubernetes, asked and judged.
package patroni

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
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

const configMap = "patroni-config"

var (
	//go:embed start.sh
	startScript string
	//go:embed post-bootstrap.sh
	postBootstrapScript string
	//go:embed on-role-change.sh
	roleChangeScript string
)

// Network is the headless Service, the Services that follow the roles, and the
// disruption budget.
func Network(env *v1alpha1.PawsEnvironment) []runtime.ApplyConfiguration {
	return []runtime.ApplyConfiguration{
		pods.HeadlessService(env, naming.Postgres,
			pods.ServicePort("postgres", naming.PortPostgres),
			pods.ServicePort("patroni", naming.PortPatroni)),
		pods.RoleService(env, naming.Postgres, naming.ServicePatroniLeader, naming.RolePrimary, naming.PortPostgres, env.Spec.Postgres.Expose),
		pods.RoleService(env, naming.Postgres, naming.ServicePatroniReplica, naming.RoleReplica, naming.PortPostgres, nil),
		pods.DisruptionBudget(env, naming.Postgres),
	}
}

// Workload is the members' configuration and StatefulSet.
func Workload(env *v1alpha1.PawsEnvironment, image string) ([]runtime.ApplyConfiguration, error) {
	config, err := localConfig(env)
	if err != nil {
		return nil, err
	}
	scripts := map[string]string{
		"start.sh":          startScript,
		"post-bootstrap.sh": postBootstrapScript,
		"on-role-change.sh": roleChangeScript,
		"set-role.sh":       roles.Script,
	}
	data := map[string]string{"patroni.yml": config}
	for name, script := range scripts {
		data[name] = script
	}
	return []runtime.ApplyConfiguration{
		coreac.ConfigMap(configMap, env.Namespace).
			WithLabels(naming.Labels(env, naming.Postgres)).
			WithOwnerReferences(pods.Owner(env)).
			WithData(data),
		statefulSet(env, image),
	}, nil
}

func statefulSet(env *v1alpha1.PawsEnvironment, image string) *appsac.StatefulSetApplyConfiguration {
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
			WithSelector(metaac.LabelSelector().WithMatchLabels(naming.Selector(env, naming.Postgres))).
			WithVolumeClaimTemplates(pods.Claim(env, naming.Postgres, env.Spec.Postgres.Storage)).
			WithTemplate(coreac.PodTemplateSpec().
				WithLabels(naming.Labels(env, naming.Postgres)).
				WithAnnotations(map[string]string{"paws360.io/config-hash": restartHash()}).
				WithSpec(podSpec(env, image))))
}

// restartHash changes with what a member reads only when it starts. The
// configuration itself is not part of it: Patroni applies it while it runs.
func restartHash() string {
	sum := sha256.Sum256([]byte(startScript + roleChangeScript + roles.Script))
	return hex.EncodeToString(sum[:6])
}

func podSpec(env *v1alpha1.PawsEnvironment, image string) *coreac.PodSpecApplyConfiguration {
	files := coreac.ConfigMapVolumeSource().WithName(configMap)
	return coreac.PodSpec().
		WithServiceAccountName(naming.RoleServiceAccount).
		WithSecurityContext(pods.SecurityContext()).
		WithAffinity(pods.SpreadOverNodes(env, naming.Postgres)).
		WithEnableServiceLinks(false).
		// A fast shutdown writes a checkpoint and ships the last WAL.
		WithTerminationGracePeriodSeconds(30).
		WithVolumes(
			coreac.Volume().WithName("config").WithConfigMap(files),
			coreac.Volume().WithName("tmp").WithEmptyDir(coreac.EmptyDirVolumeSource()),
			coreac.Volume().WithName("home").WithEmptyDir(coreac.EmptyDirVolumeSource())).
		WithContainers(coreac.Container().
			WithName("postgres").
			WithImage(image).
			WithCommand("/bin/bash", scriptsPath+"/start.sh").
			WithEnv(variables(env)...).
			WithPorts(
				coreac.ContainerPort().WithName("postgres").WithContainerPort(naming.PortPostgres),
				coreac.ContainerPort().WithName("patroni").WithContainerPort(naming.PortPatroni)).
			WithSecurityContext(pods.ContainerSecurityContext()).
			WithResources(pods.Resources(env.Spec.Postgres.Resources, "1", "1Gi", "512Mi")).
			WithVolumeMounts(
				coreac.VolumeMount().WithName("data").WithMountPath("/data"),
				coreac.VolumeMount().WithName("config").WithMountPath(scriptsPath),
				coreac.VolumeMount().WithName("config").WithMountPath("/etc/patroni"),
				coreac.VolumeMount().WithName("tmp").WithMountPath("/tmp"),
				coreac.VolumeMount().WithName("home").WithMountPath("/home/postgres")).
			// A member that clones a large leader is still starting.
			WithStartupProbe(probe("/readiness", 1, 3600)).
			WithReadinessProbe(probe("/readiness", 5, 2)).
			WithLivenessProbe(probe("/liveness", 10, 6)))
}

func variables(env *v1alpha1.PawsEnvironment) []*coreac.EnvVarApplyConfiguration {
	host := "$(POD_NAME).patroni." + env.Namespace + ".svc"
	text := func(name, value string) *coreac.EnvVarApplyConfiguration {
		return coreac.EnvVar().WithName(name).WithValue(value)
	}
	return []*coreac.EnvVarApplyConfiguration{
		pods.FieldEnv("POD_NAME", "metadata.name"),
		pods.FieldEnv("POD_NAMESPACE", "metadata.namespace"),
		pods.FieldEnv("POD_IP", "status.podIP"),
		text("PGDATA", dataFolder),
		text("PGHOST", socketDir),
		text("PGUSER", superuser),
		text("PATRONI_NAME", "$(POD_NAME)"),
		text("PATRONI_POSTGRESQL_CONNECT_ADDRESS", fmt.Sprintf("%s:%d", host, naming.PortPostgres)),
		text("PATRONI_RESTAPI_CONNECT_ADDRESS", fmt.Sprintf("%s:%d", host, naming.PortPatroni)),
		text("PATRONI_SUPERUSER_USERNAME", superuser),
		pods.SecretEnv(env, "PATRONI_SUPERUSER_PASSWORD", naming.KeyPostgresPassword),
		text("PATRONI_REPLICATION_USERNAME", replicator),
		pods.SecretEnv(env, "PATRONI_REPLICATION_PASSWORD", naming.KeyReplicationPassword),
		text("PATRONI_RESTAPI_USERNAME", restUser),
		pods.SecretEnv(env, "PATRONI_RESTAPI_PASSWORD", naming.KeyPatroniPassword),
		pods.SecretEnv(env, "POSTGRES_APP_PASSWORD", naming.KeyDatabasePassword),
	}
}

func probe(path string, period, failures int32) *coreac.ProbeApplyConfiguration {
	return coreac.Probe().
		WithHTTPGet(coreac.HTTPGetAction().WithPath(path).WithPort(intstr.FromInt32(naming.PortPatroni))).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(3).
		WithFailureThreshold(failures)
}

// RESTURL is where the member's Patroni listens.
func RESTURL(namespace, member string) string {
	return fmt.Sprintf("http://%s:%d", naming.PodHost(namespace, naming.Postgres, member), naming.PortPatroni)
}

// Ordinal is the number in a member's name; 0 for a stranger's.
func Ordinal(member string) int32 {
	var ordinal int32
	_, _ = fmt.Sscanf(strings.TrimPrefix(member, naming.ServicePatroni+"-"), "%d", &ordinal)
	return ordinal
}
