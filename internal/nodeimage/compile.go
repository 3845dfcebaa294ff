package nodeimage

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// source is a set of programs built from one Go module of the checkout.
type source struct {
	module   string
	packages map[string]string // program → package
	tags     string
	ldflags  string
}

func kubernetes(programs ...string) source {
	s := source{module: "hack/nodeimage/modules/kubernetes", packages: map[string]string{}, ldflags: kubernetesFlags()}
	for _, p := range programs {
		s.packages[p] = "k8s.io/kubernetes/cmd/" + p
	}
	return s
}

func sources() map[string]source {
	return map[string]source{
		"kubernetes":        kubernetes("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubeadm", "kubectl"),
		"kubernetes-assets": kubernetes("kube-apiserver", "kubectl"),
		"etcd": {module: "hack/nodeimage/modules/etcd", packages: map[string]string{
			"etcd": "go.etcd.io/etcd/server/v3", "etcdctl": "go.etcd.io/etcd/etcdctl/v3"}},
		"coredns": {module: "hack/nodeimage/modules/coredns", packages: map[string]string{
			"coredns": "github.com/coredns/coredns"}},
		"containerd": {module: "hack/nodeimage/modules/containerd", tags: "no_btrfs no_devmapper no_zfs no_aufs",
			ldflags: "-X github.com/containerd/containerd/v2/version.Version=v2.4.2", packages: map[string]string{
				"containerd":              "github.com/containerd/containerd/v2/cmd/containerd",
				"ctr":                     "github.com/containerd/containerd/v2/cmd/ctr",
				"containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"}},
		"local-path": {module: "hack/nodeimage/modules/local-path", ldflags: "-X main.VERSION=v0.0.30", packages: map[string]string{
			"local-path-provisioner": "github.com/rancher/local-path-provisioner"}},
		"netd":  {module: ".", packages: map[string]string{"kindnetd": "./hack/nodeimage/netd"}},
		"pause": {module: ".", packages: map[string]string{"pause": "./hack/nodeimage/pause"}},
	}
}

// kubernetesFlags stamp the release's version as its own build does.
func kubernetesFlags() string {
	var flags []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		minor := strings.Split(KubernetesVersion, ".")[1]
		for key, value := range map[string]string{
			"gitVersion": KubernetesVersion, "gitMajor": "1", "gitMinor": minor,
			"gitCommit": "unknown", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
		} {
			flags = append(flags, fmt.Sprintf("-X %s.%s=%s", pkg, key, value))
		}
	}
	return strings.Join(flags, " ")
}

// compile builds the programs of the named sources that are not there yet.
func (b *build) compile(ctx context.Context, names ...string) error {
	if err := os.MkdirAll(b.bin, 0o755); err != nil {
		return fmt.Errorf("making the cache folder: %w", err)
	}
	for _, name := range names {
		s := sources()[name]
		stamp := filepath.Join(b.bin, "."+name)
		want, err := b.stamp(s)
		if err != nil {
			return err
		}
		if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
			continue
		}
		b.Progress("compiling " + name + " (the first time takes minutes)")
		for program, pkg := range s.packages {
			args := []string{"build", "-trimpath", "-ldflags", "-s -w " + s.ldflags, "-tags", s.tags, "-o", filepath.Join(b.bin, program), pkg}
			if _, err := b.goTool(ctx, filepath.Join(b.Root, s.module), args...); err != nil {
				return err
			}
		}
		if err := os.WriteFile(stamp, []byte(want), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stamp tells one version of a source from another.
func (b *build) stamp(s source) (string, error) {
	file := filepath.Join(b.Root, s.module, "go.mod")
	if s.module == "." {
		key, err := sourceKey(b.Root)
		return key, err
	}
	content, err := os.ReadFile(file)
	return string(content), err
}

func (b *build) goTool(ctx context.Context, folder string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off")
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go %s in %s: %w: %s", args[0], folder, err, tail(complaint.String(), 8))
	}
	return strings.TrimSpace(out.String()), nil
}

func runProgram(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", filepath.Base(program), strings.Join(args, " "), err)
	}
	return string(out), nil
}
