package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ConditionCertificatesValid tells whether every certificate of the
// environment is what it should be and will be renewed in time. True is good.
const ConditionCertificatesValid = "CertificatesValid"

// Reasons of the CertificatesValid condition.
const (
	// ReasonCertificatesIssued surfaces when every certificate is in force.
	ReasonCertificatesIssued = "CertificatesIssued"
	// ReasonRotatingCA surfaces while an old and a new CA are trusted side by side.
	ReasonRotatingCA = "RotatingCA"
	// ReasonCAUnfit surfaces when the Secret of spec.tls.caSecretRef holds no CA
	// that can sign.
	ReasonCAUnfit = "CAUnfit"
	// ReasonCertificateUnfit surfaces when a Secret of spec.tls.certificates
	// cannot be used. The certificate that was in force stays.
	ReasonCertificateUnfit = "CertificateUnfit"
	// ReasonSecretForeign surfaces when a Secret has the name of one of the
	// operator's and was not made by it.
	ReasonSecretForeign = "SecretForeign"
)

// AnnotationRenew asks for certificates to be made anew: a list of NAME@TIME,
// separated by commas. A certificate of that Secret that was made before that
// time is replaced; the name of the CA's Secret rotates the CA. What is done is
// done: the annotation may stay or go.
const AnnotationRenew = "paws360.io/renew"

// TLSSpec says where certificates come from. Without it, the operator makes a
// CA for the environment, and everything with it.
type TLSSpec struct {
	// CASecretRef names a Secret with a CA of your own, as tls.crt and tls.key
	// or as ca.crt and ca.key. The certificate must be self-signed.
	// +optional
	CASecretRef *SecretReference `json:"caSecretRef,omitempty"`

	// Certificates are made by somebody else, such as cert-manager.
	// +optional
	Certificates SuppliedCertificates `json:"certificates,omitzero"`

	// ExtraNames are further DNS names and IP addresses of the servers that can
	// be reached from outside: PostgreSQL and Redis.
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-zA-Z0-9*]([-a-zA-Z0-9.:]*[a-zA-Z0-9])?$`
	// +optional
	ExtraNames []string `json:"extraNames,omitempty"`
}

// SuppliedCertificates name Secrets of the type kubernetes.io/tls. The
// operator reads them and never writes them.
type SuppliedCertificates struct {
	// Etcd is shown to etcd's clients.
	// +optional
	Etcd *SuppliedCertificate `json:"etcd,omitempty"`
	// EtcdPeer is shown by etcd's members to each other, with the common name etcd-peer.
	// +optional
	EtcdPeer *SuppliedCertificate `json:"etcdPeer,omitempty"`
	// Postgres is shown to PostgreSQL's clients.
	// +optional
	Postgres *SuppliedCertificate `json:"postgres,omitempty"`
	// PostgresClient is shown by a standby to its leader, with the common name replicator.
	// +optional
	PostgresClient *SuppliedCertificate `json:"postgresClient,omitempty"`
	// Patroni is shown by Patroni's REST API.
	// +optional
	Patroni *SuppliedCertificate `json:"patroni,omitempty"`
	// Redis is shown by Redis and Sentinel.
	// +optional
	Redis *SuppliedCertificate `json:"redis,omitempty"`
}

// SuppliedCertificate is a certificate that somebody else makes.
type SuppliedCertificate struct {
	// SecretName is a Secret with tls.crt, tls.key and, as ca.crt, whom to trust.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!(self in ['pki-ca', 'etcd-tls', 'etcd-peer-tls', 'postgres-tls', 'postgres-client-tls', 'patroni-tls', 'redis-tls'])",message="this Secret is the operator's own: give yours another name"
	SecretName string `json:"secretName"`
}

// CertificateStatus is one certificate in force.
type CertificateStatus struct {
	// Name is the Secret that holds it.
	Name string `json:"name"`
	// For says what it is for.
	For string `json:"for"`
	// Issuer is the beginning of the SHA-256 fingerprint of the CA that signed it.
	// +optional
	Issuer string `json:"issuer,omitempty"`
	// Fingerprint is the beginning of its own.
	Fingerprint string `json:"fingerprint"`
	// IssuedAt is when it was made.
	IssuedAt metav1.Time `json:"issuedAt"`
	// NotAfter is when it expires.
	NotAfter metav1.Time `json:"notAfter"`
	// RenewalTime is when the operator replaces it; none for what somebody else makes.
	// +optional
	RenewalTime *metav1.Time `json:"renewalTime,omitempty"`
	// SuppliedBy is the Secret that it was taken from.
	// +optional
	SuppliedBy string `json:"suppliedBy,omitempty"`
}

// AnnotationSecrets has the operator look at the Secret of secretsRef now, when
// its value changes: of a Secret's own change nothing tells it.
const AnnotationSecrets = "paws360.io/secrets"
