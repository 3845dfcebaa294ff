package nodeimage

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// made is the time that every file and image of a node is given, so that the
// same inputs make the same bytes.
var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// runConfig is how an image's container is run, in the words of the image format.
type runConfig struct {
	Env        []string          `json:",omitempty"`
	Entrypoint []string          `json:",omitempty"`
	Cmd        []string          `json:",omitempty"`
	User       string            `json:",omitempty"`
	WorkingDir string            `json:",omitempty"`
	StopSignal string            `json:",omitempty"`
	Labels     map[string]string `json:",omitempty"`
}

// flatImage is an image of a single layer.
type flatImage struct {
	ref    string
	config runConfig
	layer  layer
}

// layer is a tar on disk with its digest.
type layer struct{ file, digest string }

// savedImage is an entry of the manifest of a Docker archive.
type savedImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// writeArchive writes a Docker archive of images; a layer that several share is
// in it once.
func writeArchive(file string, images []flatImage) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
	}()
	w := tar.NewWriter(out)
	var manifest []savedImage
	written := map[string]bool{}
	for i, image := range images {
		config, err := imageJSON(image)
		if err != nil {
			return err
		}
		configName, layerName := fmt.Sprintf("config-%d.json", i), filepath.Base(image.layer.file)
		if err := addBytes(w, configName, config); err != nil {
			return err
		}
		if !written[layerName] {
			if err := addFile(w, image.layer.file, layerName); err != nil {
				return err
			}
			written[layerName] = true
		}
		manifest = append(manifest, savedImage{configName, []string{image.ref}, []string{layerName}})
	}
	content, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	if err := addBytes(w, "manifest.json", content); err != nil {
		return err
	}
	return w.Close()
}

func imageJSON(image flatImage) ([]byte, error) {
	type m = map[string]any
	return json.Marshal(m{
		"created": made, "architecture": runtime.GOARCH, "os": "linux", "config": image.config,
		"rootfs":  m{"type": "layers", "diff_ids": []string{image.layer.digest}},
		"history": []m{{"created": made, "created_by": "pawskind " + image.ref}},
	})
}

// writeLayer writes a layer to a file and reckons its digest on the way.
func writeLayer(file string, write func(io.Writer) error) (layer, error) {
	out, err := os.Create(file)
	if err != nil {
		return layer{}, err
	}
	sum := sha256.New()
	if err := write(io.MultiWriter(out, sum)); err != nil {
		_ = out.Close()
		return layer{}, err
	}
	return layer{file, "sha256:" + hex.EncodeToString(sum.Sum(nil))}, out.Close()
}

// deletingImages names the images of a Docker archive of which some layer
// deletes files of the layers below: such a layer can't be laid out in a node
// image.
func deletingImages(archive string) ([]string, error) {
	var manifest []savedImage
	layers := map[string]*layerFacts{}
	links := map[string]string{}
	err := eachEntry(archive, func(header *tar.Header, content io.Reader) error {
		switch {
		case header.Name == "manifest.json":
			return json.NewDecoder(content).Decode(&manifest)
		case header.Typeflag == tar.TypeSymlink || header.Typeflag == tar.TypeLink:
			links[header.Name] = filepath.Join(filepath.Dir(header.Name), header.Linkname)
		case header.Typeflag == tar.TypeReg && !strings.HasSuffix(header.Name, ".json"):
			var err error
			layers[header.Name], err = readLayer(tar.NewReader(content))
			return err
		}
		return nil
	})
	var names []string
	for _, image := range manifest {
		var stack []*layerFacts
		for _, name := range image.Layers {
			if target, linked := links[name]; linked {
				name = target
			}
			if l := layers[name]; l != nil {
				stack = append(stack, l)
			}
		}
		if deletes(stack) {
			names = append(names, image.RepoTags...)
		}
	}
	return names, err
}

// layerFacts is what of a layer tells whether it deletes.
type layerFacts struct {
	deletes bool            // it deletes some file by name
	opaque  []string        // folders of which it hides what is below
	parents map[string]bool // folders in which it has something
}

// deletes tells whether a layer of a stack, from the bottom up, deletes anything.
// Engines also mark new folders as hiding what is below them, where nothing is.
func deletes(stack []*layerFacts) bool {
	below := map[string]bool{}
	for _, l := range stack {
		if l.deletes || slices.ContainsFunc(l.opaque, func(folder string) bool { return below[folder] }) {
			return true
		}
		maps.Copy(below, l.parents)
	}
	return false
}

// readLayer reads a layer's names. A file that is no tar is no layer.
func readLayer(r *tar.Reader) (*layerFacts, error) {
	facts := &layerFacts{parents: map[string]bool{}}
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
			return facts, nil
		}
		if err != nil {
			return nil, err
		}
		folder, name := filepath.Split(filepath.Clean(header.Name))
		folder = filepath.Clean(folder)
		switch {
		case name == ".wh..wh..opq":
			facts.opaque = append(facts.opaque, folder)
		case strings.HasPrefix(name, ".wh."):
			facts.deletes = true
		default:
			facts.parents[folder] = true
		}
	}
}

func eachEntry(archive string, visit func(*tar.Header, io.Reader) error) error {
	in, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	r := tar.NewReader(in)
	for {
		header, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(header, r); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func addBytes(w *tar.Writer, name string, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: made}); err != nil {
		return err
	}
	_, err := io.Copy(w, bytes.NewReader(content))
	return err
}

func addFile(w *tar.Writer, from, name string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: info.Size(), ModTime: made}); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}
