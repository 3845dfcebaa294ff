package pipeline

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Changed returns once the repository's files differ from that fingerprint, and
// have been still for one look: a save of many files is one change.
func (p *Pipeline) Changed(ctx context.Context, before string, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		now, err := p.Fingerprint(ctx)
		if err != nil {
			return err
		}
		if now != before && now == last {
			return nil
		}
		last = now
	}
}

// Fingerprint is of names, sizes and times of all files that git would not ignore,
// but for this program's own output.
func (p *Pipeline) Fingerprint(ctx context.Context) (string, error) {
	command := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	command.Dir = p.Repo
	out, err := command.Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("listing the files of %s: %w", p.Repo, err)
	}
	sum := sha256.New()
	for name := range strings.SplitSeq(string(out), "\x00") {
		info, err := os.Lstat(filepath.Join(p.Repo, name))
		if err != nil {
			fmt.Fprintf(sum, "%q gone\n", name)
			continue
		}
		if slices.ContainsFunc(p.Outputs, func(own os.FileInfo) bool { return os.SameFile(own, info) }) {
			continue
		}
		fmt.Fprintf(sum, "%q %d %d %v\n", name, info.Size(), info.ModTime().UnixNano(), info.Mode())
	}
	return string(sum.Sum(nil)), nil
}
