// Package etcd knows how an etcd cluster is run on Kubernetes: its objects, its
// membership, how to ask it, and how to judge what it answers.
package etcd

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
	"github.com/paws360/pawskind/internal/pods"
)

// ConfigMap is the name of the object that tells starting members of their cluster.
const ConfigMap = "etcd-bootstrap"

const bootstrapDir = "/bootstrap"

//go:embed start.sh
var startScript string

//go:embed etcdctl.sh
var etcdctlScript string

// Bootstrap is what a member with an empty volume needs to know. Members with
// data ignore it.
type Bootstrap struct {
	// Ordinals are the members to expect, from 1.
	Ordinals []int32
	// Existing is set when the members join a cluster that runs.
	Existing bool
	// Identities are the member IDs, in hexadecimal, that the cluster gave to
	// members added to it, by pod name.
	Identities map[string]string
}

// NewCluster is the bootstrap of a cluster of that many members.
func NewCluster(replicas int32) Bootstrap {
	b := Bootstrap{}
	for i := int32(1); i <= replicas; i++ {
		b.Ordinals = append(b.Ordinals, i)
	}
	return b
}

// PeerURL is where the member's peers find it.
func PeerURL(namespace string, ordinal int32) string {
	return fmt.Sprintf("https://%s:%d", naming.MemberHost(namespace, naming.Etcd, ordinal), naming.PortEtcdPeer)
}

// ClientURL is where clients find the member.
func ClientURL(namespace string, ordinal int32) string {
	return fmt.Sprintf("https://%s:%d", naming.MemberHost(namespace, naming.Etcd, ordinal), naming.PortEtcdClient)
}

// Network is the headless Service and the disruption budget.
func Network(env *v1alpha1.PawsEnvironment) []runtime.ApplyConfiguration {
	return []runtime.ApplyConfiguration{
		pods.HeadlessService(env, naming.Etcd,
			pods.ServicePort("client", naming.PortEtcdClient),
			pods.ServicePort("peer", naming.PortEtcdPeer),
			pods.ServicePort("metrics", naming.PortEtcdMetrics)),
		pods.DisruptionBudget(env, naming.Etcd),
	}
}

// Told tells whether the bootstrap of that content gives the member its identity.
func Told(bootstrap map[string]string, ordinal int32, id uint64) bool {
	return bootstrap["identity-"+naming.Member(naming.Etcd, ordinal)] == fmt.Sprintf("%x", id)
}

// BootstrapMap renders the bootstrap for the members' start script.
func BootstrapMap(env *v1alpha1.PawsEnvironment, b Bootstrap) *coreac.ConfigMapApplyConfiguration {
	urls := make([]string, 0, len(b.Ordinals))
	for _, o := range b.Ordinals {
		urls = append(urls, naming.Member(naming.Etcd, o)+"="+PeerURL(env.Namespace, o))
	}
	state := "new"
	if b.Existing {
		state = "existing"
	}
	data := map[string]string{
		"initial-cluster":       strings.Join(urls, ","),
		"initial-cluster-state": state,
		"start.sh":              startScript,
		"etcdctl":               etcdctlScript,
	}
	for pod, id := range b.Identities {
		data["identity-"+pod] = id
	}
	return coreac.ConfigMap(ConfigMap, env.Namespace).
		WithLabels(naming.Labels(env, naming.Etcd)).
		WithOwnerReferences(pods.Owner(env)).
		WithData(data)
}

// StatefulSet runs the members. Members are replaced by the operator one at a
// time (OnDelete), so that the leader goes last. They trust the given CA
// certificates.
func StatefulSet(env *v1alpha1.PawsEnvironment, image string, replicas int32, certificates string) *appsac.StatefulSetApplyConfiguration {
	return appsac.StatefulSet(naming.StatefulSet(naming.Etcd), env.Namespace).
		WithLabels(naming.Labels(env, naming.Etcd)).
		WithOwnerReferences(pods.Owner(env)).
		WithSpec(appsac.StatefulSetSpec().
			WithReplicas(replicas).
			WithOrdinals(appsac.StatefulSetOrdinals().WithStart(1)).
			WithServiceName(naming.StatefulSet(naming.Etcd)).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithUpdateStrategy(appsac.StatefulSetUpdateStrategy().WithType(appsv1.OnDeleteStatefulSetStrategyType)).
			WithSelector(metaac.LabelSelector().WithMatchLabels(naming.Selector(env, naming.Etcd))).
			WithVolumeClaimTemplates(pods.Claim(env, naming.Etcd, env.Spec.Etcd.Storage)).
			WithTemplate(coreac.PodTemplateSpec().
				WithLabels(naming.PodLabels(env, naming.Etcd)).
				WithAnnotations(pods.Annotations(hash(startScript), certificates)).
				WithSpec(podSpec(env, image))))
}

func podSpec(env *v1alpha1.PawsEnvironment, image string) *coreac.PodSpecApplyConfiguration {
	server, serverMount := pods.Certificate(pki.Etcd)
	peer, peerMount := pods.Certificate(pki.EtcdPeer)
	secrets, secretsMount := pods.Secrets(naming.KeyEtcdRootPassword)
	return coreac.PodSpec().
		WithSecurityContext(pods.SecurityContext()).
		WithAffinity(pods.SpreadOverNodes(env, naming.Etcd)).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(15).
		WithVolumes(server, peer, secrets, coreac.Volume().WithName("bootstrap").
			WithConfigMap(coreac.ConfigMapVolumeSource().WithName(ConfigMap).WithDefaultMode(0o555))).
		WithContainers(coreac.Container().
			WithName("etcd").
			WithImage(image).
			WithCommand("sh", bootstrapDir+"/start.sh").
			// The operator reads from it why a member cannot start.
			WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
			WithEnv(variables()...).
			WithPorts(
				coreac.ContainerPort().WithName("client").WithContainerPort(naming.PortEtcdClient),
				coreac.ContainerPort().WithName("peer").WithContainerPort(naming.PortEtcdPeer),
				coreac.ContainerPort().WithName("metrics").WithContainerPort(naming.PortEtcdMetrics)).
			WithSecurityContext(pods.ContainerSecurityContext()).
			WithResources(pods.Resources(env.Spec.Etcd.Resources, "500m", "512Mi", "256Mi")).
			WithVolumeMounts(
				serverMount, peerMount, secretsMount,
				coreac.VolumeMount().WithName("data").WithMountPath("/data"),
				coreac.VolumeMount().WithName("bootstrap").WithMountPath(bootstrapDir)).
			// /readyz answers only with a leader (etcd documentation, "Monitoring
			// etcd"); /livez tells of a member that deadlocked.
			WithStartupProbe(probe("/readyz", 1, 3, 300)).
			WithReadinessProbe(probe("/readyz", 5, 5, 2)).
			WithLivenessProbe(probe("/livez", 10, 5, 6)))
}

// variables tell the start script where the certificates are, and etcdctl,
// run in the pod, how to log in.
func variables() []*coreac.EnvVarApplyConfiguration {
	value := func(name, value string) *coreac.EnvVarApplyConfiguration {
		return coreac.EnvVar().WithName(name).WithValue(value)
	}
	return []*coreac.EnvVarApplyConfiguration{
		pods.FieldEnv("POD_NAME", "metadata.name"), pods.FieldEnv("POD_NAMESPACE", "metadata.namespace"),
		value("TLS_DIR", pods.TLSDir(pki.Etcd)),
		value("PEER_TLS_DIR", pods.TLSDir(pki.EtcdPeer)),
		value("PEER_NAME", pki.EtcdPeerName),
		value("ETCDCTL_ENDPOINTS", fmt.Sprintf("https://localhost:%d", naming.PortEtcdClient)),
		value("ETCDCTL_CACERT", pods.TLSDir(pki.Etcd)+"/ca.crt"),
		value("ETCDCTL_USER", RootUser),
		// The bootstrap's etcdctl comes first.
		value("PATH", bootstrapDir+":/usr/local/bin:/usr/bin:/bin"),
	}
}

func probe(path string, period, timeout, failures int32) *coreac.ProbeApplyConfiguration {
	return coreac.Probe().
		WithHTTPGet(coreac.HTTPGetAction().WithPath(path).WithPort(intstr.FromInt32(naming.PortEtcdMetrics))).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(timeout).
		WithFailureThreshold(failures)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
