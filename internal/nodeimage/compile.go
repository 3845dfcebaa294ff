package nodeimage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// source is one program, built from a Go module of the checkout.
type source struct {
	program string
	module  string // folder of the module
	pkg     string
	also    []string // packages of the checkout that pkg is made of, too
	tags    string
	ldflags string
	links   []string // other names the program is called by
	expect  string   // how long a first build takes, when that is long
}

const modules = "hack/nodeimage/modules/"

// kubernetesNodePrograms are what a node itself runs of Kubernetes; the control
// plane's programs run in pods.
var (
	kubernetesNodePrograms = []string{"kubelet", "kubeadm", "kubectl"}
	kubernetesPodPrograms  = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"}
)

// sources are all programs of a node. Kubernetes, and containerd with ctr, are
// built into one binary each: their programs share most of their code.
var sources = []source{
	{program: "kubernetes", module: modules + "kubernetes", pkg: ".", ldflags: kubernetesVersionFlags(),
		links: slices.Concat(kubernetesNodePrograms, kubernetesPodPrograms), expect: "about 10 minutes on 2 cores"},
	{program: "etcd", module: modules + "etcd", pkg: "go.etcd.io/etcd/server/v3"},
	{program: "coredns", module: modules + "coredns", pkg: ".", expect: "a minute"},
	{program: "containerd", module: modules + "containerd", pkg: ".", tags: containerdTags,
		ldflags: "-X github.com/containerd/containerd/v2/version.Version=" + ContainerdVersion, links: []string{"ctr"}, expect: "a minute"},
	{program: "containerd-shim-runc-v2", module: modules + "containerd", tags: containerdTags,
		pkg: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"},
	{program: "local-path-provisioner", module: modules + "local-path", pkg: "github.com/rancher/local-path-provisioner",
		ldflags: "-X main.VERSION=" + LocalPathVersion},
	{program: "netd", module: ".", pkg: "./hack/nodeimage/netd", also: []string{"./hack/nodeimage/netd/join", "./hack/nodeimage/netd/policy"}},
	{program: "netd-cni", module: ".", pkg: "./hack/nodeimage/netd/cni", also: []string{"./hack/nodeimage/netd/join"}},
	{program: "pause", module: ".", pkg: "./hack/nodeimage/pause"},
}

const containerdTags = "no_btrfs no_devmapper no_zfs no_aufs"

// kubernetesVersionFlags stamp the release's version as its own build does.
func kubernetesVersionFlags() string {
	var flags []string
	minor := strings.Split(KubernetesVersion, ".")[1]
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, set := range []string{
			"gitVersion=" + KubernetesVersion, "gitMajor=1", "gitMinor=" + minor,
			"gitTreeState=clean", "buildDate=2026-01-01T00:00:00Z",
		} {
			flags = append(flags, "-X "+pkg+"."+set)
		}
	}
	return strings.Join(flags, " ")
}

// compile builds the named programs, or all, that are not in the cache yet.
func (b *build) compile(ctx context.Context, names ...string) error {
	if err := os.MkdirAll(b.bin, 0o755); err != nil {
		return fmt.Errorf("making the cache folder: %w", err)
	}
	for _, s := range sources {
		if len(names) > 0 && !slices.Contains(names, s.program) {
			continue
		}
		if err := b.compileOne(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) compileOne(ctx context.Context, s source) error {
	want, err := s.key(b.Root)
	if err != nil {
		return err
	}
	stamp := filepath.Join(b.bin, "."+s.program)
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	step := "compiling " + s.program
	if s.expect != "" {
		step += " (the first time takes " + s.expect + ")"
	}
	b.Progress(step)
	args := []string{"build", "-trimpath", "-ldflags", "-s -w " + s.ldflags, "-tags", s.tags,
		"-o", filepath.Join(b.bin, s.program), s.pkg}
	if _, err := goTool(ctx, filepath.Join(b.Root, s.module), args...); err != nil {
		return fmt.Errorf("compiling %s: %w", s.program, err)
	}
	for _, link := range s.links {
		path := filepath.Join(b.bin, link)
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("replacing %s: %w", path, err)
		}
		if err := os.Symlink(s.program, path); err != nil {
			return fmt.Errorf("linking %s: %w", link, err)
		}
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
}

// key is a hash of what the program is made of: its pinned modules, its own
// sources and its flags.
func (s source) key(root string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, s.pkg, s.tags, s.ldflags)
	files := []string{"go.mod", "go.sum"}
	if s.module == "." {
		// The product's go.mod changes often and says little about these.
		files = nil
	}
	for _, pkg := range append([]string{s.pkg}, s.also...) {
		own, err := filepath.Glob(filepath.Join(root, s.module, pkg, "*.go"))
		if err != nil {
			return "", err
		}
		for _, path := range own {
			if name, err := filepath.Rel(filepath.Join(root, s.module), path); err == nil && !strings.HasSuffix(name, "_test.go") {
				files = append(files, name)
			}
		}
	}
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(root, s.module, name))
		if err != nil {
			return "", fmt.Errorf("reading the sources of %s: %w", s.program, err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func goTool(ctx context.Context, folder string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go %s in %s: %w: %s", args[0], folder, err, tail(complaint.String(), 8))
	}
	return strings.TrimSpace(out.String()), nil
}
