package main

import (
	"net/netip"
	"testing"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/hack/nodeimage/netd/join"
)

func TestThePodIsFoundInWhatContainerdTells(t *testing.T) {
	p, config, err := read(&skel.CmdArgs{
		Args: "IgnoreUnknown=1;K8S_POD_NAMESPACE=paws360;K8S_POD_NAME=etcd-1;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=0f3c",
		StdinData: []byte(`{"cniVersion": "0.4.0", "name": "kindnet", "type": "netd-cni", "prevResult": {
		  "cniVersion": "0.4.0", "interfaces": [{"name": "veth1"}, {"name": "eth0", "sandbox": "/run/netns/x"}],
		  "ips": [{"version": "4", "interface": 1, "address": "10.244.0.5/24", "gateway": "10.244.0.1"},
		          {"version": "6", "interface": 1, "address": "fd00::5/64", "gateway": "fd00::1"}]}}`),
	})
	require.NoError(t, err)
	require.Equal(t, join.Pod{
		Namespace: "paws360", Name: "etcd-1", UID: "0f3c",
		Addresses: []netip.Addr{netip.MustParseAddr("10.244.0.5"), netip.MustParseAddr("fd00::5")},
	}, p)
	require.Equal(t, "0.4.0", config.CNIVersion)
	require.NotNil(t, config.PrevResult, "it is handed on")
}

func TestItIsNotTheFirstPlugin(t *testing.T) {
	_, _, err := read(&skel.CmdArgs{StdinData: []byte(`{"cniVersion": "0.4.0", "name": "kindnet", "type": "netd-cni"}`)})
	require.ErrorContains(t, err, "none came before")
}
