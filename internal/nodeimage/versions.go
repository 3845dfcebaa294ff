package nodeimage

// Versions of what a built node image carries. The modules under
// hack/nodeimage/modules pin the programs themselves; these name the images that
// kubeadm of that release asks for.
const (
	KubernetesVersion = "v1.37.2"
	EtcdTag           = "3.7.0-0"
	CoreDNSVersion    = "v1.14.6"
	ContainerdVersion = "v2.4.2"
	LocalPathVersion  = "v0.0.30"
	// PauseVersion is the one in kind's configuration of containerd.
	PauseVersion = "3.10"
)
