package images

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bundleFile is where a build finds the host's CA bundle. It is no part of the
// tag: the same sources behind another proxy make the same image.
const bundleFile = ".ca-bundle.crt"

// buildTime is the date of every file of a build context. It is not the epoch:
// tools that copy what is newer than nothing would copy nothing.
var buildTime = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// leftOut are folders that builds make and no build reads.
var leftOut = []string{"target", "node_modules", ".next", ".git"}

// file is one file of a build context.
type file struct {
	path       string // on this machine
	name       string // in the context
	executable bool
}

// contextFiles lists what an image is built from, in a fixed order.
func contextFiles(root string, image Image) ([]file, error) {
	folder := filepath.Join(root, image.Context)
	var files []file
	add := func(path string, entry fs.FileInfo) error {
		name, err := filepath.Rel(folder, path)
		files = append(files, file{path, filepath.ToSlash(name), entry.Mode()&0o100 != 0})
		return err
	}
	for _, only := range image.Only {
		path := filepath.Join(folder, only)
		entry, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("image %s needs %s: %w", image.Name, only, err)
		}
		if err := add(path, entry); err != nil {
			return nil, err
		}
	}
	if len(image.Only) == 0 {
		paths, err := sources(folder)
		if err != nil {
			return nil, fmt.Errorf("reading what %s is made from: %w", image.Name, err)
		}
		for _, path := range paths {
			info, err := os.Lstat(path)
			if err != nil || !info.Mode().IsRegular() || info.Name() == bundleFile {
				continue // deleted but not yet committed, or no part of a build
			}
			if err := add(path, info); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// sources lists the files of a folder that git tracks or would track, so that
// what builds and tests leave behind changes no tag; without git, all but the
// folders that builds make.
func sources(folder string) ([]string, error) {
	out, err := exec.Command("git", "-C", folder, "ls-files", "-co", "--exclude-standard", "-z").Output()
	if err == nil && len(out) > 0 {
		var paths []string
		for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
			paths = append(paths, filepath.Join(folder, filepath.FromSlash(name)))
		}
		return paths, nil
	}
	var paths []string
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains(leftOut, entry.Name()) {
			return filepath.SkipDir
		}
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

func (i Image) dockerfile(root string) string {
	if i.Dockerfile != "" {
		return filepath.Join(root, i.Dockerfile)
	}
	return filepath.Join(root, i.Context, "Dockerfile")
}

// Ref is the image's reference for the sources as they are: repository and tag.
func Ref(root string, image Image) (string, error) {
	files, err := contextFiles(root, image)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(image.Args)) {
		fmt.Fprintf(sum, "arg %s=%s\n", key, image.Args[key])
	}
	recipe, err := os.ReadFile(image.dockerfile(root))
	if err != nil {
		return "", fmt.Errorf("reading the Dockerfile of %s: %w", image.Name, err)
	}
	fmt.Fprintf(sum, "dockerfile %d\n%s", len(recipe), recipe)
	for _, f := range files {
		if err := hashFile(sum, f); err != nil {
			return "", err
		}
	}
	return "docker.io/pawskind/" + image.Name + ":" + hex.EncodeToString(sum.Sum(nil))[:12], nil
}

func hashFile(sum io.Writer, f file) error {
	in, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(sum, "file %s %t %d\n", f.name, f.executable, info.Size())
	_, err = io.Copy(sum, in)
	return err
}

// writeContext streams the build context as a tar, with the Dockerfile and the
// host's CA bundle. Times and owners are fixed, so that the engine's build
// cache hits on another machine's checkout too.
func writeContext(out io.Writer, root string, image Image, bundle []byte) error {
	files, err := contextFiles(root, image)
	if err != nil {
		return err
	}
	recipe, err := os.ReadFile(image.dockerfile(root))
	if err != nil {
		return err
	}
	archive := tar.NewWriter(out)
	for name, content := range map[string][]byte{"Dockerfile": recipe, bundleFile: bundle} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, ModTime: buildTime, Size: int64(len(content))}); err != nil {
			return err
		}
		if _, err := archive.Write(content); err != nil {
			return err
		}
	}
	for _, f := range files {
		if f.name == "Dockerfile" {
			continue
		}
		if err := addFile(archive, f); err != nil {
			return fmt.Errorf("packing %s: %w", f.name, err)
		}
	}
	return archive.Close()
}

func addFile(archive *tar.Writer, f file) error {
	content, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if f.executable {
		mode = 0o755
	}
	if err := archive.WriteHeader(&tar.Header{Name: f.name, Mode: mode, ModTime: buildTime, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err = archive.Write(content)
	return err
}

// caBundle is the CA bundle that this machine's own programs are told to use,
// as companies with an inspecting proxy do; empty where none is.
func caBundle() ([]byte, error) {
	for _, variable := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"} {
		if path := os.Getenv(variable); path != "" {
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("reading the CA bundle of %s: %w", variable, err)
			}
			return content, nil
		}
	}
	return nil, nil
}
