package pki

import (
	"net"
	"slices"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// Leaf is one certificate that an environment shall have.
type Leaf struct {
	// Name is its Secret, and For what it is for, for people.
	Name, For string
	// CommonName is empty unless somebody is known by it: etcd takes a client's
	// for a user's name.
	CommonName string
	DNSNames   []string
	IPs        []net.IP
	// Hosts are the names that clients ask for. A certificate that somebody
	// else made must be good for them.
	Hosts []string
	// Server and Client are how it may be used.
	Server, Client bool
	// Supplied is the Secret that somebody else keeps it in; empty for none.
	Supplied string
}

// Leaves are the certificates that the environment shall have. Redis' is made
// in any case, so that its TLS can be switched on without waiting for one.
func Leaves(env *v1alpha1.PawsEnvironment) []Leaf {
	own := env.Spec.TLS.Certificates
	cache := server(env, Redis, "Redis and Sentinel", max(env.Spec.Redis.Replicas, 1), naming.Redis, naming.ServiceRedisMaster)
	sentinels := server(env, "", "", max(env.Spec.Redis.Sentinels, 1), naming.Sentinel)
	cache.DNSNames = distinct(cache.DNSNames, sentinels.DNSNames)
	cache.Hosts = distinct(cache.Hosts, sentinels.Hosts)
	members := max(env.Spec.Postgres.Replicas, 1)
	postgres := server(env, Postgres, "PostgreSQL", members, naming.Postgres, naming.ServicePatroniLeader, naming.ServicePatroniReplica)
	list := []Leaf{
		server(env, Etcd, "etcd, towards clients", max(env.Spec.Etcd.Replicas, 1), naming.Etcd),
		server(env, EtcdPeer, "etcd, between its members", max(env.Spec.Etcd.Replicas, 1), naming.Etcd),
		reachable(postgres, env.Spec.TLS.ExtraNames),
		{Name: PostgresClient, For: "a standby's replication", CommonName: ReplicationName},
		server(env, Patroni, "Patroni's REST API", members, naming.Postgres),
		reachable(cache, env.Spec.TLS.ExtraNames),
	}
	list[1].CommonName = EtcdPeerName
	handedIn := []*v1alpha1.SuppliedCertificate{own.Etcd, own.EtcdPeer, own.Postgres, own.PostgresClient, own.Patroni, own.Redis}
	for i := range list {
		list[i].Client = true
		if handedIn[i] != nil {
			list[i].Supplied = handedIn[i].SecretName
		}
	}
	return list
}

// server is the certificate of a component's members, for all names under which
// they and their Services are known, and for a client on the same machine.
func server(env *v1alpha1.PawsEnvironment, name, purpose string, members int32, component string, services ...string) Leaf {
	headless := naming.StatefulSet(component)
	suffix := "." + env.Namespace + ".svc"
	leaf := Leaf{Name: name, For: purpose, Server: true, Hosts: []string{"localhost"}}
	leaf.DNSNames = []string{"*." + headless + suffix, "*." + headless + suffix + ".cluster.local"}
	for _, service := range append([]string{headless}, services...) {
		leaf.DNSNames = append(leaf.DNSNames, service, service+"."+env.Namespace, service+suffix, service+suffix+".cluster.local")
		leaf.Hosts = append(leaf.Hosts, service+suffix)
	}
	for ordinal := int32(1); ordinal <= members; ordinal++ {
		leaf.Hosts = append(leaf.Hosts, naming.MemberHost(env.Namespace, component, ordinal))
	}
	leaf.DNSNames = append(leaf.DNSNames, "localhost")
	leaf.IPs = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
	return leaf
}

// reachable adds names of the leaf's server outside the cluster.
func reachable(leaf Leaf, names []string) Leaf {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			if four := ip.To4(); four != nil {
				ip = four
			}
			leaf.IPs = append(leaf.IPs, ip)
			continue
		}
		leaf.DNSNames = append(leaf.DNSNames, name)
	}
	leaf.DNSNames = distinct(leaf.DNSNames)
	return leaf
}

func distinct(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		for _, name := range list {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}
