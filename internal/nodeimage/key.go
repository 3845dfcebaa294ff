package nodeimage

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
)

// recipe is all of the checkout, beside the programs' sources, that makes the
// image: what is run or copied, and the code that decides what.
var recipe = []string{
	"hack/nodeimage/base", "hack/nodeimage/manifests", "hack/nodeimage/tools.sh",
	"internal/nodeimage/archive.go", "internal/nodeimage/bake.go", "internal/nodeimage/bake.sh", "internal/nodeimage/build.go",
	"internal/nodeimage/system.go", "internal/nodeimage/versions.go",
}

// baseRecipe and basePrograms are the same of the image that every node starts
// from, which changes less often.
var (
	baseRecipe   = []string{"hack/nodeimage/base"}
	basePrograms = []string{"containerd", "containerd-shim-runc-v2"}
)

// recipeKey is a hash of those files and programs of the checkout; of all
// programs if none is named.
func recipeKey(root string, recipe, programs []string) (string, error) {
	sum := sha256.New()
	// kind's release brings files of its own into the image.
	fmt.Fprintln(sum, runtime.GOARCH, defaults.Image)
	for _, s := range sources {
		if programs != nil && !slices.Contains(programs, s.program) {
			continue
		}
		key, err := s.key(root)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, s.program, key)
	}
	for _, path := range recipe {
		err := filepath.WalkDir(filepath.Join(root, path), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(file, "_test.go") {
				return err
			}
			content, err := os.ReadFile(file)
			fmt.Fprintf(sum, "%s %d\n%s", entry.Name(), len(content), content)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("reading the node image's sources: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}
