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

	"sigs.k8s.io/kind/pkg/build/nodeimage"
	"sigs.k8s.io/kind/pkg/log"
)

// build makes the image: programs, base, the images inside it, and then kind's
// own node image build over them.
func (b *build) build(ctx context.Context) error {
	if err := b.compile(ctx, "etcd", "coredns", "containerd", "local-path", "netd", "pause", "kubernetes"); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "pawskind-node-")
	if err != nil {
		return fmt.Errorf("making a work folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	base, err := b.base(ctx, work)
	if err != nil {
		return err
	}
	release, err := b.release(ctx, work)
	if err != nil {
		return err
	}
	b.Progress("assembling the node image")
	if err := b.assemble(base, release, work); err != nil {
		return err
	}
	b.Progress("caching the node image")
	return b.save(ctx)
}

// base builds the image that every node starts from.
func (b *build) base(ctx context.Context, work string) (string, error) {
	b.Progress("building the node's base image")
	if err := b.debian(ctx, "trixie"); err != nil {
		return "", err
	}
	folder := filepath.Join(work, "base")
	kind, err := b.goTool(ctx, b.Root, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind")
	if err != nil {
		return "", err
	}
	if err := copyTree(filepath.Join(kind, "images/base/files"), filepath.Join(folder, "files")); err != nil {
		return "", err
	}
	for _, program := range []string{"containerd", "ctr", "containerd-shim-runc-v2"} {
		if err := copyFile(filepath.Join(b.bin, program), filepath.Join(folder, "files/usr/local/bin", program)); err != nil {
			return "", err
		}
	}
	ref := "pawskind/node-base:" + strings.TrimPrefix(filepath.Base(b.ref), "node:")
	dockerfile, err := os.ReadFile(filepath.Join(b.Root, "hack/nodeimage/base/Dockerfile"))
	if err != nil {
		return "", err
	}
	return ref, b.image(ctx, folder, ref, string(dockerfile))
}

func (b *build) debian(ctx context.Context, suite string) error {
	command := exec.CommandContext(ctx, filepath.Join(b.Root, "images/base/ensure.sh"), suite)
	command.Env = append(os.Environ(), "ENGINE="+b.Engine.Kind)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("providing debian %s: %w: %s", suite, err, bytes.TrimSpace(out))
	}
	return nil
}

// image builds one image from a folder with the engine's classic builder.
func (b *build) image(ctx context.Context, folder, ref, dockerfile string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		return err
	}
	var log bytes.Buffer
	command := exec.CommandContext(ctx, b.Engine.Kind, "build", "-t", ref, folder)
	command.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	command.Stdout, command.Stderr = &log, &log
	if err := command.Run(); err != nil {
		return fmt.Errorf("building %s: %w: %s", ref, err, tail(log.String(), 12))
	}
	return nil
}

// assemble runs kind's node image build, which calls a program named docker;
// Podman answers to the same words.
func (b *build) assemble(base, release, work string) error {
	if b.Engine.Kind != "docker" {
		podman, err := exec.LookPath(b.Engine.Kind)
		if err != nil {
			return err
		}
		if err := os.Symlink(podman, filepath.Join(work, "docker")); err != nil {
			return err
		}
		if err := os.Setenv("PATH", work+":"+os.Getenv("PATH")); err != nil {
			return err
		}
	}
	err := nodeimage.Build(
		nodeimage.WithImage(b.ref),
		nodeimage.WithBaseImage(base),
		nodeimage.WithKubeParam(release),
		nodeimage.WithBuildType("file"),
		nodeimage.WithLogger(logger{b.Progress}),
	)
	if err != nil {
		return fmt.Errorf("assembling the node image: %w", err)
	}
	return nil
}

func (b *build) save(ctx context.Context) error {
	temporary := b.archive + ".new"
	if err := b.Engine.Run(ctx, "save", "-o", temporary, b.ref); err != nil {
		return fmt.Errorf("caching the node image: %w", err)
	}
	old, _ := filepath.Glob(filepath.Join(filepath.Dir(b.archive), "*.tar"))
	for _, file := range old {
		_ = os.Remove(file)
	}
	return os.Rename(temporary, b.archive)
}

// logger passes kind's words on as progress.
type logger struct{ progress func(string) }

func (l logger) Warn(m string)             { l.progress(m) }
func (l logger) Warnf(f string, a ...any)  { l.progress(fmt.Sprintf(f, a...)) }
func (l logger) Error(m string)            { l.progress(m) }
func (l logger) Errorf(f string, a ...any) { l.progress(fmt.Sprintf(f, a...)) }
func (l logger) V(level log.Level) log.InfoLogger {
	if level > 0 {
		return log.NoopInfoLogger{}
	}
	return info(l)
}

type info struct{ progress func(string) }

func (i info) Info(m string)            { i.progress(m) }
func (i info) Infof(f string, a ...any) { i.progress(fmt.Sprintf(f, a...)) }
func (i info) Enabled() bool            { return true }

func copyTree(from, to string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
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
