// Command netd-cni is the last CNI plugin of a pod's network: it lets a pod start
// only once netd has put the pod's NetworkPolicies in place.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"

	"github.com/paws360/pawskind/hack/nodeimage/netd/join"
)

// patience is how long netd is waited for; then the kubelet tries again.
const patience = 20 * time.Second

func main() {
	nothing := func(*skel.CmdArgs) error { return nil }
	skel.PluginMainFuncs(skel.CNIFuncs{Add: add, Del: nothing, Check: nothing}, version.All, "netd-cni: rules before a pod starts")
}

// podArgs are the pod's names, as containerd tells them.
type podArgs struct {
	types.CommonArgs
	K8S_POD_NAMESPACE, K8S_POD_NAME, K8S_POD_UID types.UnmarshallableString
}

func add(args *skel.CmdArgs) error {
	p, config, err := read(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := join.Tell(ctx, join.Socket, p); err != nil {
		return types.NewError(types.ErrTryAgainLater, "the pod's network policies are not in place", err.Error())
	}
	return types.PrintResult(config.PrevResult, config.CNIVersion)
}

// read finds the pod, and its addresses in what the plugins before have made.
func read(args *skel.CmdArgs) (join.Pod, *types.NetConf, error) {
	config := &types.NetConf{}
	var names podArgs
	names.IgnoreUnknown = true
	if err := types.LoadArgs(args.Args, &names); err != nil {
		return join.Pod{}, nil, fmt.Errorf("reading CNI_ARGS: %w", err)
	}
	if err := json.Unmarshal(args.StdinData, config); err != nil {
		return join.Pod{}, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if err := version.ParsePrevResult(config); err != nil {
		return join.Pod{}, nil, fmt.Errorf("reading the result of the plugins before: %w", err)
	}
	if config.PrevResult == nil {
		return join.Pod{}, nil, fmt.Errorf("netd-cni is the last of several plugins, and none came before")
	}
	result, err := current.NewResultFromResult(config.PrevResult)
	if err != nil {
		return join.Pod{}, nil, fmt.Errorf("reading the result of the plugins before: %w", err)
	}
	p := join.Pod{Namespace: string(names.K8S_POD_NAMESPACE), Name: string(names.K8S_POD_NAME), UID: string(names.K8S_POD_UID)}
	for _, ip := range result.IPs {
		if address, ok := netip.AddrFromSlice(ip.Address.IP); ok {
			p.Addresses = append(p.Addresses, address.Unmap())
		}
	}
	return p, config, nil
}
