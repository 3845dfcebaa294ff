// Package nodeimage provides the image of a kind node: the one that is present,
// else kind's own pulled, else one built from Go modules and Debian packages
// without any registry.
package nodeimage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/paws360/pawskind/internal/engine"
)

// Versions of what a built node image carries. The programs' own versions are
// pinned by the modules under hack/nodeimage/modules.
const KubernetesVersion = "v1.37.2"

// pullTimeout bounds the pull of kind's image, some 400 MB.
const pullTimeout = 10 * time.Minute

// Options say how to come by the image.
type Options struct {
	Engine *engine.Engine
	// Root is the checkout, needed only to build.
	Root string
	// Image is used as it is when set.
	Image string
	// Build skips whatever is present or could be pulled.
	Build bool
	// Progress is told each step.
	Progress func(step string)
}

// Ensure returns the reference of a node image that the engine has.
func Ensure(ctx context.Context, o Options) (string, error) {
	if o.Image != "" {
		return o.Image, nil
	}
	b, err := newBuild(o)
	if err != nil {
		return "", err
	}
	if !o.Build {
		for _, ref := range []string{defaults.Image, b.ref} {
			if o.Engine.HasImage(ctx, ref) {
				return ref, nil
			}
		}
		if ref, ok := b.pull(ctx); ok {
			return ref, nil
		}
		if b.load(ctx) {
			return b.ref, nil
		}
	}
	return b.ref, b.build(ctx)
}

// Assets returns a folder with the kube-apiserver, etcd and kubectl of the same
// build, for tests of the API.
func Assets(ctx context.Context, o Options) (string, error) {
	b, err := newBuild(o)
	if err != nil {
		return "", err
	}
	return b.bin, b.compile(ctx, "etcd", "kubernetes-assets")
}

type build struct {
	Options
	ref     string
	bin     string
	archive string
}

func newBuild(o Options) (*build, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	key, err := sourceKey(o.Root)
	if err != nil {
		return nil, err
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("finding the cache folder: %w", err)
	}
	folder := filepath.Join(caches, "pawskind", "node-image", KubernetesVersion+"-"+runtime.GOARCH)
	return &build{
		Options: o,
		ref:     "docker.io/pawskind/node:" + KubernetesVersion + "-" + key,
		bin:     filepath.Join(folder, "bin"),
		archive: filepath.Join(folder, key+".tar"),
	}, nil
}

// sourceKey is a hash of everything in the checkout that makes the image.
func sourceKey(root string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, KubernetesVersion, runtime.GOARCH, defaults.Image)
	for _, folder := range []string{"hack/nodeimage", "internal/nodeimage"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(sum, "%s %d\n%s", entry.Name(), len(content), content)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("reading the node image's sources: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

func (b *build) pull(ctx context.Context) (string, bool) {
	if os.Getenv("PAWSKIND_OFFLINE") == "1" {
		return "", false
	}
	b.Progress("pulling " + defaults.Image)
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	return defaults.Image, b.Engine.Run(ctx, "pull", "-q", defaults.Image) == nil
}

func (b *build) load(ctx context.Context) bool {
	file, err := os.Open(b.archive)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	b.Progress("loading the cached node image")
	return b.Engine.Stream(ctx, file, nil, "load") == nil && b.Engine.HasImage(ctx, b.ref)
}
