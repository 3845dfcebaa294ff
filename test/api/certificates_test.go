package api

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
)

var certificateSecrets = []string{pki.CA, pki.Etcd, pki.EtcdPeer, pki.Postgres, pki.PostgresClient, pki.Patroni, pki.Redis}

// certified creates an environment and gives its Secrets once they are there.
func certified(t *testing.T, change func(*v1alpha1.PawsEnvironmentSpec)) (string, map[string]corev1.Secret) {
	t.Helper()
	ns := started(t, change)
	condition(t, ns, v1alpha1.ConditionCertificatesValid, v1alpha1.ReasonCertificatesIssued)
	return ns, secrets(t, ns)
}

func secrets(t *testing.T, ns string) map[string]corev1.Secret {
	t.Helper()
	found := map[string]corev1.Secret{}
	for _, name := range certificateSecrets {
		secret := corev1.Secret{}
		if get(t, ns, name, &secret) {
			found[name] = secret
		}
	}
	return found
}

// ask sets the annotation that asks for certificates to be made anew.
func ask(t *testing.T, ns string, names ...string) {
	t.Helper()
	env := &v1alpha1.PawsEnvironment{}
	require.True(t, get(t, ns, "local", env))
	before := env.DeepCopy()
	// A certificate that is asked for is older than the request.
	env.Annotations = map[string]string{v1alpha1.AnnotationRenew: pki.Ask("", names, time.Now().Add(time.Second))}
	require.NoError(t, kube.Patch(t.Context(), env, client.MergeFrom(before)))
}

func TestAnEnvironmentGetsItsCertificates(t *testing.T) {
	ns, made := certified(t, nil)
	require.Len(t, made, len(certificateSecrets))
	trust := &corev1.ConfigMap{}
	require.True(t, get(t, ns, naming.TrustBundle, trust))
	for name, secret := range made {
		require.Equal(t, "PawsEnvironment", metav1.GetControllerOf(&secret).Kind, "goes with the environment")
		if name != pki.CA {
			require.Equal(t, corev1.SecretTypeTLS, secret.Type)
			require.Equal(t, trust.Data["ca.crt"], string(secret.Data["ca.crt"]))
		}
	}
	told := status(t, ns).Certificates
	require.Len(t, told, len(certificateSecrets))
	for _, c := range told {
		require.Equal(t, told[0].Fingerprint, c.Issuer)
		require.NotNil(t, c.RenewalTime)
	}
}

func TestACertificateIsMadeAnewOnRequest(t *testing.T) {
	ns, before := certified(t, nil)
	ask(t, ns, pki.Etcd)
	eventually(t, "etcd has another certificate", func() bool {
		return string(secrets(t, ns)[pki.Etcd].Data["tls.crt"]) != string(before[pki.Etcd].Data["tls.crt"])
	})
	after := secrets(t, ns)
	require.NotEqual(t, before[pki.Etcd].Data["tls.key"], after[pki.Etcd].Data["tls.key"])
	require.Equal(t, before[pki.Etcd].Data["ca.crt"], after[pki.Etcd].Data["ca.crt"])
	for _, name := range certificateSecrets[2:] {
		require.Equal(t, before[name].ResourceVersion, after[name].ResourceVersion, "%s is as it was", name)
	}
	eventually(t, "an event tells of it", func() bool { return hasEvent(t, ns, "CertificateAsked", pki.Etcd) })
}

func TestANewCAIsMadeKnownBeforeItSigns(t *testing.T) {
	ns, before := certified(t, nil)
	ask(t, ns, pki.CA)
	condition(t, ns, v1alpha1.ConditionCertificatesValid, v1alpha1.ReasonRotatingCA)
	after := secrets(t, ns)
	require.NotEmpty(t, after[pki.CA].Data["next.key"])
	require.Equal(t, before[pki.CA].Data["ca.crt"], after[pki.CA].Data["ca.crt"])
	for _, name := range certificateSecrets[1:] {
		require.Equal(t, before[name].Data["tls.crt"], after[name].Data["tls.crt"])
		require.Equal(t, 2, strings.Count(string(after[name].Data["ca.crt"]), "BEGIN CERTIFICATE"))
	}
	trust := &corev1.ConfigMap{}
	eventually(t, "everybody is told of both", func() bool {
		return get(t, ns, naming.TrustBundle, trust) && trust.Data["ca.crt"] == string(after[pki.Etcd].Data["ca.crt"])
	})
}

func TestADeletedCertificateComesBack(t *testing.T) {
	ns, before := certified(t, nil)
	secret := before[pki.Patroni]
	require.NoError(t, kube.Delete(t.Context(), &secret))
	eventually(t, "patroni-tls is there again", func() bool { return get(t, ns, pki.Patroni, &corev1.Secret{}) })
	after := secrets(t, ns)
	require.Equal(t, before[pki.CA].Data["ca.crt"], after[pki.CA].Data["ca.crt"])
	require.NotEqual(t, before[pki.Patroni].Data["tls.crt"], after[pki.Patroni].Data["tls.crt"])
}

func TestASecretOfSomebodyElseStays(t *testing.T) {
	ns := namespace(t)
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: pki.Redis}, StringData: map[string]string{"tls.crt": "theirs"}}
	require.NoError(t, kube.Create(t.Context(), theirs))
	require.NoError(t, kube.Create(t.Context(), environment(ns)))
	c := condition(t, ns, v1alpha1.ConditionCertificatesValid, v1alpha1.ReasonSecretForeign)
	require.Contains(t, c.Message, pki.Redis)
	require.Equal(t, "theirs", string(secrets(t, ns)[pki.Redis].Data["tls.crt"]))
	require.Len(t, secrets(t, ns), len(certificateSecrets), "the others are made")
}

func TestACAThatWasHandedInSigns(t *testing.T) {
	_, other := certified(t, nil)
	ns := namespace(t)
	require.NoError(t, kube.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "company-ca"}, Data: map[string][]byte{
		"ca.crt": other[pki.CA].Data["ca.crt"], "ca.key": other[pki.CA].Data["ca.key"],
	}}))
	env := environment(ns)
	env.Spec.TLS.CASecretRef = &v1alpha1.SecretReference{Name: "company-ca"}
	require.NoError(t, kube.Create(t.Context(), env))
	condition(t, ns, v1alpha1.ConditionCertificatesValid, v1alpha1.ReasonCertificatesIssued)
	require.Equal(t, other[pki.CA].Data["ca.crt"], secrets(t, ns)[pki.Etcd].Data["ca.crt"])
	require.Nil(t, status(t, ns).Certificates[0].RenewalTime, "whoever made it renews it")
}

func TestACertificateThatIsUnfitIsToldAndNotUsed(t *testing.T) {
	_, other := certified(t, nil)
	ns := namespace(t)
	require.NoError(t, kube.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "theirs"}, Data: other[pki.Postgres].Data}))
	env := environment(ns)
	env.Spec.TLS.Certificates.Postgres = &v1alpha1.SuppliedCertificate{SecretName: "theirs"}
	require.NoError(t, kube.Create(t.Context(), env))
	c := condition(t, ns, v1alpha1.ConditionCertificatesValid, v1alpha1.ReasonCertificateUnfit)
	require.Contains(t, c.Message, "patroni-leader."+ns+".svc")
	require.NotEmpty(t, secrets(t, ns)[pki.Postgres].Data["tls.crt"], "the environment starts with one of its own")
}

// The operator may write the Secrets of the certificates and no others.
func TestTheOperatorWritesNoOtherSecrets(t *testing.T) {
	content, err := os.ReadFile("../../config/rbac/role.yaml")
	require.NoError(t, err)
	role := &rbacv1.ClusterRole{}
	require.NoError(t, yaml.Unmarshal(content, role))
	role.Name = "operator-of-certificates"
	require.NoError(t, kube.Create(t.Context(), role))
	require.NoError(t, kube.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "operator"}},
	}))
	config := rest.CopyConfig(restConfig)
	config.Impersonate.UserName = "operator"
	operator, err := client.New(config, client.Options{Scheme: kube.Scheme()})
	require.NoError(t, err)
	env := environment(namespace(t))
	env.UID = "1"
	apply := func(name string) error {
		return operator.Apply(t.Context(), pki.Secret(env, name, pki.Issued{Pair: pki.Pair{Certificate: []byte("c"), Key: []byte("k")}, Roots: []byte("r")}.Data()), client.FieldOwner("operator"))
	}
	eventually(t, "the role is in force", func() bool { return apply(pki.CA) == nil })
	for _, name := range certificateSecrets {
		require.NoError(t, apply(name), name)
	}
	require.True(t, apierrors.IsForbidden(apply("paws360-secrets")), "an existing one of somebody else")
	require.True(t, apierrors.IsForbidden(apply("another")), "a new one")
	require.True(t, apierrors.IsForbidden(operator.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace, Name: "another"}})))
	require.True(t, apierrors.IsForbidden(operator.List(t.Context(), &corev1.SecretList{})))
}
