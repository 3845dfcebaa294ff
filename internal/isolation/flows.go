package isolation

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

// flow says that one side may open connections to the other's ports.
type flow struct {
	from, to peer
	ports    []port
}

type port struct {
	protocol corev1.Protocol
	number   int32
}

func tcp(numbers ...int32) []port {
	list := make([]port, 0, len(numbers))
	for _, n := range numbers {
		list = append(list, port{corev1.ProtocolTCP, n})
	}
	return list
}

var (
	etcd     = peer{kind: component, name: naming.Etcd}
	postgres = peer{kind: component, name: naming.Postgres}
	redis    = peer{kind: component, name: naming.Redis}
	sentinel = peer{kind: component, name: naming.Sentinel}
	apps     = peer{kind: tier, name: naming.TierApp}
	monitor  = peer{kind: tier, name: naming.TierMonitor}
	drill    = peer{kind: drillClients}
	manager  = peer{kind: operator}
	world    = peer{kind: outside}
	names    = peer{kind: dns}
	server   = peer{kind: api}
)

// drillPort is where the clients of a drill are told what to do.
const drillPort = 8084

// flows are all connections of an environment. Which tier may reach which is
// FR-000's: infra keeps to itself but for the ports that serve apps, apps reach
// those and each other, monitor reads metrics, and everybody resolves names.
func flows(env *v1alpha1.PawsEnvironment) []flow {
	list := infraFlows(env)
	list = append(list, appFlows(env)...)
	for _, from := range members(env) {
		if from.kind == component && naming.Tier(from.name) == naming.TierApp {
			continue // covered by its tier
		}
		list = append(list, flow{from, names, []port{{corev1.ProtocolUDP, 53}, {corev1.ProtocolTCP, 53}}})
	}
	return list
}

func infraFlows(env *v1alpha1.PawsEnvironment) []flow {
	list := []flow{
		{etcd, etcd, tcp(naming.PortEtcdClient, naming.PortEtcdPeer)},
		{postgres, etcd, tcp(naming.PortEtcdClient)},
		{postgres, postgres, tcp(naming.PortPostgres, naming.PortPatroni)},
		{redis, redis, tcp(naming.PortRedis)},
		{redis, sentinel, tcp(naming.PortSentinel)},
		{sentinel, redis, tcp(naming.PortRedis)},
		{sentinel, sentinel, tcp(naming.PortSentinel)},
		{monitor, etcd, tcp(naming.PortEtcdMetrics)},
		{monitor, postgres, tcp(naming.PortPatroni)},
	}
	for _, member := range []peer{postgres, redis, sentinel} {
		list = append(list, flow{member, server, nil}) // the pods keep their own role label
	}
	for _, client := range []peer{manager, drill} {
		list = append(list,
			flow{client, etcd, tcp(naming.PortEtcdClient)},
			flow{client, postgres, tcp(naming.PortPostgres, naming.PortPatroni)},
			flow{client, redis, tcp(naming.PortRedis)},
			flow{client, sentinel, tcp(naming.PortSentinel)})
	}
	if env.Spec.Postgres.Expose != nil {
		list = append(list, flow{world, postgres, tcp(naming.PortPostgres)})
	}
	if env.Spec.Redis.Expose != nil {
		list = append(list, flow{world, redis, tcp(naming.PortRedis)})
	}
	return append(list, flow{world, drill, tcp(drillPort)}) // by the API server's proxy
}

func appFlows(env *v1alpha1.PawsEnvironment) []flow {
	list := []flow{
		{apps, postgres, tcp(naming.PortPostgres)},
		{apps, redis, tcp(naming.PortRedis)},
		{apps, sentinel, tcp(naming.PortSentinel)},
	}
	for _, app := range env.Spec.Apps {
		this := peer{kind: component, name: app.Name}
		for _, client := range []peer{apps, manager, drill, monitor} {
			list = append(list, flow{client, this, tcp(app.Port)})
		}
		if app.Expose != nil {
			list = append(list, flow{world, this, tcp(app.Port)})
		}
		// Only who asked for etcd gets near it.
		if slices.Contains(app.DependsOn, naming.Etcd) {
			list = append(list, flow{this, etcd, tcp(naming.PortEtcdClient)})
		}
	}
	return list
}

// members are the sides of a flow that are the environment's own pods.
func members(env *v1alpha1.PawsEnvironment) []peer {
	list := []peer{etcd, postgres, redis, sentinel, apps}
	for _, app := range env.Spec.Apps {
		list = append(list, peer{kind: component, name: app.Name})
	}
	return append(list, monitor, drill)
}
