package nodeimage

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// inner is one image that a node carries.
type inner struct {
	ref        string
	programs   map[string]string // program → path in the image
	dockerfile string
}

const fromScratch = "FROM scratch\nCOPY rootfs/ /\n"

// The tools by which kube-proxy and the pod network program the kernel.
const fromNetworkTools = `FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends iptables nftables iproute2 conntrack kmod \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/* /usr/share/doc/*
COPY rootfs/ /
`

const fromShell = `FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends busybox-static
FROM scratch
COPY --from=build /bin/busybox /bin/sh
COPY --from=build /bin/busybox /bin/mkdir
COPY --from=build /bin/busybox /bin/rm
ENV PATH=/bin
`

// inners are the images that kubeadm and kind's manifests name. required gives
// the full reference of each by the part of it that never changes.
func inners(required func(part string) string) []inner {
	at := func(program string) map[string]string { return map[string]string{program: "usr/local/bin/" + program} }
	list := []inner{
		{required("/etcd:"), map[string]string{"etcd": "usr/local/bin/etcd", "etcdctl": "usr/local/bin/etcdctl"}, fromScratch},
		{required("/coredns:"), map[string]string{"coredns": "coredns"}, fromScratch + "ENTRYPOINT [\"/coredns\"]\n"},
		{required("/pause:"), map[string]string{"pause": "pause"}, fromScratch + "USER 65535:65535\nENTRYPOINT [\"/pause\"]\n"},
		{required("/kindnetd:"), map[string]string{"kindnetd": "bin/kindnetd"}, fromNetworkTools + "ENTRYPOINT [\"/bin/kindnetd\"]\n"},
		{required("/local-path-provisioner:"), at("local-path-provisioner"), fromScratch + "ENV PATH=/usr/local/bin\n"},
		{required("/local-path-helper:"), nil, fromShell},
	}
	for _, program := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		list = append(list, inner{"registry.k8s.io/" + program + ":" + KubernetesVersion, at(program), fromScratch + "ENV PATH=/usr/local/bin\n"})
	}
	return append(list, inner{"registry.k8s.io/kube-proxy:" + KubernetesVersion, at("kube-proxy"), fromNetworkTools})
}

// release builds the images and packs them with the programs in the shape of a
// Kubernetes server release, from which kind builds a node image.
func (b *build) release(ctx context.Context, work string) (string, error) {
	refs, err := b.requiredImages(ctx)
	if err != nil {
		return "", err
	}
	bin := filepath.Join(work, "release/kubernetes/server/bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	archives := map[string][]string{"kube-apiserver": nil}
	for _, image := range inners(refs) {
		b.Progress("building " + image.ref)
		folder := filepath.Join(work, "images", strings.NewReplacer("/", "_", ":", "_").Replace(image.ref))
		if err := os.MkdirAll(filepath.Join(folder, "rootfs"), 0o755); err != nil {
			return "", err
		}
		for program, path := range image.programs {
			if err := copyFile(filepath.Join(b.bin, program), filepath.Join(folder, "rootfs", path)); err != nil {
				return "", err
			}
		}
		if err := b.image(ctx, folder, image.ref, image.dockerfile); err != nil {
			return "", err
		}
		archive := archiveOf(image.ref)
		archives[archive] = append(archives[archive], image.ref)
	}
	for name, refs := range archives {
		if err := b.archiveImages(ctx, refs, filepath.Join(bin, name+".tar")); err != nil {
			return "", err
		}
	}
	for _, program := range []string{"kubeadm", "kubelet", "kubectl"} {
		if err := copyFile(filepath.Join(b.bin, program), filepath.Join(bin, program)); err != nil {
			return "", err
		}
	}
	version := filepath.Join(work, "release/kubernetes/version")
	if err := os.WriteFile(version, []byte(KubernetesVersion), 0o644); err != nil {
		return "", err
	}
	file := filepath.Join(work, "release.tar")
	return file, packTree(filepath.Join(work, "release"), file)
}

// archiveOf is the archive of the release in which an image travels: kind reads
// four, and pulls nothing that any of them holds.
func archiveOf(ref string) string {
	for _, own := range []string{"kube-controller-manager", "kube-scheduler", "kube-proxy"} {
		if strings.Contains(ref, "/"+own+":") {
			return own
		}
	}
	return "kube-apiserver"
}

// requiredImages asks kubeadm, kind's containerd configuration and kind's
// manifests which images a node must hold.
func (b *build) requiredImages(ctx context.Context) (func(string) string, error) {
	var refs []string
	out, err := runProgram(ctx, filepath.Join(b.bin, "kubeadm"), "config", "images", "list", "--kubernetes-version", KubernetesVersion)
	if err != nil {
		return nil, err
	}
	for _, ref := range strings.Fields(out) {
		if !strings.Contains(ref, "/pause:") {
			refs = append(refs, ref)
		}
	}
	kind, err := b.goTool(ctx, b.Root, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind")
	if err != nil {
		return nil, err
	}
	for _, file := range []string{"images/base/files/etc/containerd/config.toml", "pkg/build/nodeimage/const_cni.go", "pkg/build/nodeimage/const_storage.go"} {
		text, err := os.ReadFile(filepath.Join(kind, file))
		if err != nil {
			return nil, fmt.Errorf("reading kind's sources: %w", err)
		}
		for _, word := range strings.Split(string(text), `"`) {
			if strings.Contains(word, "/pause:") || strings.HasPrefix(word, "docker.io/kindest/") {
				refs = append(refs, word)
			}
		}
	}
	return func(part string) string {
		for _, ref := range refs {
			if strings.Contains(ref, part) {
				return ref
			}
		}
		return ""
	}, nil
}

// archiveImages saves images so that kind sees all their names: it reads the
// first index of an archive, and compares names with the registry spelled out.
func (b *build) archiveImages(ctx context.Context, refs []string, file string) error {
	raw := file + ".raw"
	defer func() { _ = os.Remove(raw) }()
	if err := b.Engine.Run(ctx, append([]string{"save", "-o", raw}, refs...)...); err != nil {
		return fmt.Errorf("saving images: %w", err)
	}
	in, err := os.Open(raw)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	writer := tar.NewWriter(out)
	if err := writeIndex(writer, refs); err != nil {
		return err
	}
	if err := copyEntries(writer, tar.NewReader(in)); err != nil {
		return fmt.Errorf("rewriting %s: %w", file, err)
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return out.Close()
}

func writeIndex(writer *tar.Writer, refs []string) error {
	index := map[string]map[string]string{}
	for _, ref := range refs {
		at := strings.LastIndex(ref, ":")
		index[ref[:at]] = map[string]string{ref[at+1:]: ""}
	}
	content, err := json.Marshal(index)
	if err != nil {
		return err
	}
	if err := writer.WriteHeader(&tar.Header{Name: "repositories", Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err = writer.Write(content)
	return err
}

func copyEntries(writer *tar.Writer, reader *tar.Reader) error {
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Name == "repositories" {
			continue
		}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(writer, reader); err != nil {
			return err
		}
	}
}

func packTree(folder, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	writer := tar.NewWriter(out)
	if err := writer.AddFS(os.DirFS(folder)); err != nil {
		return fmt.Errorf("packing %s: %w", file, err)
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return out.Close()
}
