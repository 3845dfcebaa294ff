package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// filler lets a volume be full, as its container sees it. Two ways, and both
// end with the agent by themselves:
//   - from Linux 6.14 the kernel asks before each access through the container's
//     mount, and whatever would make a file grow is answered with "no space left
//     on device"; not a byte is taken from the disk, which others share;
//   - elsewhere a nameless file takes the space that is left, if that is little
//     enough to be the volume's own.
type filler struct{}

// spareBound is the free space up to which a volume is taken for one of its own.
const spareBound = 2 << 30

func (filler) hold(n *Node, m *marker, p pod) (string, string, error) {
	list := n.container(p, m.Fault.Container)
	path := filepath.Clean(m.Fault.Path)
	i := slices.IndexFunc(list, func(proc process) bool {
		return slices.ContainsFunc(n.mounts(proc.pid), func(m mount) bool { return m.point == path })
	})
	if i < 0 {
		return "", "", fmt.Errorf("no volume is mounted at %s in container %q", path, m.Fault.Container)
	}
	at := n.procFile(list[i].pid, "root"+path)
	if b, held := n.open[m.Fault.ID].(*ballast); held {
		return StateActive, m.Message, b.fill()
	}
	if err := n.save(m); err != nil {
		return "", "", err
	}
	r, held := n.open[m.Fault.ID].(*refuser)
	if !held {
		var err error
		if r, err = newRefuser(n.Proc); err != nil {
			return n.fillForReal(m, at, err)
		}
	}
	// Marked again and again: a restarted container has another mount.
	if err := r.mark(at); err != nil {
		if held {
			return "", "", err
		}
		_ = r.Close()
		return n.fillForReal(m, at, err)
	}
	if !held {
		n.keep(m.Fault.ID, r)
	}
	return StateActive, path + " takes no more data: files cannot grow", nil
}

// fillForReal takes the last space of a small volume.
func (n *Node) fillForReal(m *marker, at string, because error) (string, string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(at, &fs); err != nil {
		return "", "", fmt.Errorf("looking at the volume: %w", err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free > spareBound {
		return "", "", unsupported("the volume shares a disk with %.0f GiB free: filling it would stop the whole machine; "+
			"and a volume that only seems full needs Linux 6.14 (%w)", float64(free)/(1<<30), because)
	}
	f, err := os.OpenFile(at, unix.O_TMPFILE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", "", fmt.Errorf("opening a file on the volume: %w", err)
	}
	b := &ballast{file: f}
	if err := b.fill(); err != nil {
		_ = f.Close()
		return "", "", err
	}
	n.keep(m.Fault.ID, b)
	return StateActive, "its volume is full", nil
}

func (filler) release(*Node, *marker, map[string]pod) error { return nil }

// ballast is a nameless file: it goes when it is closed.
type ballast struct {
	file *os.File
	size int64
}

var _ io.Closer = (*ballast)(nil)

// Close gives the space back.
func (b *ballast) Close() error { return b.file.Close() }

// fill takes what is left, in ever smaller pieces.
func (b *ballast) fill() error {
	for piece := int64(64 << 20); piece >= 4096; {
		if b.size > 2*spareBound {
			return errors.New("the volume has more space than it told")
		}
		err := unix.Fallocate(int(b.file.Fd()), 0, b.size, piece)
		switch {
		case err == nil:
			b.size += piece
		case errors.Is(err, unix.ENOSPC):
			piece /= 2
		case !errors.Is(err, unix.EINTR):
			return fmt.Errorf("filling the volume: %w", err)
		}
	}
	return nil
}
