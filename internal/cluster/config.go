// Package cluster knows the life of the kind cluster: how it is configured,
// created, found, started, stopped and deleted.
package cluster

import (
	"fmt"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// DataPath is where a node has the volumes of all environments.
const DataPath = "/var/local/pawskind"

// AuditLog is where a node has the audit log of its API server.
const AuditLog = "/var/log/kubernetes/audit.log"

const auditPolicyPath = "/etc/kubernetes/audit/policy.yaml"

// Ports of the nodes that lead to the services of the environment.
const (
	NodePortFrontend = 30300
	NodePortBackend  = 30080
	NodePortPostgres = 30432
	NodePortRedis    = 30379
)

// Config is what a cluster is made from.
type Config struct {
	Name  string
	Nodes int
	Image string
	// DataDir is the host's folder of the volumes, mounted into every node.
	DataDir string
	// Bind is the host's address of the published ports.
	Bind  string
	Ports []PortMapping
	// AuditPolicy is the host's file that says what the API server writes into
	// AuditLog; empty for nothing.
	AuditPolicy string
	// KubeadmPatches and ContainerdPatches are what this machine needs.
	KubeadmPatches, ContainerdPatches []string
}

// PortMapping publishes a node's port on the host.
type PortMapping struct {
	Host, Node int32
}

// untainted lets pods run on the control plane node also beside others: a
// cluster of three nodes is to spread three members. On a cluster of one, kind
// takes the taint away itself, and fails where it finds none.
const untainted = `kind: InitConfiguration
nodeRegistration:
  taints: []
`

// quick takes waiting out of a node. Images are there before the cluster is, so
// nothing is gained by pulling one after the other, and a local cluster's own
// state may be lost with the machine's power: the cluster is made anew then.
const quick = `kind: KubeletConfiguration
serializeImagePulls: false
`

const noFsync = `kind: ClusterConfiguration
apiVersion: kubeadm.k8s.io/v1beta4
etcd:
  local:
    extraArgs:
    - {name: unsafe-no-fsync, value: "true"}
`

// prompt has the Services follow a failover at once: by default kube-proxy lets a
// second pass between two changes, and a failover is two.
const prompt = `kind: KubeProxyConfiguration
apiVersion: kubeproxy.config.k8s.io/v1alpha1
iptables:
  minSyncPeriod: 100ms
nftables:
  minSyncPeriod: 100ms
`

// audited has the API server keep an audit log. The list of arguments takes the
// place of kind's own, which has runtime-config alone, and that empty.
// Source: https://kind.sigs.k8s.io/docs/user/auditing/.
const audited = `kind: ClusterConfiguration
apiVersion: kubeadm.k8s.io/v1beta4
apiServer:
  extraArgs:
  - {name: audit-policy-file, value: ` + auditPolicyPath + `}
  - {name: audit-log-path, value: ` + AuditLog + `}
  extraVolumes:
  - {name: audit-policy, hostPath: ` + auditPolicyPath + `, mountPath: ` + auditPolicyPath + `, pathType: File, readOnly: true}
  - {name: audit-log, hostPath: /var/log/kubernetes, mountPath: /var/log/kubernetes, pathType: DirectoryOrCreate}
`

// Kind is kind's own form of the configuration.
func (c Config) Kind() *v1alpha4.Cluster {
	k := &v1alpha4.Cluster{
		TypeMeta:                v1alpha4.TypeMeta{Kind: "Cluster", APIVersion: "kind.x-k8s.io/v1alpha4"},
		Name:                    c.Name,
		KubeadmConfigPatches:    append([]string{quick, noFsync, prompt}, c.KubeadmPatches...),
		ContainerdConfigPatches: c.ContainerdPatches,
	}
	if c.Nodes > 1 {
		k.KubeadmConfigPatches = append(k.KubeadmConfigPatches, untainted)
	}
	if c.AuditPolicy != "" {
		k.KubeadmConfigPatches = append(k.KubeadmConfigPatches, audited)
	}
	for i := range c.Nodes {
		node := v1alpha4.Node{
			Role: v1alpha4.WorkerRole, Image: c.Image,
			ExtraMounts: []v1alpha4.Mount{{HostPath: c.DataDir, ContainerPath: DataPath}},
		}
		if i == 0 {
			node.Role = v1alpha4.ControlPlaneRole
			if c.AuditPolicy != "" {
				node.ExtraMounts = append(node.ExtraMounts, v1alpha4.Mount{HostPath: c.AuditPolicy, ContainerPath: auditPolicyPath, Readonly: true})
			}
			for _, p := range c.Ports {
				node.ExtraPortMappings = append(node.ExtraPortMappings, v1alpha4.PortMapping{
					ContainerPort: p.Node, HostPort: p.Host, ListenAddress: c.Bind, Protocol: v1alpha4.PortMappingProtocolTCP,
				})
			}
		}
		k.Nodes = append(k.Nodes, node)
	}
	return k
}

// ControlPlane is the name of the node that runs the API of a cluster.
func ControlPlane(name string) string { return name + "-control-plane" }

// Labels of the record that a whole cluster carries.
const (
	recordNamespace = "kube-system"
	recordName      = "pawskind-cluster"
)

// Record says what a running cluster was made from. It is written once the
// cluster is whole: a cluster without one was interrupted while it was made.
type Record struct {
	DataDir string `json:"dataDir"`
	Nodes   int    `json:"nodes"`
	Bind    string `json:"bind"`
	Ports   []PortMapping
	// Audited is set when the API server keeps an audit log.
	Audited bool `json:"audited,omitempty"`
}

// Record is the record of a cluster made from this configuration.
func (c Config) Record() Record {
	return Record{DataDir: c.DataDir, Nodes: c.Nodes, Bind: c.Bind, Ports: c.Ports, Audited: c.AuditPolicy != ""}
}

// Differences are the reasons why a cluster with this record is not what the
// configuration asks for, for people.
func (r Record) Differences(c Config) []string {
	var list []string
	if r.Nodes != c.Nodes {
		list = append(list, fmt.Sprintf("it has %d nodes, %d are asked for", r.Nodes, c.Nodes))
	}
	if r.Bind != c.Bind {
		list = append(list, fmt.Sprintf("it publishes on %s, %s is asked for", r.Bind, c.Bind))
	}
	if asked := c.AuditPolicy != ""; r.Audited != asked {
		list = append(list, map[bool]string{true: "it keeps no audit log, one is asked for", false: "it keeps an audit log, none is asked for"}[asked])
	}
	had := map[int32]int32{}
	for _, p := range r.Ports {
		had[p.Node] = p.Host
	}
	for _, p := range c.Ports {
		if had[p.Node] != p.Host {
			list = append(list, fmt.Sprintf("it publishes port %d, %d is asked for", had[p.Node], p.Host))
		}
	}
	return list
}
