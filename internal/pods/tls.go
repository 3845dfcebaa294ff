package pods

import (
	"crypto/sha256"
	"encoding/hex"

	coreac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// TrustFile is where a pod with the mount Trust finds the environment's CA
// certificates.
const TrustFile = trustDir + "/" + TrustKey

// TrustKey is the key of the CA certificates in the ConfigMap.
const TrustKey = "ca.crt"

const (
	trustDir = "/etc/pawskind/ca"
	tlsDir   = "/etc/pawskind/tls"
)

// Trust mounts the environment's CA certificates, which are no secret.
func Trust() (*coreac.VolumeApplyConfiguration, *coreac.VolumeMountApplyConfiguration) {
	return coreac.Volume().WithName("ca").WithConfigMap(coreac.ConfigMapVolumeSource().WithName(naming.TrustBundle)),
		coreac.VolumeMount().WithName("ca").WithMountPath(trustDir).WithReadOnly(true)
}

// TrustMap holds the CA certificates for whoever connects to the environment.
func TrustMap(env *v1alpha1.PawsEnvironment, certificates string) *coreac.ConfigMapApplyConfiguration {
	return coreac.ConfigMap(naming.TrustBundle, env.Namespace).
		WithLabels(naming.Labels(env, "pki")).
		WithOwnerReferences(Owner(env)).
		WithData(map[string]string{TrustKey: certificates})
}

// AnnotationTrust tells the CA certificates with which a pod was started.
const AnnotationTrust = "paws360.io/trust"

// Annotations of a pod's template change with what a running member reads only
// at its start: its configuration, and the CA certificates that it trusts.
func Annotations(configHash, certificates string) map[string]string {
	return map[string]string{"paws360.io/config-hash": configHash, AnnotationTrust: Trusting(certificates)}
}

// Trusting is the value of AnnotationTrust for these certificates.
func Trusting(certificates string) string {
	sum := sha256.Sum256([]byte(certificates))
	return hex.EncodeToString(sum[:6])
}

// TLSDir is where a pod finds tls.crt, tls.key and ca.crt of a Secret that
// Certificate mounts.
func TLSDir(secret string) string { return tlsDir + "/" + secret }

// Certificate mounts a certificate's Secret. The pod's group may read it and
// nobody may write it, which is what PostgreSQL asks of a key.
func Certificate(secret string) (*coreac.VolumeApplyConfiguration, *coreac.VolumeMountApplyConfiguration) {
	return coreac.Volume().WithName(secret).WithSecret(coreac.SecretVolumeSource().WithSecretName(secret).WithDefaultMode(0o440)),
		coreac.VolumeMount().WithName(secret).WithMountPath(TLSDir(secret)).WithReadOnly(true)
}

// SecretsDir is where a pod with the mount Secrets finds a file a secret.
const SecretsDir = "/run/secrets/paws360"

// Secrets mounts secrets of the environment as files, which follow them while
// the pod runs: also those that a rotation is about to bring or to take.
func Secrets(keys ...string) (*coreac.VolumeApplyConfiguration, *coreac.VolumeMountApplyConfiguration) {
	source := coreac.SecretVolumeSource().WithSecretName(naming.Credentials).WithOptional(true).WithDefaultMode(0o440)
	for _, key := range keys {
		for _, suffix := range []string{"", naming.SuffixNext, naming.SuffixPrevious} {
			source.WithItems(coreac.KeyToPath().WithKey(key + suffix).WithPath(key + suffix))
		}
	}
	return coreac.Volume().WithName("secrets").WithSecret(source),
		coreac.VolumeMount().WithName("secrets").WithMountPath(SecretsDir).WithReadOnly(true)
}
