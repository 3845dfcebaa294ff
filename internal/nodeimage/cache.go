package nodeimage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// newCache is a build that knows where things are kept, and not what to build.
func newCache(o Options) (*build, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("finding the cache folder: %w", err)
	}
	folder := filepath.Join(caches, "pawskind", "node-image", KubernetesVersion+"-"+runtime.GOARCH)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	return &build{Options: o, folder: folder, bin: filepath.Join(folder, "bin")}, nil
}

// lock lets one process at a time write into the cache folder. It goes with the
// process that holds it, however that ends.
func (b *build) lock(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(b.folder, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the cache folder: %w", err)
	}
	told := false
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if err != syscall.EWOULDBLOCK {
			_ = file.Close()
			return nil, fmt.Errorf("locking the cache folder: %w", err)
		}
		if !told {
			b.Progress("waiting for another build of the node image")
			told = true
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// workFolder is inside the cache folder: it must hold a gigabyte, which /tmp may
// not. What killed builds left is cleared away; the lock keeps out living ones.
func (b *build) workFolder() (string, error) {
	left, _ := filepath.Glob(filepath.Join(b.folder, ".work-*"))
	for _, folder := range left {
		_ = os.RemoveAll(folder)
	}
	work, err := os.MkdirTemp(b.folder, ".work-")
	if err != nil {
		return "", fmt.Errorf("making a work folder: %w", err)
	}
	return work, nil
}

// save writes an archive of images, whole or not at all.
func (b *build) save(ctx context.Context, file string, refs ...string) error {
	out, err := os.Create(file + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(b.Engine.Save(ctx, out, refs...), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), file)
}

// prune drops what older sources made: images beside keep, and the archives of
// node images.
func (b *build) prune(ctx context.Context, keep string) {
	b.Engine.Prune(ctx, keep)
	old, _ := filepath.Glob(filepath.Join(b.folder, "*.tar"))
	for _, file := range old {
		if b.archive != "" && file != b.archive {
			_ = os.Remove(file)
		}
	}
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
