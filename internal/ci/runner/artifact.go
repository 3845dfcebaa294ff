package runner

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/paws360/pawskind/internal/ci/tree"
)

// lines are the entries of an input that takes several.
func lines(text string) []string {
	var list []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// upload keeps files as an artifact of the run.
func upload(ctx context.Context, c *call) error {
	name := c.with["name"]
	if name == "" {
		name = "artifact"
	}
	if strings.ContainsAny(name, `"\/:<>|*?`+"\r\n") || name == "." || name == ".." {
		return fmt.Errorf("%q is no name for an artifact: it must not contain \" : < > | * ? \\ /", name)
	}
	files, err := c.find(lines(c.with["path"]), c.with["include-hidden-files"] == "true")
	if err != nil {
		return err
	}
	if len(files) == 0 {
		text := fmt.Sprintf("No files were found with the provided path: %s. No artifacts will be uploaded.", strings.Join(lines(c.with["path"]), " "))
		switch c.with["if-no-files-found"] {
		case "error":
			return fmt.Errorf("%s", text)
		case "ignore":
			c.out.say(text)
		default:
			c.warn("%s", text)
		}
		return nil
	}
	target := filepath.Join(c.leg.in.ArtifactsDir, name)
	if err := c.claim(target, name); err != nil {
		return err
	}
	root := c.root(files)
	for _, file := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return fmt.Errorf("keeping %s: %w", file, err)
		}
		to := filepath.Join(target, relative)
		_ = os.Remove(to) // the cache may have this very file; what is really in the way shows at once
		if err := copyFollowing(file, to); err != nil {
			return fmt.Errorf("keeping %s: %w", file, err)
		}
	}
	c.leg.keepArtifact(name)
	c.output("artifact-id", name)
	c.output("artifact-url", "file://"+target)
	c.out.say(fmt.Sprintf("Kept %d file(s) as the artifact %s", len(files), name))
	return nil
}

// claim makes the artifact's folder. Two of one name in a run are an error, as on
// the remote since version 4; before it, they were merged.
func (c *call) claim(target, name string) error {
	_, version, _ := strings.Cut(c.step.Uses, "@")
	merged := slices.Contains([]string{"v1", "v2", "v3"}, strings.SplitN(version, ".", 2)[0])
	if isFolder(target) && !merged {
		if c.with["overwrite"] != "true" {
			return fmt.Errorf("an artifact with the name %s is there already; use overwrite: true or another name", name)
		}
		if err := tree.RemoveAll(target); err != nil {
			return fmt.Errorf("replacing the artifact %s: %w", name, err)
		}
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("making the artifact %s: %w", name, err)
	}
	return nil
}

// find are the files that the patterns take in, absolute and in order.
func (c *call) find(patterns []string, hidden bool) ([]string, error) {
	roots := map[string]bool{}
	for i, p := range patterns {
		plain, not := strings.CutPrefix(p, "!")
		plain = filepath.Clean(c.place(plain))
		base, _ := doublestar.SplitPattern(filepath.ToSlash(plain))
		if info, err := os.Lstat(plain); err == nil && !not {
			base = plain
			if !info.IsDir() {
				base = filepath.Dir(plain)
			}
		}
		if !not {
			roots[base] = true
		} else {
			plain = "!" + plain
		}
		patterns[i] = plain
	}
	var files []string
	for base := range roots {
		err := filepath.WalkDir(base, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil && file == base:
				return fs.SkipAll // what is not there holds no files
			case err != nil:
				return err
			case !hidden && file != base && strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
				return fs.SkipDir
			case entry.IsDir() || !hidden && strings.HasPrefix(entry.Name(), "."):
				return nil
			}
			if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
				return nil
			}
			if taken(file, patterns) && !slices.Contains(files, file) {
				files = append(files, file)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking for files in %s: %w", base, err)
		}
	}
	slices.Sort(files)
	return files, nil
}

// root is what the paths in the artifact are relative to: the one folder that is
// named, or what all named places have in common.
func (c *call) root(files []string) string {
	var places []string
	for _, p := range lines(c.with["path"]) {
		if strings.HasPrefix(p, "!") {
			continue
		}
		plain := filepath.Clean(c.place(p))
		if isFolder(plain) {
			places = append(places, plain)
			continue
		}
		base, pattern := doublestar.SplitPattern(plain)
		if !strings.ContainsAny(pattern, "*?[{") {
			base = path.Dir(plain)
		}
		places = append(places, base)
	}
	if len(places) == 0 {
		return filepath.Dir(files[0])
	}
	common := places[0]
	for _, p := range places[1:] {
		for common != "/" && p != common && !strings.HasPrefix(p, common+"/") {
			common = filepath.Dir(common)
		}
	}
	return common
}

// download puts artifacts of the run into the workspace.
func download(_ context.Context, c *call) error {
	target := c.place(c.with["path"])
	if name := c.with["name"]; name != "" {
		folder := filepath.Join(c.leg.in.ArtifactsDir, name)
		if !filepath.IsLocal(name) || !isFolder(folder) {
			return fmt.Errorf("the run has no artifact with the name %s", name)
		}
		return c.fetched(folder, target, 1)
	}
	entries, err := os.ReadDir(c.leg.in.ArtifactsDir)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("looking for artifacts: %w", err)
	}
	var names []string
	for _, e := range entries {
		if match := c.with["pattern"] == "" || doublestar.MatchUnvalidated(c.with["pattern"], e.Name()); e.IsDir() && match {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		to := filepath.Join(target, name)
		if c.with["merge-multiple"] == "true" {
			to = target
		}
		if err := copyTree(filepath.Join(c.leg.in.ArtifactsDir, name), to); err != nil {
			return fmt.Errorf("fetching the artifact %s: %w", name, err)
		}
	}
	c.output("download-path", target)
	c.out.say(fmt.Sprintf("Fetched %d artifact(s) into %s", len(names), target))
	return nil
}

func (c *call) fetched(folder, target string, n int) error {
	if err := copyTree(folder, target); err != nil {
		return fmt.Errorf("fetching the artifact %s: %w", filepath.Base(folder), err)
	}
	c.output("download-path", target)
	c.out.say(fmt.Sprintf("Fetched %d artifact(s) into %s", n, target))
	return nil
}
