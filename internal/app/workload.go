// Package app knows how the application services of an environment are run,
// told of what they depend on, asked and judged.
package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

// Network is the app's Service. It is there before any app starts: a caller of
// an address that no node knows yet may get through to a stranger, and keep
// that connection.
func Network(env *v1alpha1.PawsEnvironment, app v1alpha1.AppSpec) runtime.ApplyConfiguration {
	return pods.Service(env, app.Name, app.Name, app.Port, app.Expose)
}

// Objects are an app's Deployment and, above one replica, disruption budget.
func Objects(env *v1alpha1.PawsEnvironment, app v1alpha1.AppSpec, start Start) []runtime.ApplyConfiguration {
	objects := []runtime.ApplyConfiguration{Deployment(env, app, start)}
	if Replicas(app) > 1 {
		objects = append(objects, pods.DisruptionBudget(env, app.Name))
	}
	return objects
}

// Replicas is how many pods the app shall have.
func Replicas(app v1alpha1.AppSpec) int32 {
	if app.Replicas == nil {
		return 1
	}
	return *app.Replicas
}

// Start is what an app reads when it starts and then no more: when it changes,
// the app's pods follow each other as they do for a new version.
type Start struct {
	// Certificates are those of the CAs that are trusted.
	Certificates string
	// Versions count how often each secret was replaced.
	Versions map[string]int
}

// AnnotationSecrets tells which versions of its secrets a pod was started with.
const AnnotationSecrets = "paws360.io/secrets"

// Secrets tells of the versions of those secrets that the app is given; it is
// another text whenever one of them is another one.
func Secrets(env *v1alpha1.PawsEnvironment, app v1alpha1.AppSpec, versions map[string]int) string {
	var used []string
	for _, v := range environment(env, app) {
		if v.ValueFrom == nil || v.ValueFrom.SecretKeyRef == nil || *v.ValueFrom.SecretKeyRef.Name != naming.Credentials {
			continue
		}
		if key := *v.ValueFrom.SecretKeyRef.Key; versions[key] > 0 {
			used = append(used, fmt.Sprintf("%s=%d", key, versions[key]))
		}
	}
	slices.Sort(used)
	sum := sha256.Sum256([]byte(strings.Join(used, ",")))
	return hex.EncodeToString(sum[:6])
}

// Deployment runs the app. A new version starts before the old one stops.
func Deployment(env *v1alpha1.PawsEnvironment, app v1alpha1.AppSpec, start Start) *appsac.DeploymentApplyConfiguration {
	return appsac.Deployment(app.Name, env.Namespace).
		WithLabels(naming.Labels(env, app.Name)).
		WithOwnerReferences(pods.Owner(env)).
		WithSpec(appsac.DeploymentSpec().
			WithReplicas(Replicas(app)).
			WithRevisionHistoryLimit(2).
			WithStrategy(appsac.DeploymentStrategy().
				WithType(appsv1.RollingUpdateDeploymentStrategyType).
				WithRollingUpdate(appsac.RollingUpdateDeployment().
					WithMaxUnavailable(intstr.FromInt32(0)).
					WithMaxSurge(intstr.FromInt32(1)))).
			WithSelector(metaac.LabelSelector().WithMatchLabels(naming.Selector(env, app.Name))).
			WithTemplate(coreac.PodTemplateSpec().
				WithLabels(naming.PodLabels(env, app.Name)).
				WithAnnotations(annotations(env, app, start)).
				WithSpec(podSpec(env, app))))
}

func podSpec(env *v1alpha1.PawsEnvironment, app v1alpha1.AppSpec) *coreac.PodSpecApplyConfiguration {
	trust, trustMount := pods.Trust()
	return coreac.PodSpec().
		WithSecurityContext(pods.SecurityContext()).
		WithAffinity(pods.SpreadOverNodes(env, app.Name)).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(20).
		WithVolumes(trust, coreac.Volume().WithName("tmp").WithEmptyDir(coreac.EmptyDirVolumeSource())).
		WithContainers(coreac.Container().
			WithName("app").
			WithImage(app.Image).
			WithEnv(environment(env, app)...).
			WithPorts(coreac.ContainerPort().WithName("http").WithContainerPort(app.Port)).
			WithSecurityContext(pods.ContainerSecurityContext()).
			WithResources(pods.Resources(app.Resources, "500m", "512Mi", "256Mi")).
			WithVolumeMounts(trustMount, coreac.VolumeMount().WithName("tmp").WithMountPath("/tmp")).
			// A JVM on a busy laptop may take minutes; once started, an app is
			// held to the ordinary liveness.
			WithStartupProbe(probe(app, app.Health.ReadinessPath, 1, 300)).
			// A failover takes less than three periods: the app stays reachable, and need
			// not come back late, when the database is well already.
			WithReadinessProbe(probe(app, app.Health.ReadinessPath, 3, 3)).
			WithLivenessProbe(probe(app, app.Health.LivenessPath, 10, 6)))
}

func probe(app v1alpha1.AppSpec, path string, period, failures int32) *coreac.ProbeApplyConfiguration {
	return coreac.Probe().
		WithHTTPGet(coreac.HTTPGetAction().WithPath(path).WithPort(intstr.FromInt32(app.Port))).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(3).
		WithFailureThreshold(failures)
}

func annotations(env *v1alpha1.PawsEnvironment, app v1alpha1.AppSpec, start Start) map[string]string {
	list := map[string]string{
		AnnotationSecrets:    Secrets(env, app, start.Versions),
		pods.AnnotationTrust: pods.Trusting(start.Certificates),
	}
	if app.MetricsPath != "" {
		list["prometheus.io/scrape"], list["prometheus.io/path"] = "true", app.MetricsPath
		list["prometheus.io/port"] = strconv.Itoa(int(app.Port))
	}
	return list
}

// environment tells the app its port and where its dependencies are. What the
// spec sets itself wins.
func environment(env *v1alpha1.PawsEnvironment, app v1alpha1.AppSpec) []*coreac.EnvVarApplyConfiguration {
	vars := map[string]*coreac.EnvVarApplyConfiguration{}
	set := func(v *coreac.EnvVarApplyConfiguration) { vars[*v.Name] = v }
	set(coreac.EnvVar().WithName("PORT").WithValue(strconv.Itoa(int(app.Port))))
	for _, dependency := range app.DependsOn {
		for _, v := range connection(env, dependency) {
			set(v)
		}
	}
	for _, key := range app.SecretEnv {
		set(pods.SecretEnv(key, key))
	}
	for _, v := range app.Env {
		set(envVar(v))
	}
	names := slices.Sorted(maps.Keys(vars))
	sorted := make([]*coreac.EnvVarApplyConfiguration, 0, len(names))
	for _, name := range names {
		sorted = append(sorted, vars[name])
	}
	return sorted
}

// connection is how an app reaches one dependency: by the names of all its
// members, so that a failover needs neither the operator nor a restart.
func connection(env *v1alpha1.PawsEnvironment, dependency string) []*coreac.EnvVarApplyConfiguration {
	switch dependency {
	case naming.Etcd:
		return []*coreac.EnvVarApplyConfiguration{
			coreac.EnvVar().WithName("ETCD_ENDPOINTS").WithValue(hosts(env, naming.Etcd, env.Spec.Etcd.Replicas, naming.PortEtcdClient, "https://")),
			coreac.EnvVar().WithName("ETCD_CACERT").WithValue(pods.TrustFile),
			pods.SecretEnv("ETCD_USERNAME", naming.KeyEtcdAppUser),
			coreac.EnvVar().WithName("ETCD_PREFIX").WithValue(etcd.AppPrefix),
			pods.SecretEnv("ETCD_PASSWORD", naming.KeyEtcdAppPassword),
		}
	case naming.Postgres:
		members := hosts(env, naming.Postgres, env.Spec.Postgres.Replicas, naming.PortPostgres, "")
		return []*coreac.EnvVarApplyConfiguration{
			coreac.EnvVar().WithName("DATABASE_URL").
				WithValue(fmt.Sprintf("jdbc:postgresql://%s/%s?targetServerType=primary&sslmode=verify-full&sslrootcert=%s",
					members, naming.Database, pods.TrustFile)),
			pods.SecretEnv("DATABASE_USERNAME", naming.KeyDatabaseUser),
			pods.SecretEnv("DATABASE_PASSWORD", naming.KeyDatabasePassword),
		}
	case naming.Redis:
		vars := []*coreac.EnvVarApplyConfiguration{
			coreac.EnvVar().WithName("REDIS_SENTINELS").WithValue(hosts(env, naming.Sentinel, env.Spec.Redis.Sentinels, naming.PortSentinel, "")),
			coreac.EnvVar().WithName("REDIS_MASTER_NAME").WithValue(naming.RedisMasterSet),
			coreac.EnvVar().WithName("REDIS_USERNAME").WithValue(naming.RedisUser),
			pods.SecretEnv("REDIS_PASSWORD", naming.KeyRedisPassword),
			coreac.EnvVar().WithName("REDIS_SENTINEL_USERNAME").WithValue(naming.RedisUser),
			pods.SecretEnv("REDIS_SENTINEL_PASSWORD", naming.KeySentinelPassword),
		}
		if env.Spec.Redis.TLS {
			vars = append(vars, coreac.EnvVar().WithName("REDIS_TLS").WithValue("true"),
				coreac.EnvVar().WithName("REDIS_CACERT").WithValue(pods.TrustFile))
		}
		return vars
	}
	for _, other := range env.Spec.Apps {
		if other.Name == dependency {
			name := strings.ToUpper(strings.ReplaceAll(other.Name, "-", "_")) + "_URL"
			return []*coreac.EnvVarApplyConfiguration{
				coreac.EnvVar().WithName(name).WithValue(fmt.Sprintf("http://%s:%d", other.Name, other.Port)),
			}
		}
	}
	return nil
}

func hosts(env *v1alpha1.PawsEnvironment, component string, replicas int32, port int, scheme string) string {
	list := make([]string, 0, replicas)
	for o := int32(1); o <= replicas; o++ {
		list = append(list, fmt.Sprintf("%s%s:%d", scheme, naming.MemberHost(env.Namespace, component, o), port))
	}
	return strings.Join(list, ",")
}

func envVar(v corev1.EnvVar) *coreac.EnvVarApplyConfiguration {
	out := coreac.EnvVar().WithName(v.Name)
	if v.ValueFrom == nil {
		return out.WithValue(v.Value)
	}
	source := coreac.EnvVarSource()
	switch from := v.ValueFrom; {
	case from.SecretKeyRef != nil:
		source.WithSecretKeyRef(coreac.SecretKeySelector().WithName(from.SecretKeyRef.Name).WithKey(from.SecretKeyRef.Key))
		source.SecretKeyRef.Optional = from.SecretKeyRef.Optional
	case from.ConfigMapKeyRef != nil:
		source.WithConfigMapKeyRef(coreac.ConfigMapKeySelector().WithName(from.ConfigMapKeyRef.Name).WithKey(from.ConfigMapKeyRef.Key))
		source.ConfigMapKeyRef.Optional = from.ConfigMapKeyRef.Optional
	case from.FieldRef != nil:
		source.WithFieldRef(coreac.ObjectFieldSelector().WithFieldPath(from.FieldRef.FieldPath))
	case from.ResourceFieldRef != nil:
		source.WithResourceFieldRef(coreac.ResourceFieldSelector().WithResource(from.ResourceFieldRef.Resource).WithDivisor(from.ResourceFieldRef.Divisor))
	}
	return out.WithValueFrom(source)
}
