package nodeimage

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// systemPath is where the programs of a node's own images are found.
const systemPath = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// layerPrograms are the programs of the layer that all of those images share.
var layerPrograms = []string{"kubernetes", "etcd", "coredns", "netd", "netd-cni", "local-path-provisioner", "pause"}

// systemImages are the images that kubeadm, containerd's configuration and the
// manifests of the node image name. All of them are the same single layer,
// which holds every program: unpacked once, shared by all.
func systemImages(l layer) []flatImage {
	image := func(ref string, entrypoint ...string) flatImage {
		return flatImage{ref: ref, layer: l, config: runConfig{Env: []string{systemPath}, Entrypoint: entrypoint}}
	}
	list := []flatImage{
		image("registry.k8s.io/etcd:" + EtcdTag),
		image("registry.k8s.io/coredns/coredns:"+CoreDNSVersion, "/usr/local/bin/coredns"),
		image("registry.k8s.io/pause:"+PauseVersion, "/usr/local/bin/pause"),
		image("docker.io/pawskind/netd:"+KubernetesVersion, "/usr/local/bin/netd"),
		image("docker.io/pawskind/local-path-provisioner:"+LocalPathVersion, "/usr/local/bin/local-path-provisioner"),
		image("docker.io/pawskind/local-path-helper:" + LocalPathVersion),
	}
	for _, program := range kubernetesPodPrograms {
		list = append(list, image("registry.k8s.io/"+program+":"+KubernetesVersion))
	}
	return list
}

// writeSystemImages writes the archive of a node's own images into a folder.
func (b *build) writeSystemImages(ctx context.Context, base, work, folder string) error {
	tools, err := b.tools(ctx, base)
	if err != nil {
		return err
	}
	l, err := writeLayer(filepath.Join(work, "system-layer.tar"), func(out io.Writer) error {
		return b.writeSystemLayer(tar.NewWriter(out), tar.NewReader(bytes.NewReader(tools)))
	})
	if err != nil {
		return fmt.Errorf("writing the layer of a node's own images: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := writeArchive(filepath.Join(folder, "system.tar"), systemImages(l)); err != nil {
		return fmt.Errorf("writing the archive of a node's own images: %w", err)
	}
	return nil
}

func (b *build) writeSystemLayer(w *tar.Writer, tools *tar.Reader) error {
	if err := copyEntries(w, tools); err != nil {
		return fmt.Errorf("adding Debian's tools: %w", err)
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: made}); err != nil {
		return err
	}
	for _, program := range layerPrograms {
		if err := addFile(w, filepath.Join(b.bin, program), "usr/local/bin/"+program); err != nil {
			return err
		}
	}
	for _, name := range kubernetesPodPrograms {
		link := &tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/local/bin/" + name, Linkname: "kubernetes", Mode: 0o777, ModTime: made}
		if err := w.WriteHeader(link); err != nil {
			return err
		}
	}
	return w.Close()
}

// tools gives a tar of the Debian programs that kube-proxy, netd and the storage
// helper call, taken from the node's base image itself.
func (b *build) tools(ctx context.Context, base string) ([]byte, error) {
	script, err := os.Open(filepath.Join(b.Root, "hack/nodeimage/tools.sh"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = script.Close() }()
	var out bytes.Buffer
	if err := b.Engine.Stream(ctx, script, &out, "run", "--rm", "-i", "--entrypoint", "bash", base, "-s"); err != nil {
		return nil, fmt.Errorf("collecting Debian's tools: %w", err)
	}
	return out.Bytes(), nil
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
