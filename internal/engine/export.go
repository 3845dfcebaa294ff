package engine

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Export writes a tar of all files of an image, its layers laid over each other.
func (e *Engine) Export(ctx context.Context, out io.Writer, ref string) error {
	// A container that is never started; its command need not exist.
	id, err := e.Output(ctx, "create", "--network=none", ref, "/none")
	if err != nil {
		return fmt.Errorf("opening %s: %w", ref, err)
	}
	container := strings.TrimSpace(string(id))
	defer func() { _ = e.Run(context.WithoutCancel(ctx), "rm", container) }()
	if err := e.Stream(ctx, nil, out, "export", container); err != nil {
		return fmt.Errorf("reading the files of %s: %w", ref, err)
	}
	return nil
}
