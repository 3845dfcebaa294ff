package nodeimage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build makes the image: programs, the base that every node starts from, and
// over it the node's own images, unpacked.
func (b *build) build(ctx context.Context) error {
	if err := b.compile(ctx); err != nil {
		return err
	}
	work, err := b.workFolder()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	base, err := b.base(ctx, filepath.Join(work, "base"))
	if err != nil {
		return err
	}
	b.Progress("packing the node's own images")
	images := filepath.Join(work, "images")
	if err := b.writeSystemImages(ctx, base, work, images); err != nil {
		return err
	}
	b.Progress("assembling the node image")
	rootfs := filepath.Join(work, "rootfs")
	if err := b.writeKindFiles(rootfs); err != nil {
		return fmt.Errorf("writing kind's files: %w", err)
	}
	if err := bake(ctx, b.Engine, base, images, rootfs, b.ref); err != nil {
		return err
	}
	b.Progress("caching the node image")
	if err := b.save(ctx, b.archive, b.ref); err != nil {
		return err
	}
	b.prune(ctx, b.ref)
	b.prune(ctx, base)
	return nil
}

// base provides the image that every node starts from.
func (b *build) base(ctx context.Context, folder string) (string, error) {
	ref := baseName + ":" + b.baseKey
	if b.Engine.HasImage(ctx, ref) {
		return ref, nil
	}
	b.Progress("building the node's base from Debian packages")
	if err := b.debian(ctx, "trixie"); err != nil {
		return "", err
	}
	kind, err := goTool(ctx, b.Root, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind")
	if err != nil {
		return "", err
	}
	files := filepath.Join(folder, "files")
	if err := os.CopyFS(files, os.DirFS(filepath.Join(kind, "images/base/files"))); err != nil {
		return "", fmt.Errorf("copying kind's files: %w", err)
	}
	for _, program := range []string{"containerd", "containerd-shim-runc-v2"} {
		if err := copyFile(filepath.Join(b.bin, program), filepath.Join(files, "usr/local/bin", program)); err != nil {
			return "", err
		}
	}
	if err := copyFile(filepath.Join(b.Root, "hack/nodeimage/base/Dockerfile"), filepath.Join(folder, "Dockerfile")); err != nil {
		return "", err
	}
	return ref, buildImage(ctx, b.Engine.Kind, folder, ref)
}

func (b *build) debian(ctx context.Context, suite string) error {
	command := exec.CommandContext(ctx, filepath.Join(b.Root, "images/base/ensure.sh"), suite)
	command.Env = append(os.Environ(), "ENGINE="+b.Engine.Kind)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("providing debian %s: %w: %s", suite, err, bytes.TrimSpace(out))
	}
	return nil
}

// writeKindFiles writes what kind reads in a node image.
func (b *build) writeKindFiles(rootfs string) error {
	if err := os.MkdirAll(filepath.Join(rootfs, "kind/manifests"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(rootfs, "kind/version"), []byte(KubernetesVersion), 0o644); err != nil {
		return err
	}
	for _, name := range []string{"default-cni.yaml", "default-storage.yaml"} {
		content, err := os.ReadFile(filepath.Join(b.Root, "hack/nodeimage/manifests", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(rootfs, "kind/manifests", name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// buildImage builds a folder's Dockerfile with the engine's classic builder.
func buildImage(ctx context.Context, engine, folder, ref string) error {
	var log bytes.Buffer
	command := exec.CommandContext(ctx, engine, "build", "-t", ref, folder)
	command.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	command.Stdout, command.Stderr = &log, &log
	if err := command.Run(); err != nil {
		return fmt.Errorf("building %s: %w: %s", ref, err, tail(log.String(), 12))
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return out.Close()
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
