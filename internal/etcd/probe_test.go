package etcd

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
)

// member answers for its status alone, and counts who connects.
type member struct {
	etcdserverpb.UnimplementedMaintenanceServer
	net.Listener
	*grpc.Server
	connections atomic.Int32
}

func (m *member) Accept() (net.Conn, error) {
	conn, err := m.Listener.Accept()
	if err == nil {
		m.connections.Add(1)
	}
	return conn, err
}

func (m *member) Status(context.Context, *etcdserverpb.StatusRequest) (*etcdserverpb.StatusResponse, error) {
	return &etcdserverpb.StatusResponse{Header: &etcdserverpb.ResponseHeader{MemberId: 7}}, nil
}

func startMember(t *testing.T, address string) *member {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	m := &member{Listener: listener, Server: grpc.NewServer()}
	etcdserverpb.RegisterMaintenanceServer(m.Server, m)
	go func() { _ = m.Serve(m) }()
	t.Cleanup(m.Stop)
	return m
}

func TestAMemberIsAskedAgainByTheSameConnection(t *testing.T) {
	m := startMember(t, "127.0.0.1:0")
	p := NewProber()
	p.Endpoint = func(string, int32) string { return "http://" + m.Addr().String() }
	for range 3 {
		facts := p.Probe(t.Context(), "paws360", 1, 2*time.Second)
		require.Empty(t, facts.Members[0].Err)
		require.EqualValues(t, 7, facts.Members[0].ID)
	}
	require.EqualValues(t, 1, m.connections.Load())
}

// The connection of before would wait before it tries again.
func TestAMemberThatIsBackIsSeenByTheNextLook(t *testing.T) {
	m := startMember(t, "127.0.0.1:0")
	address := m.Addr().String()
	p := NewProber()
	p.Endpoint = func(string, int32) string { return "http://" + address }
	ask := func() string { return p.Probe(t.Context(), "paws360", 1, 2*time.Second).Members[0].Err }
	require.Empty(t, ask())
	m.Stop()
	for range 5 {
		require.NotEmpty(t, ask())
	}
	startMember(t, address)
	require.Empty(t, ask())
}
