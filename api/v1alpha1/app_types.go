package v1alpha1

import corev1 "k8s.io/api/core/v1"

// AppSpec is one application service: a Deployment and a Service of its name.
//
// Apps are told where their dependencies are by environment variables:
// postgres gives DATABASE_URL (JDBC), DATABASE_USERNAME, DATABASE_PASSWORD;
// redis gives REDIS_SENTINELS, REDIS_MASTER_NAME, REDIS_PASSWORD,
// REDIS_SENTINEL_PASSWORD and, where it speaks TLS, REDIS_TLS and REDIS_CACERT;
// an app NAME gives NAME_URL.
type AppSpec struct {
	// Name is the name of the Deployment and of the Service.
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['etcd', 'postgres', 'patroni', 'patroni-leader', 'patroni-replica', 'redis', 'redis-master', 'sentinel'])",message="this name belongs to a component of the environment"
	Name string `json:"name"`

	// Image is the container image.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`

	// Port is where the app listens; it is told by the variable PORT.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// Replicas is the number of pods.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=20
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`

	// Env are further environment variables.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=128
	// +optional
	Env []corev1.EnvVar `json:"env,omitempty"`

	// SecretEnv are keys of the environment's Secret handed in as variables
	// of the same name.
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +optional
	SecretEnv []string `json:"secretEnv,omitempty"`

	// Health are the paths that tell how the app is.
	// +kubebuilder:default={}
	// +optional
	Health AppHealthSpec `json:"health,omitzero"`

	// MetricsPath serves Prometheus metrics; none when empty.
	// +optional
	MetricsPath string `json:"metricsPath,omitempty"`

	// DependsOn are components (etcd, postgres, redis) or apps that must be
	// ready before this app is first started.
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=40
	// +optional
	DependsOn []string `json:"dependsOn,omitempty"`

	// Resources are the pods' requests and limits.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`

	// Expose puts the app on a port of the nodes.
	// +optional
	Expose *ExposeSpec `json:"expose,omitempty"`
}

// AppHealthSpec are an app's health endpoints.
type AppHealthSpec struct {
	// Path answers 200 with the app's health and, as JSON, that of what it uses.
	// +kubebuilder:default="/health"
	// +kubebuilder:validation:Pattern=`^/`
	// +optional
	Path string `json:"path,omitempty"`

	// ReadinessPath answers 200 when the app can serve.
	// +kubebuilder:default="/health/ready"
	// +kubebuilder:validation:Pattern=`^/`
	// +optional
	ReadinessPath string `json:"readinessPath,omitempty"`

	// LivenessPath answers 200 while the process is alive.
	// +kubebuilder:default="/health/live"
	// +kubebuilder:validation:Pattern=`^/`
	// +optional
	LivenessPath string `json:"livenessPath,omitempty"`
}
