package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/engine"
)

// Builder provides images through an engine.
type Builder struct {
	Engine *engine.Engine
	// Root is the checkout.
	Root string
	// Progress is told each step.
	Progress func(step string)
}

// Status is what the engine has of an image.
type Status struct {
	Name    string `json:"name"`
	Ref     string `json:"ref"`
	Present bool   `json:"present"`
	// ID is the engine's digest of the image.
	ID      string    `json:"id,omitempty"`
	Bytes   int64     `json:"bytes,omitempty"`
	Created time.Time `json:"created,omitzero"`
}

// Ensure returns the references of the named images, after building those that
// are not there. With force all are built, from nothing that an earlier build left.
func (b *Builder) Ensure(ctx context.Context, names []string, force bool) (map[string]string, error) {
	refs := map[string]string{}
	for _, name := range names {
		image, err := Find(name)
		if err != nil {
			return nil, err
		}
		ref, err := Ref(b.Root, image)
		if err != nil {
			return nil, err
		}
		refs[name] = ref
		if force || !b.Engine.HasImage(ctx, ref) {
			if err := b.build(ctx, image, ref, force); err != nil {
				return nil, err
			}
			b.Engine.Prune(ctx, ref)
		}
	}
	return refs, nil
}

func (b *Builder) build(ctx context.Context, image Image, ref string, anew bool) error {
	b.Progress("building image " + image.Name)
	if image.Suite != "" {
		if err := b.base(ctx, image.Suite); err != nil {
			return err
		}
	}
	bundle, err := caBundle()
	if err != nil {
		return err
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(writeContext(writer, b.Root, image, bundle)) }()
	args := []string{"build", "-t", ref}
	if anew {
		args = append(args, "--no-cache")
	}
	for key, value := range image.Args {
		args = append(args, "--build-arg", key+"="+value)
	}
	var log bytes.Buffer
	command := exec.CommandContext(ctx, b.Engine.Kind, append(args, "-")...)
	// The classic builder is there on every engine; Debian's has no buildx.
	command.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	command.Stdin, command.Stdout, command.Stderr = reader, &log, &log
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("building image %s: %w:\n%s", image.Name, err, tail(log.String(), 15))
	}
	return nil
}

func (b *Builder) base(ctx context.Context, suite string) error {
	command := exec.CommandContext(ctx, filepath.Join(b.Root, "images/base/ensure.sh"), suite)
	command.Env = append(os.Environ(), "ENGINE="+b.Engine.Kind)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("providing Debian %s: %w: %s", suite, err, bytes.TrimSpace(out))
	}
	return nil
}

// List tells of every image of the catalogue whether the engine has it.
func (b *Builder) List(ctx context.Context) ([]Status, error) {
	var list []Status
	for _, image := range Catalogue() {
		s := Status{Name: image.Name}
		var err error
		if s.Ref, err = Ref(b.Root, image); err != nil {
			return nil, err
		}
		if out, err := b.Engine.Output(ctx, "image", "inspect", s.Ref); err == nil {
			var found []struct {
				ID      string `json:"Id"`
				Size    int64
				Created time.Time
			}
			if err := json.Unmarshal(out, &found); err != nil || len(found) == 0 {
				return nil, fmt.Errorf("reading what the engine says of %s: %w", s.Ref, err)
			}
			s.Present, s.ID, s.Bytes, s.Created = true, found[0].ID, found[0].Size, found[0].Created
		}
		list = append(list, s)
	}
	return list, nil
}

// Load puts images of the engine into running nodes of a cluster.
func (b *Builder) Load(ctx context.Context, nodes, refs []string) error {
	for _, node := range nodes {
		missing := b.missing(ctx, node, refs)
		if len(missing) == 0 {
			continue
		}
		b.Progress(fmt.Sprintf("loading %d images into %s", len(missing), node))
		if err := b.load(ctx, node, missing); err != nil {
			return fmt.Errorf("loading images into %s: %w", node, err)
		}
	}
	return nil
}

func (b *Builder) missing(ctx context.Context, node string, refs []string) []string {
	out, err := b.Engine.Output(ctx, "exec", node, "ctr", "--namespace=k8s.io", "images", "ls", "-q")
	if err != nil {
		return refs
	}
	var missing []string
	for _, ref := range refs {
		if !strings.Contains(string(out), ref+"\n") {
			missing = append(missing, ref)
		}
	}
	return missing
}

func (b *Builder) load(ctx context.Context, node string, refs []string) error {
	reader, writer := io.Pipe()
	go func() {
		writer.CloseWithError(b.Engine.Save(ctx, writer, refs...))
	}()
	return b.Engine.Stream(ctx, reader, nil, "exec", "-i", node,
		"ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "--digests", "-")
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
