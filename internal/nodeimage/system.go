package nodeimage

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// inner is one image that a node carries for Kubernetes' own pods.
type inner struct {
	ref        string
	entrypoint []string
	user       string
}

// inners are the images that kubeadm, containerd's configuration and the
// manifests of the node image name. All of them are the same single layer,
// which holds every program: unpacked once, shared by all.
func inners() []inner {
	list := []inner{
		{ref: "registry.k8s.io/etcd:" + EtcdTag},
		{ref: "registry.k8s.io/coredns/coredns:" + CoreDNSVersion, entrypoint: []string{"/usr/local/bin/coredns"}},
		{ref: "registry.k8s.io/pause:" + PauseVersion, entrypoint: []string{"/usr/local/bin/pause"}, user: "65535:65535"},
		{ref: "docker.io/pawskind/netd:" + KubernetesVersion, entrypoint: []string{"/usr/local/bin/netd"}},
		{ref: "docker.io/pawskind/local-path-provisioner:" + LocalPathVersion, entrypoint: []string{"/usr/local/bin/local-path-provisioner"}},
		{ref: "docker.io/pawskind/local-path-helper:" + LocalPathVersion},
	}
	for _, program := range kubernetesPodPrograms {
		list = append(list, inner{ref: "registry.k8s.io/" + program + ":" + KubernetesVersion})
	}
	return list
}

// layerPrograms are the programs of the layer that all of them share.
var layerPrograms = []string{"kubernetes", "etcd", "coredns", "netd", "local-path-provisioner", "pause"}

// made is the time that every file and image of a node is given, so that the
// same inputs make the same bytes.
var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// writeSystemImages writes the archive of all inner images. tools is a tar of
// the Debian programs that kube-proxy, netd and the storage helper call.
func (b *build) writeSystemImages(work string, tools io.Reader) (string, error) {
	layer := filepath.Join(work, "layer.tar")
	digest, err := b.writeLayer(layer, tools)
	if err != nil {
		return "", fmt.Errorf("writing the layer of a node's own images: %w", err)
	}
	file := filepath.Join(work, "images.tar")
	out, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = out.Close() }()
	if err := writeArchive(tar.NewWriter(out), layer, digest, inners()); err != nil {
		return "", fmt.Errorf("writing the archive of a node's own images: %w", err)
	}
	return file, out.Close()
}

// writeLayer writes the layer and returns its digest.
func (b *build) writeLayer(file string, tools io.Reader) (string, error) {
	out, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = out.Close() }()
	sum := sha256.New()
	w := tar.NewWriter(io.MultiWriter(out, sum))
	if err := copyEntries(w, tar.NewReader(tools)); err != nil {
		return "", fmt.Errorf("adding Debian's tools: %w", err)
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: made}); err != nil {
		return "", err
	}
	for _, program := range layerPrograms {
		if err := addFile(w, filepath.Join(b.bin, program), "usr/local/bin/"+program); err != nil {
			return "", err
		}
	}
	for _, name := range kubernetesPodPrograms {
		link := &tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/local/bin/" + name, Linkname: "kubernetes", Mode: 0o777, ModTime: made}
		if err := w.WriteHeader(link); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), out.Close()
}

// writeArchive writes a Docker archive of images that are all the one layer.
func writeArchive(w *tar.Writer, layer, digest string, images []inner) error {
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var manifest []entry
	for i, image := range images {
		config, err := json.Marshal(imageConfig(image, digest))
		if err != nil {
			return err
		}
		name := fmt.Sprintf("config-%d.json", i)
		if err := addBytes(w, name, config); err != nil {
			return err
		}
		manifest = append(manifest, entry{name, []string{image.ref}, []string{"layer.tar"}})
	}
	content, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	if err := addBytes(w, "manifest.json", content); err != nil {
		return err
	}
	if err := addFile(w, layer, "layer.tar"); err != nil {
		return err
	}
	return w.Close()
}

func imageConfig(image inner, digest string) any {
	type m = map[string]any
	config := m{"Env": []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	if image.entrypoint != nil {
		config["Entrypoint"] = image.entrypoint
	}
	if image.user != "" {
		config["User"] = image.user
	}
	return m{
		"created": made, "architecture": runtime.GOARCH, "os": "linux", "config": config,
		"rootfs":  m{"type": "layers", "diff_ids": []string{digest}},
		"history": []m{{"created": made, "created_by": "pawskind " + image.ref}},
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

func copyEntries(w *tar.Writer, r *tar.Reader) error {
	for {
		header, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		header.ModTime, header.AccessTime, header.ChangeTime = made, time.Time{}, time.Time{}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
	}
}

// tools gives the tar of Debian's tools, taken from the base image itself.
func (b *build) tools(ctx context.Context, base string, out io.Writer) error {
	script, err := os.Open(filepath.Join(b.Root, "hack/nodeimage/tools.sh"))
	if err != nil {
		return err
	}
	defer func() { _ = script.Close() }()
	if err := b.Engine.Stream(ctx, script, out, "run", "--rm", "-i", "--entrypoint", "bash", base, "-s"); err != nil {
		return fmt.Errorf("collecting Debian's tools: %w", err)
	}
	return nil
}
