// Package chart checks that the Helm chart installs what kustomize gives.
package chart

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const (
	root = "../.."
	crd  = "CustomResourceDefinition pawsenvironments.paws360.io"
)

type object = map[string]any

// parse splits a stream of YAML documents into objects by kind and name.
func parse(t *testing.T, content string) map[string]object {
	t.Helper()
	objects := map[string]object{}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(content)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err)
		var o object
		require.NoError(t, yaml.UnmarshalStrict(document, &o), "%s", document)
		if len(o) == 0 {
			continue
		}
		key := fmt.Sprintf("%s %s", o["kind"], metadata(o)["name"])
		require.NotContains(t, objects, key, "rendered twice")
		objects[key] = o
	}
}

func metadata(o object) object { return o["metadata"].(object) }

// render is what helm template gives, with values as a user writes them.
func render(t *testing.T, values string) (map[string]object, error) {
	t.Helper()
	chart, err := loader.Load(filepath.Join(root, "charts/pawskind"))
	require.NoError(t, err)
	require.NoError(t, chart.Validate())
	var given map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(values), &given))
	release := common.ReleaseOptions{Name: "any", Namespace: "elsewhere", IsInstall: true, Revision: 1}
	all, err := util.ToRenderValues(chart, given, release, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	require.NoError(t, err)
	var stream strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".yaml") {
			stream.WriteString("\n---\n" + files[name])
		}
	}
	return parse(t, stream.String()), nil
}

func rendered(t *testing.T, values string) map[string]object {
	t.Helper()
	objects, err := render(t, values)
	require.NoError(t, err)
	return objects
}

func kustomized(t *testing.T, file string) map[string]object {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "config", file))
	require.NoError(t, err)
	return parse(t, string(content))
}

func requireSame(t *testing.T, want, got map[string]object) {
	t.Helper()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
	for name := range want {
		require.Equal(t, want[name], got[name], name)
	}
}

// dropKeep takes away the one thing that only Helm needs: the mark by which an
// uninstall leaves the definition, and with it every environment.
func dropKeep(t *testing.T, objects map[string]object) {
	t.Helper()
	annotations := metadata(objects[crd])["annotations"].(object)
	require.Equal(t, "keep", annotations["helm.sh/resource-policy"])
	delete(annotations, "helm.sh/resource-policy")
}

func TestChartGivesWhatKustomizeGives(t *testing.T) {
	got := rendered(t, "")
	dropKeep(t, got)
	requireSame(t, kustomized(t, "install.yaml"), got)
}

func TestChartGivesTheLocalOperator(t *testing.T) {
	got := rendered(t, "{leaderElect: false, local: true, strategy: {type: Recreate}, crds: {keep: false}}")
	requireSame(t, kustomized(t, "local.yaml"), got)
}

// What kustomize's own namespace and image transformers would change, the
// values change, and nothing else.
func TestValuesReachTheObjects(t *testing.T) {
	got := rendered(t, `
image: {repository: registry.example/manager, tag: "1.0", pullPolicy: Always}
imagePullSecrets: [{name: pull}]
relatedImages: {redis: "registry.example/redis:1"}
namespace: {name: operators, create: false}
crds: {install: false}
replicas: 2
goMemLimit: ""
extraArgs: [--zap-log-level=debug]
nodeSelector: {disk: ssd}
tolerations: [{operator: Exists}]
affinity: {nodeAffinity: {}}
priorityClassName: high
resources: {limits: {memory: 128Mi}}
`)
	require.ElementsMatch(t, []string{
		"ServiceAccount pawskind-manager", "ClusterRole pawskind-manager", "ClusterRoleBinding pawskind-manager",
		"Service pawskind-manager", "Deployment pawskind-manager",
		"Role pawskind-manager", "RoleBinding pawskind-manager", "NetworkPolicy pawskind-manager",
	}, slices.Collect(maps.Keys(got)))
	for _, kind := range []string{"ServiceAccount", "Service", "Deployment", "Role", "RoleBinding", "NetworkPolicy"} {
		require.Equal(t, "operators", metadata(got[kind+" pawskind-manager"])["namespace"], kind)
	}
	subject := got["ClusterRoleBinding pawskind-manager"]["subjects"].([]any)[0].(object)
	require.Equal(t, "operators", subject["namespace"])

	spec := got["Deployment pawskind-manager"]["spec"].(object)
	require.EqualValues(t, 2, spec["replicas"])
	pod := spec["template"].(object)["spec"].(object)
	require.Equal(t, []any{object{"name": "pull"}}, pod["imagePullSecrets"])
	require.Equal(t, object{"disk": "ssd"}, pod["nodeSelector"])
	require.Equal(t, []any{object{"operator": "Exists"}}, pod["tolerations"])
	require.Equal(t, object{"nodeAffinity": object{}}, pod["affinity"])
	require.Equal(t, "high", pod["priorityClassName"])
	container := pod["containers"].([]any)[0].(object)
	require.Equal(t, "registry.example/manager:1.0", container["image"])
	require.Equal(t, "Always", container["imagePullPolicy"])
	require.Equal(t, []any{"--leader-elect", "--zap-log-level=debug"}, container["args"])
	require.Equal(t, "128Mi", container["resources"].(object)["limits"].(object)["memory"])
	require.Contains(t, container["env"], object{"name": "RELATED_IMAGE_REDIS", "value": "registry.example/redis:1"})
	require.Contains(t, container["env"], object{"name": "RELATED_IMAGE_ETCD", "value": "pawskind/etcd:latest"})
	require.NotContains(t, fmt.Sprint(container["env"]), "GOMEMLIMIT")
}

func TestWrongValuesAreRefused(t *testing.T) {
	for name, values := range map[string]string{
		"unknown key":                          "{noodles: 3}",
		"unknown related image":                "{relatedImages: {mysql: x}}",
		"no image":                             "{image: {repository: ''}}",
		"replicas of nonsense":                 "{replicas: many}",
		"several managers without an election": "{replicas: 2, leaderElect: false}",
		"pull policy of nonsense":              "{image: {pullPolicy: Sometimes}}",
		"impossible namespace":                 "{namespace: {name: No_Name}}",
		"memory limit of nonsense":             "{goMemLimit: lots}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, values)
			require.ErrorContains(t, err, "values don't meet the specifications of the schema")
		})
	}
}
