package nodeimage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/engine"
)

// withImagesName is the name of node images that carry the product's images.
const withImagesName = "docker.io/pawskind/node-with-images"

// WithImages returns the reference of a node image that carries the given
// images of the engine, unpacked: its nodes start their containers at once,
// without a pull, a load or an unpacking. It is made anew when node or one of
// the images has changed.
func WithImages(ctx context.Context, o Options, node string, images []string) (string, error) {
	b, err := newCache(o)
	if err != nil {
		return "", err
	}
	key, err := b.contentKey(ctx, node, images)
	if err != nil {
		return "", err
	}
	ref := withImagesName + ":" + key
	if b.Engine.HasImage(ctx, ref) && !o.Build {
		return ref, nil
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	b.Progress(fmt.Sprintf("unpacking %d images into the node image", len(images)))
	work, err := b.workFolder()
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	archives := filepath.Join(work, "images")
	if err := b.saveImages(ctx, work, archives, images); err != nil {
		return "", err
	}
	if err := bake(ctx, b.Engine, node, archives, "", ref); err != nil {
		return "", err
	}
	b.prune(ctx, ref)
	return ref, nil
}

// contentKey is a hash of the contents of the node image and the images.
func (b *build) contentKey(ctx context.Context, node string, images []string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, bakeScript)
	names := append([]string{node}, images...)
	out, err := b.Engine.Output(ctx, append([]string{"image", "inspect", "--format", "{{.Id}}"}, names...)...)
	if err != nil {
		return "", fmt.Errorf("looking at %s: %w", strings.Join(names, ", "), err)
	}
	for i, id := range strings.Fields(string(out)) {
		fmt.Fprintln(sum, names[i], strings.TrimPrefix(id, "sha256:"))
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// saveImages writes archives of the images into a folder: as they are, or with
// a single layer where a layer deletes files of another.
func (b *build) saveImages(ctx context.Context, work, folder string, images []string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	archive := filepath.Join(folder, "saved.tar")
	if err := b.save(ctx, archive, images...); err != nil {
		return err
	}
	deleting, err := deletingImages(archive)
	if err != nil {
		return fmt.Errorf("reading the saved images: %w", err)
	}
	var flat []flatImage
	var whole []string
	for i, image := range images {
		if !slices.ContainsFunc(deleting, func(name string) bool { return engine.FullName(name) == engine.FullName(image) }) {
			whole = append(whole, image)
			continue
		}
		f, err := b.flatten(ctx, image, filepath.Join(work, fmt.Sprintf("layer-%d.tar", i)))
		if err != nil {
			return fmt.Errorf("flattening %s: %w", image, err)
		}
		flat = append(flat, f)
	}
	if len(flat) == 0 {
		return nil
	}
	if err := os.Remove(archive); err != nil {
		return err
	}
	if len(whole) > 0 {
		if err := b.save(ctx, archive, whole...); err != nil {
			return err
		}
	}
	return writeArchive(filepath.Join(folder, "flat.tar"), flat)
}

// flatten gives an image with all its files in one layer.
func (b *build) flatten(ctx context.Context, image, file string) (flatImage, error) {
	f := flatImage{ref: engine.FullName(image)}
	config, err := b.Engine.Output(ctx, "image", "inspect", "--format", "{{json .Config}}", image)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(config, &f.config); err != nil {
		return f, fmt.Errorf("reading its configuration: %w", err)
	}
	out, err := b.Engine.Output(ctx, "create", image, "-")
	if err != nil {
		return f, err
	}
	container := strings.TrimSpace(string(out))
	defer func() { _ = b.Engine.Remove(context.WithoutCancel(ctx), container) }()
	f.layer, err = writeLayer(file, func(w io.Writer) error {
		return b.Engine.Stream(ctx, nil, w, "export", container)
	})
	return f, err
}
