package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/paws360/pawskind/internal/naming"
)

// MemberFacts is what one member answered.
type MemberFacts struct {
	Name string
	// Err is why the member could not be asked; empty when it answered.
	Err      string
	ID       uint64
	LeaderID uint64
	Learner  bool
	Revision int64
	Version  string
	// DBSize is the size of the database file in bytes.
	DBSize int64
	// Alarms are what the member itself complains of, such as NOSPACE.
	Alarms []string
}

// Member is an entry of the cluster's member list.
type Member struct {
	ID       uint64
	Name     string
	PeerURLs []string
	Learner  bool
}

// Facts is one look at all members.
type Facts struct {
	Members []MemberFacts
	// Membership is the member list of the first member that gave one.
	Membership []Member
}

// Member finds the facts of the member of that name.
func (f Facts) Member(name string) (MemberFacts, bool) {
	for _, m := range f.Members {
		if m.Name == name {
			return m, true
		}
	}
	return MemberFacts{}, false
}

// AllUp tells whether the members of ordinals 1 to n answered and know a leader.
func (f Facts) AllUp(n int32) bool {
	for o := int32(1); o <= n; o++ {
		m, ok := f.Member(naming.Member(naming.Etcd, o))
		if !ok || m.Err != "" || m.LeaderID == 0 {
			return false
		}
	}
	return true
}

// Access is what lets the operator in: whom to trust, and root's passwords, the
// one in force first. While it is rotated there are two.
type Access struct {
	TLS       *tls.Config
	Passwords []string
	// Version is another one whenever the rest is.
	Version string
}

// Prober asks members and keeps its connections between looks.
type Prober struct {
	mu      sync.Mutex
	access  map[string]Access
	clients map[connectionKey]*clientv3.Client
	// secured are the namespaces whose cluster is known to ask for passwords.
	secured map[string]bool
	// Endpoint gives a member's client URL.
	Endpoint func(namespace string, ordinal int32) string
}

// connectionKey is a member's endpoint and the user who is logged in there.
type connectionKey struct{ endpoint, user string }

// NewProber asks members at their DNS names.
func NewProber() *Prober {
	return &Prober{access: map[string]Access{}, clients: map[connectionKey]*clientv3.Client{}, secured: map[string]bool{}, Endpoint: ClientURL}
}

// Use is the access to the namespace's members from now on. Connections that
// were made with another one are closed.
func (p *Prober) Use(namespace string, replicas int32, access Access) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old, known := p.access[namespace]; known && old.Version == access.Version {
		return
	}
	p.access[namespace] = access
	p.closeAll(namespace, replicas)
}

// Probe asks members 1 to replicas in parallel, each for at most the given time.
func (p *Prober) Probe(ctx context.Context, namespace string, replicas int32, timeout time.Duration) Facts {
	facts := Facts{Members: make([]MemberFacts, replicas)}
	lists := make([][]Member, replicas)
	var wg sync.WaitGroup
	for i := range facts.Members {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			ordinal := int32(i) + 1
			facts.Members[i], lists[i] = p.ask(ctx, namespace, ordinal)
		})
	}
	wg.Wait()
	for _, list := range lists {
		if len(list) > 0 {
			facts.Membership = list
			break
		}
	}
	return facts
}

func (p *Prober) ask(ctx context.Context, namespace string, ordinal int32) (MemberFacts, []Member) {
	facts := MemberFacts{Name: naming.Member(naming.Etcd, ordinal)}
	// A member tells of itself without a login, which would need a quorum.
	client, err := p.connection(namespace, ordinal, "")
	if err != nil {
		facts.Err = err.Error()
		return facts, nil
	}
	status, err := Status(ctx, client)
	if err != nil {
		p.drop(namespace, ordinal, client)
		facts.Err = reason(err)
		return facts, nil
	}
	facts.ID, facts.LeaderID = status.Header.MemberId, status.Leader
	facts.Revision, facts.Version = status.Header.Revision, status.Version
	facts.DBSize, facts.Learner = status.DbSize, status.IsLearner
	facts.Alarms = status.Errors
	if facts.LeaderID == 0 || facts.Learner {
		return facts, nil // a linearizable member list needs a leader, and a voter to ask
	}
	list, err := client.MemberList(ctx)
	if err != nil {
		return facts, nil
	}
	members := make([]Member, 0, len(list.Members))
	for _, m := range list.Members {
		members = append(members, Member{ID: m.ID, Name: m.Name, PeerURLs: m.PeerURLs, Learner: m.IsLearner})
	}
	return facts, members
}

// Status asks the one member that the client is for about itself, by the connection
// that the client has: clientv3's Status makes a new one each time, with a TLS
// handshake and a question to the DNS (its NewMaintenance).
func Status(ctx context.Context, c *clientv3.Client) (*etcdserverpb.StatusResponse, error) {
	status, err := etcdserverpb.NewMaintenanceClient(c.ActiveConnection()).Status(ctx, &etcdserverpb.StatusRequest{})
	if err != nil {
		return nil, clientv3.ContextError(ctx, err)
	}
	return status, nil
}

// drop has the next look make a new connection: this one may lead to a pod that is
// gone, or wait before it tries again.
func (p *Prober) drop(namespace string, ordinal int32, c *clientv3.Client) {
	key := connectionKey{p.Endpoint(namespace, ordinal), ""}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients[key] == c {
		delete(p.clients, key)
		_ = c.Close()
	}
}

// client is the kept connection to one member that is logged in as root.
func (p *Prober) client(namespace string, ordinal int32) (*clientv3.Client, error) {
	return p.connection(namespace, ordinal, RootUser)
}

func (p *Prober) connection(namespace string, ordinal int32, user string) (*clientv3.Client, error) {
	endpoint := p.Endpoint(namespace, ordinal)
	key := connectionKey{endpoint, user}
	p.mu.Lock()
	access := p.access[namespace]
	c, ok := p.clients[key]
	p.mu.Unlock()
	if ok {
		return c, nil
	}
	// Logging in waits for the member: it must not hold up the others.
	c, err := newClient(endpoint, user, access)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other, ok := p.clients[key]; ok {
		_ = c.Close()
		return other, nil
	}
	p.clients[key] = c
	return c, nil
}

// newClient logs the user in, by the first of the passwords that is the right one.
func newClient(endpoint, user string, access Access) (c *clientv3.Client, err error) {
	passwords := access.Passwords
	if user == "" {
		passwords = []string{""}
	}
	for _, password := range passwords {
		c, err = clientv3.New(clientv3.Config{
			Endpoints: []string{endpoint},
			TLS:       access.TLS, Username: user, Password: password,
			DialTimeout: 2 * time.Second,
			Logger:      zap.NewNop(),
			DialOptions: []grpc.DialOption{Redial()},
		})
		if !errors.Is(rpctypes.Error(err), rpctypes.ErrAuthFailed) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to etcd at %s: %w", endpoint, err)
	}
	return c, nil
}

// Redial has a member that comes back after minutes connected to within seconds.
func Redial() grpc.DialOption {
	return grpc.WithConnectParams(grpc.ConnectParams{
		Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
		MinConnectTimeout: 2 * time.Second,
	})
}

// Forget closes the connections to an environment's members.
func (p *Prober) Forget(namespace string, replicas int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.access, namespace)
	delete(p.secured, namespace)
	p.closeAll(namespace, replicas)
}

// Relogin has every connection to the namespace's members made anew, as after a
// change of root's password.
func (p *Prober) Relogin(namespace string, replicas int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeAll(namespace, replicas)
}

func (p *Prober) closeAll(namespace string, replicas int32) {
	for o := int32(1); o <= replicas; o++ {
		for _, user := range []string{"", RootUser} {
			key := connectionKey{p.Endpoint(namespace, o), user}
			if c, ok := p.clients[key]; ok {
				_ = c.Close()
				delete(p.clients, key)
			}
		}
	}
}

// Add announces the member of the given ordinal as a learner. Add, Promote and
// Remove are content with what is so already: an older look may ask for it again.
func (p *Prober) Add(ctx context.Context, namespace string, via, ordinal int32) error {
	c, err := p.client(namespace, via)
	if err != nil {
		return err
	}
	_, err = c.MemberAddAsLearner(ctx, []string{PeerURL(namespace, ordinal)})
	if err != nil && !errors.Is(err, rpctypes.ErrPeerURLExist) {
		return fmt.Errorf("adding etcd member %d: %w", ordinal, err)
	}
	return nil
}

// ErrNotReady says that a learner does not yet follow closely enough to vote.
var ErrNotReady = errors.New("the learner has not caught up yet")

// Promote lets a learner vote.
func (p *Prober) Promote(ctx context.Context, namespace string, via int32, id uint64) error {
	c, err := p.client(namespace, via)
	if err != nil {
		return err
	}
	_, err = c.MemberPromote(ctx, id)
	switch {
	case errors.Is(err, rpctypes.ErrMemberLearnerNotReady):
		return ErrNotReady
	case err != nil && !errors.Is(err, rpctypes.ErrMemberNotLearner):
		return fmt.Errorf("promoting etcd member %x: %w", id, err)
	}
	return nil
}

// Remove takes a member out of the cluster.
func (p *Prober) Remove(ctx context.Context, namespace string, via int32, id uint64) error {
	c, err := p.client(namespace, via)
	if err != nil {
		return err
	}
	if _, err := c.MemberRemove(ctx, id); err != nil && !errors.Is(err, rpctypes.ErrMemberNotFound) {
		return fmt.Errorf("removing etcd member %x: %w", id, err)
	}
	return nil
}

// MoveLeader hands the leadership to another member; via must be the leader.
func (p *Prober) MoveLeader(ctx context.Context, namespace string, via int32, to uint64) error {
	c, err := p.client(namespace, via)
	if err != nil {
		return err
	}
	if _, err := c.MoveLeader(ctx, to); err != nil {
		return fmt.Errorf("moving etcd's leadership to %x: %w", to, err)
	}
	return nil
}

func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "does not answer"
	}
	return err.Error()
}
