package nodeimage

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

func systemRefs() []string {
	var refs []string
	for _, image := range systemImages(layer{}) {
		refs = append(refs, image.ref)
	}
	return refs
}

// A manifest that names an image which the node lacks would be pulled for ever.
func TestManifestsNameOnlyImagesOfTheNode(t *testing.T) {
	image := regexp.MustCompile(`(?:image: |- )(docker\.io/\S+)`)
	for _, name := range []string{"default-cni.yaml", "default-storage.yaml"} {
		content, err := os.ReadFile(filepath.Join(root, "hack/nodeimage/manifests", name))
		require.NoError(t, err)
		found := image.FindAllStringSubmatch(string(content), -1)
		require.NotEmpty(t, found, name)
		for _, match := range found {
			require.Contains(t, systemRefs(), match[1], name)
		}
	}
}

func TestPauseIsTheOneThatKindConfigures(t *testing.T) {
	kind, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind").Output()
	require.NoError(t, err)
	config, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(kind)), "images/base/files/etc/containerd/config.toml"))
	require.NoError(t, err)
	require.Contains(t, string(config), `"registry.k8s.io/pause:`+PauseVersion+`"`)
}

// The versions named here are the ones that the modules pin.
func TestVersionsAgreeWithTheModules(t *testing.T) {
	for module, line := range map[string]string{
		"kubernetes": "k8s.io/kubernetes " + KubernetesVersion,
		"containerd": "github.com/containerd/containerd/v2 " + ContainerdVersion,
		"coredns":    "github.com/coredns/coredns " + CoreDNSVersion,
		"local-path": "github.com/rancher/local-path-provisioner " + LocalPathVersion,
	} {
		content, err := os.ReadFile(filepath.Join(root, modules, module, "go.mod"))
		require.NoError(t, err)
		require.Contains(t, string(content), line)
	}
}

func TestRecipeKeyIsStableAndWhole(t *testing.T) {
	first, err := recipeKey(root, recipe, nil)
	require.NoError(t, err)
	second, err := recipeKey(root, recipe, nil)
	require.NoError(t, err)
	require.Equal(t, first, second)
	base, err := recipeKey(root, baseRecipe, basePrograms)
	require.NoError(t, err)
	require.NotEqual(t, first, base)
	require.Regexp(t, `^[0-9a-f]{12}$`, first)
}

// A package that a program is made of and that its key does not cover would
// change without the node image being made anew.
func TestProgramsOfTheCheckoutNameAllTheirPackages(t *testing.T) {
	const module = "github.com/paws360/pawskind/"
	for _, s := range sources {
		if s.module != "." {
			continue
		}
		list := exec.Command("go", "list", "-deps", s.pkg)
		list.Dir = root
		out, err := list.Output()
		require.NoError(t, err)
		var own, named []string
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, module) {
				own = append(own, "./"+strings.TrimPrefix(strings.TrimSpace(line), module))
			}
		}
		named = append(append(named, s.pkg), s.also...)
		require.ElementsMatch(t, own, named, s.program)
	}
}
