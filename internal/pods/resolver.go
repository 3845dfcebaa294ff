package pods

import (
	_ "embed"

	coreac "k8s.io/client-go/applyconfigurations/core/v1"
)

// ResolverName is the file name under which Resolver is mounted.
const ResolverName = "resolver.sh"

// Resolver is sourced by scripts of members that resolve with the C library:
// LOCALDOMAIN and no-aaaa are its settings (resolv.conf(5), glibc 2.36). It needs
// bash, POD_NAMESPACE and POD_IP.
//
//go:embed resolver.sh
var Resolver string

// DNS bounds a look-up. The databases stand still while they resolve a name, and
// that of a member that is gone ends up at servers outside of the cluster, which
// may not answer.
func DNS() *coreac.PodDNSConfigApplyConfiguration {
	return coreac.PodDNSConfig().WithOptions(
		coreac.PodDNSConfigOption().WithName("timeout").WithValue("1"),
		coreac.PodDNSConfigOption().WithName("attempts").WithValue("1"))
}
