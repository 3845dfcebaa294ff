package app

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// A value of an app's variable, image or path stays what it is: it changes
// neither another variable nor what the pod may do.
func FuzzValuesStayValues(f *testing.F) {
	for _, seed := range [][3]string{
		{"LOG", "debug", "/health"},
		{"LOG", "x\n- name: DATABASE_URL\n  value: evil", "/h?a=b&c=d"},
		{"LOG", `","securityContext":{"privileged":true}`, "/\"}"},
		{"LOG", "$(DATABASE_PASSWORD) `id` $(id) ; rm", "/../../"},
		{"DATABASE_URL", "jdbc:postgresql://other", "/"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, name, value, path string) {
		app := v1alpha1.AppSpec{
			Name: "backend", Image: value, Port: 8080, DependsOn: []string{"postgres"},
			Health: v1alpha1.AppHealthSpec{Path: path, ReadinessPath: path, LivenessPath: path},
		}
		plain := deployed(t, environmentOf(app), app).Spec.Template.Spec
		app.Env = []corev1.EnvVar{{Name: name, Value: value}}
		with := deployed(t, environmentOf(app), app).Spec.Template.Spec
		seen := 0
		for _, v := range with.Containers[0].Env {
			if v.Name == valid(name) {
				seen++
				require.Equal(t, valid(value), v.Value)
				continue
			}
			require.Contains(t, plain.Containers[0].Env, v)
		}
		require.Equal(t, 1, seen)
		require.Equal(t, valid(value), with.Containers[0].Image)
		require.Equal(t, valid(path), with.Containers[0].ReadinessProbe.HTTPGet.Path)
		with.Containers[0].Env, plain.Containers[0].Env = nil, nil
		require.Equal(t, plain, with)
	})
}

func deployed(t *testing.T, env *v1alpha1.PawsEnvironment, app v1alpha1.AppSpec) appsv1.Deployment {
	content, err := json.Marshal(Deployment(env, app, Start{}))
	require.NoError(t, err)
	var d appsv1.Deployment
	require.NoError(t, json.Unmarshal(content, &d))
	return d
}

// valid is the string as JSON can hold it, as the API server does.
func valid(s string) string { return string([]rune(s)) }
