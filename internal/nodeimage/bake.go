package nodeimage

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/paws360/pawskind/internal/engine"
)

//go:embed bake.sh
var bakeScript string

// bake makes the node image ref from the node image base and a folder of image
// archives, which nodes then find unpacked. folder is scratch space; its rootfs,
// if there is one, is laid over the result.
func bake(ctx context.Context, e *engine.Engine, base, archives, folder, ref string) error {
	if err := os.MkdirAll(filepath.Join(folder, "rootfs"), 0o755); err != nil {
		return err
	}
	script := filepath.Join(folder, "bake.sh")
	if err := os.WriteFile(script, []byte(bakeScript), 0o755); err != nil {
		return err
	}
	// Overlays need a real file system under them: containerd's store and the
	// results are volumes, and files travel by cp, which also reaches an engine
	// on another machine.
	out, err := e.Output(ctx, "create", "--privileged", "--volume", "/var", "--volume", "/bake",
		"--entrypoint", "bash", base, "/bake/bake.sh")
	if err != nil {
		return fmt.Errorf("making the container that unpacks images: %w", err)
	}
	container := string(bytes.TrimSpace(out))
	defer func() {
		_ = e.Run(context.WithoutCancel(ctx), "rm", "--force", "--volumes", container)
	}()
	steps := [][]string{
		{"cp", script, container + ":/bake/bake.sh"},
		{"cp", archives, container + ":/bake/images"},
		{"start", "--attach", container},
		{"cp", container + ":/bake/out.tar", filepath.Join(folder, "out.tar")},
	}
	for _, step := range steps {
		if err := e.Run(ctx, step...); err != nil {
			return fmt.Errorf("unpacking images into the node image: %w", err)
		}
	}
	dockerfile := strings.Join([]string{
		"FROM " + base,
		"ADD out.tar /",
		"COPY rootfs/ /",
	}, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, ".dockerignore"), []byte("bake.sh\n"), 0o644); err != nil {
		return err
	}
	return buildImage(ctx, e.Kind, folder, ref)
}
