// Package nodeimage provides the image of a kind node: the one that is present,
// else kind's own pulled, else one built from Go modules and Debian packages
// without any registry.
package nodeimage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/paws360/pawskind/internal/engine"
)

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
	return b.bin, b.compile(ctx, "etcd", "kubernetes")
}

type build struct {
	Options
	key     string
	ref     string
	folder  string // cache of this release
	bin     string // programs
	archive string // the image
}

func newBuild(o Options) (*build, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	key, err := recipeKey(o.Root)
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
		key:     KubernetesVersion + "-" + key,
		folder:  folder,
		ref:     "docker.io/pawskind/node:" + KubernetesVersion + "-" + key,
		bin:     filepath.Join(folder, "bin"),
		archive: filepath.Join(folder, key+".tar"),
	}, nil
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
