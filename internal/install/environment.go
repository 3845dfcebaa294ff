package install

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/images"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

// SecretName is the Secret that the environment reads its secrets from.
const SecretName = "paws360-secrets"

// LocalTag marks an image that stands for the one built from this checkout,
// such as pawskind/backend:local.
const LocalTag = "local"

// Environment is the environment that the project asks for: its file's, else
// the stack with its two apps; in the project's namespace, with ports on the
// nodes, and with single members in the profile fast. Its images stand for
// those of the checkout until PutImages names them.
func Environment(c *project.Config) (*v1alpha1.PawsEnvironment, error) {
	env := Default(c.Namespace)
	if c.Environment != "" {
		var err error
		if env, err = read(c.Environment); err != nil {
			return nil, err
		}
	}
	env.Namespace = c.Namespace
	publish(env)
	if c.Profile == project.ProfileFast {
		single(env)
	}
	return env, nil
}

func read(file string) (*v1alpha1.PawsEnvironment, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, problem.New(problem.EnvironmentInvalid, "cannot read %s", file).Because(err)
	}
	env := &v1alpha1.PawsEnvironment{}
	if err := yaml.UnmarshalStrict(bytes.TrimSpace(content), env); err != nil {
		return nil, problem.New(problem.EnvironmentInvalid, "%s is not a PawsEnvironment", file).Because(err)
	}
	if env.Kind != "PawsEnvironment" || env.APIVersion != v1alpha1.GroupVersion.String() {
		return nil, problem.New(problem.EnvironmentInvalid, "%s is a %s %s, not a %s PawsEnvironment", file, env.APIVersion, env.Kind, v1alpha1.GroupVersion)
	}
	if env.Name == "" {
		env.Name = project.EnvironmentName
	}
	return env, nil
}

// Default is the whole stack: the infrastructure at production's shape and the
// two apps, with the resources of addendum §1.
func Default(namespace string) *v1alpha1.PawsEnvironment {
	return &v1alpha1.PawsEnvironment{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "PawsEnvironment"},
		ObjectMeta: metav1.ObjectMeta{Name: project.EnvironmentName},
		Spec: v1alpha1.PawsEnvironmentSpec{Apps: []v1alpha1.AppSpec{
			{
				Name: images.Backend, Image: "pawskind/backend:" + LocalTag, Port: 8080,
				DependsOn:   []string{naming.Postgres, naming.Redis},
				SecretEnv:   []string{naming.KeyJWTSecret, naming.KeySessionSecret},
				Health:      v1alpha1.AppHealthSpec{Path: "/actuator/health", ReadinessPath: "/health/ready", LivenessPath: "/health/live"},
				MetricsPath: "/actuator/prometheus",
				Resources:   limits("1", "2Gi", "1Gi"),
			},
			{
				// The frontend starts beside the backend and finds it when asked.
				Name: images.Frontend, Image: "pawskind/frontend:" + LocalTag, Port: 3000,
				Env:       []corev1.EnvVar{{Name: "BACKEND_URL", Value: backendURL(namespace)}},
				Health:    v1alpha1.AppHealthSpec{Path: "/health", ReadinessPath: "/health/ready", LivenessPath: "/health/live"},
				Resources: limits("500m", "512Mi", "256Mi"),
			},
		}},
	}
}

// backendURL is the backend's full name. A short one would be asked of the
// host's own name servers while the backend's Service is not there yet, and some
// of them know an answer to everything.
func backendURL(namespace string) string {
	return "http://backend." + namespace + ".svc.cluster.local:8080"
}

// limits are an app's resources. Of the CPU it is promised a twentieth, half of what
// members of the databases are: on two processors five of each still find their
// place, and an app's successor beside it.
func limits(cpu, memory, request string) *corev1.ResourceRequirements {
	limit := resource.MustParse(cpu)
	return &corev1.ResourceRequirements{
		Limits: corev1.ResourceList{corev1.ResourceCPU: limit, corev1.ResourceMemory: resource.MustParse(memory)},
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    *resource.NewMilliQuantity(limit.MilliValue()/20, resource.DecimalSI),
			corev1.ResourceMemory: resource.MustParse(request),
		},
	}
}

// publish puts the services that the host's ports lead to on the nodes.
func publish(env *v1alpha1.PawsEnvironment) {
	on := func(expose **v1alpha1.ExposeSpec, port int32) {
		if *expose == nil {
			*expose = &v1alpha1.ExposeSpec{NodePort: port}
		}
	}
	on(&env.Spec.Postgres.Expose, cluster.NodePortPostgres)
	on(&env.Spec.Redis.Expose, cluster.NodePortRedis)
	for i := range env.Spec.Apps {
		switch env.Spec.Apps[i].Name {
		case images.Backend:
			on(&env.Spec.Apps[i].Expose, cluster.NodePortBackend)
		case images.Frontend:
			on(&env.Spec.Apps[i].Expose, cluster.NodePortFrontend)
		}
	}
}

// single leaves one member of everything: quick, small, and not highly available.
func single(env *v1alpha1.PawsEnvironment) {
	none := int32(0)
	env.Spec.Etcd.Replicas = 1
	env.Spec.Postgres.Replicas, env.Spec.Postgres.SynchronousMode = 1, v1alpha1.SynchronousOff
	env.Spec.Redis.Replicas, env.Spec.Redis.Sentinels, env.Spec.Redis.Quorum = 1, 1, 1
	env.Spec.Redis.MinReplicasToWrite = &none
}

// ImageNames are the images of the checkout that the environment needs.
func ImageNames(env *v1alpha1.PawsEnvironment) []string {
	names := []string{images.Etcd, images.Patroni17, images.Redis, images.Manager}
	if env.Spec.Postgres.Version == "15" {
		names[1] = images.Patroni15
	}
	for _, app := range env.Spec.Apps {
		if name, ok := localImage(app.Image); ok {
			names = append(names, name)
		}
	}
	return names
}

// PutImages names the images that the environment's own stand for.
func PutImages(env *v1alpha1.PawsEnvironment, refs map[string]string) {
	for i := range env.Spec.Apps {
		if name, ok := localImage(env.Spec.Apps[i].Image); ok && refs[name] != "" {
			env.Spec.Apps[i].Image = refs[name]
		}
	}
}

// localImage is the name in the catalogue that pawskind/NAME:local stands for.
func localImage(ref string) (string, bool) {
	ref = strings.TrimPrefix(ref, "docker.io/")
	name, found := strings.CutPrefix(ref, "pawskind/")
	name, tag, tagged := strings.Cut(name, ":")
	if !found || tagged && tag != LocalTag {
		return "", false
	}
	_, err := images.Find(name)
	return name, err == nil
}

// Objects are the environment's namespace, Secret and resource. Previous are
// secrets that the data may still have, of a rotation that has not ended.
func Objects(env *v1alpha1.PawsEnvironment, secrets, previous map[string]string) ([]*unstructured.Unstructured, error) {
	namespace := object("v1", "Namespace", "", env.Namespace, map[string]any{})
	namespace.SetLabels(map[string]string{
		"app.kubernetes.io/part-of":          "paws360",
		"pod-security.kubernetes.io/enforce": "restricted",
	})
	resource, err := untyped(env)
	if err != nil {
		return nil, fmt.Errorf("writing the environment: %w", err)
	}
	return []*unstructured.Unstructured{namespace, secretObject(env, secrets, previous), resource}, nil
}
