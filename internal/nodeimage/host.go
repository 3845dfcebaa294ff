package nodeimage

import (
	"os"
	"strconv"
	"strings"
)

// Host is what the machine under the nodes lacks, as far as nodes must know.
type Host struct {
	// CgroupV1 says that the kernel's cgroups are of the first version, which
	// kubelet refuses unless told otherwise.
	CgroupV1 bool
	// NoSysResource says that CAP_SYS_RESOURCE is missing even for root: nothing
	// may lower its OOM score.
	NoSysResource bool
}

// DetectHost looks at this machine. On systems whose engine runs in a virtual
// machine of its own there is nothing to see, and nothing to work around.
func DetectHost() Host {
	var h Host
	if _, err := os.Stat("/sys/fs/cgroup"); err == nil {
		_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
		h.CgroupV1 = os.IsNotExist(err)
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		h.NoSysResource = lacksSysResource(string(status))
	}
	return h
}

// lacksSysResource reads the bounding set of capabilities in a process status.
func lacksSysResource(status string) bool {
	const sysResource = 24
	_, rest, found := strings.Cut(status, "CapBnd:")
	if !found {
		return false
	}
	word, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	set, err := strconv.ParseUint(word, 16, 64)
	return err == nil && set>>sysResource&1 == 0
}

// KindPatches are the patches of a kind cluster's configuration that this
// machine needs, and those that make any machine's cluster quicker.
func KindPatches() (kubeadmPatches, containerdPatches []string) {
	return DetectHost().KindPatches()
}

// KindPatches are KindPatches for a given machine.
func (h Host) KindPatches() (kubeadmPatches, containerdPatches []string) {
	kubeadmPatches = []string{quickControlPlane, quickRestarts}
	if h.CgroupV1 {
		kubeadmPatches = append(kubeadmPatches, "kind: KubeletConfiguration\nfailCgroupV1: false\n")
	}
	if h.NoSysResource {
		containerdPatches = append(containerdPatches,
			"[plugins.\"io.containerd.grpc.v1.cri\"]\n  restrict_oom_score_adj = true\n")
	}
	return kubeadmPatches, containerdPatches
}

// quickRestarts bounds how long the kubelet waits before it starts a container
// that ended again: by default 10 s from the second time on, and up to 5 min. A
// database whose processes are killed again and again is away for that long.
const quickRestarts = `kind: KubeletConfiguration
crashLoopBackOff:
  maxContainerRestartPeriod: 3s
`

// quickControlPlane takes waiting out of a cluster with one control plane node,
// which is the only kind there is here. With nobody to lead but themselves, the
// controller manager and the scheduler need no election: theirs lost four
// seconds at every start, and two writes a second for ever. And the controller
// manager's limit on its own requests cost it four seconds more.
//
// kind merges the patch into its own configuration, in which a list takes the
// place of a list: enable-hostpath-provisioner is what kind's holds.
const quickControlPlane = `kind: ClusterConfiguration
apiVersion: kubeadm.k8s.io/v1beta4
controllerManager:
  extraArgs:
  - {name: enable-hostpath-provisioner, value: "true"}
  - {name: leader-elect, value: "false"}
  - {name: kube-api-qps, value: "500"}
  - {name: kube-api-burst, value: "1000"}
scheduler:
  extraArgs:
  - {name: leader-elect, value: "false"}
  - {name: kube-api-qps, value: "500"}
  - {name: kube-api-burst, value: "1000"}
`
