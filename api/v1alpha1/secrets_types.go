package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SecretReference names a Secret in the environment's namespace.
type SecretReference struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// SecretsStatus is how far the secrets in force have followed those wanted.
type SecretsStatus struct {
	// Phase is InForce at rest; Announced, Switched and Retiring while other
	// secrets follow those in force.
	// +optional
	Phase string `json:"phase,omitempty"`
	// Wanted is the resource version of the Secret of secretsRef whose values are
	// in force.
	// +optional
	Wanted string `json:"wanted,omitempty"`
	// Names are the secrets that are being replaced.
	// +listType=set
	// +optional
	Names []string `json:"names,omitempty"`
	// Message says what a rotation waits for.
	// +optional
	Message string `json:"message,omitempty"`
	// RotatedAt is when the last rotation ended.
	// +optional
	RotatedAt *metav1.Time `json:"rotatedAt,omitempty"`
}
