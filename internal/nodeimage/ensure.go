// Package nodeimage provides the image of a kind node: the one that is present,
// else kind's own pulled, else one built from Go modules and Debian packages
// without any registry.
package nodeimage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/paws360/pawskind/internal/engine"
)

// Names of the images that are built here.
const (
	nodeName = "docker.io/pawskind/node"
	baseName = "docker.io/pawskind/node-base"
)

const (
	// pullTimeout bounds the pull of kind's image, some 400 MB.
	pullTimeout = 15 * time.Minute
	// registryTimeout is how long a registry may take to say a first word.
	registryTimeout = 20 * time.Second
)

// Options say how to come by the image.
type Options struct {
	Engine *engine.Engine
	// Root is the checkout. Without it nothing can be built, only pulled.
	Root string
	// Image is used as it is when set, or else the variable PAWSKIND_NODE_IMAGE.
	Image string
	// Build skips whatever is present or could be pulled.
	Build bool
	// Progress is told each step.
	Progress func(step string)
}

// Ensure returns the reference of a node image that the engine has: kind's own
// where it is present or can be pulled, else one that is built, kept in the
// user's cache folder.
func Ensure(ctx context.Context, o Options) (string, error) {
	if o.Image == "" {
		o.Image = os.Getenv("PAWSKIND_NODE_IMAGE")
	}
	if o.Image != "" {
		return o.Image, nil
	}
	b, err := newBuild(o)
	if err != nil {
		return "", err
	}
	if !o.Build {
		if ref := b.present(ctx); ref != "" {
			return ref, nil
		}
		if b.pull(ctx) {
			return defaults.Image, nil
		}
	}
	if o.Root == "" {
		return "", errors.New("the node image can't be pulled, and building it needs a checkout of the project")
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if !o.Build && (b.Engine.HasImage(ctx, b.ref) || b.load(ctx)) {
		return b.ref, nil
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
	unlock, err := b.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	return b.bin, b.compile(ctx, "etcd", "kubernetes")
}

type build struct {
	Options
	baseKey string // of the image that every node starts from
	ref     string // of the node image
	folder  string // cache of this release
	bin     string // programs
	archive string // the image
}

func newBuild(o Options) (*build, error) {
	b, err := newCache(o)
	if err != nil || o.Root == "" {
		return b, err
	}
	key, err := recipeKey(o.Root, recipe, nil)
	if err != nil {
		return nil, err
	}
	if b.baseKey, err = recipeKey(o.Root, baseRecipe, basePrograms); err != nil {
		return nil, err
	}
	b.ref = nodeName + ":" + KubernetesVersion + "-" + key
	b.archive = filepath.Join(b.folder, key+".tar")
	return b, nil
}

// present is the node image that the engine has already, if any.
func (b *build) present(ctx context.Context) string {
	for _, ref := range []string{defaults.Image, b.ref} {
		if ref != "" && b.Engine.HasImage(ctx, ref) {
			return ref
		}
	}
	return ""
}

// pull fetches kind's own image. A registry that says nothing for a while is
// taken for one that can't be reached.
func (b *build) pull(ctx context.Context) bool {
	if os.Getenv("PAWSKIND_OFFLINE") == "1" {
		return false
	}
	b.Progress("pulling " + defaults.Image)
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	silence := time.AfterFunc(registryTimeout, cancel)
	defer silence.Stop()
	heard := &firstWrite{then: func() { silence.Stop() }}
	return b.Engine.Stream(ctx, nil, heard, "pull", defaults.Image) == nil
}

// firstWrite calls a function at the first byte it is given.
type firstWrite struct {
	once sync.Once
	then func()
}

func (f *firstWrite) Write(p []byte) (int, error) {
	f.once.Do(f.then)
	return len(p), nil
}
