package nodeimage

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/paws360/pawskind/internal/engine"
)

//go:embed bake.sh
var bakeScript string

// bake makes the node image ref from the node image base and a folder of image
// archives, which nodes then find unpacked. What is in the folder rootfs, if one
// is named, is laid over the result.
//
// Files travel by cp, which also reaches an engine on another machine.
func bake(ctx context.Context, e *engine.Engine, base, archives, rootfs, ref string) error {
	out, err := e.Output(ctx, "create", "--privileged", "--mount", "type=volume,dst=/bake",
		"--entrypoint", "bash", base, "-c", bakeScript)
	if err != nil {
		return fmt.Errorf("making the container that unpacks images: %w", err)
	}
	container := string(bytes.TrimSpace(out))
	defer func() {
		_ = e.Remove(context.WithoutCancel(ctx), container)
	}()
	steps := [][]string{
		{"cp", archives, container + ":/bake/images"},
		{"start", "--attach", container},
	}
	if rootfs != "" {
		steps = append(steps, []string{"cp", rootfs + "/.", container + ":/"})
	}
	steps = append(steps, []string{"commit",
		"--change", `ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]`, "--change", "CMD []", container, ref})
	for _, step := range steps {
		if err := e.Run(ctx, step...); err != nil {
			return fmt.Errorf("unpacking images into %s: %w", strings.TrimPrefix(ref, "docker.io/"), err)
		}
	}
	return nil
}
