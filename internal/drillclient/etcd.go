package drillclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/naming"
)

const (
	routeEndpoints = "all endpoints"
	etcdPrefix     = etcd.AppPrefix + "drill/"
	etcdRegister   = etcd.AppPrefix + "drill-register"
)

func etcdEndpoint(s Settings, ordinal int32) string {
	return s.scheme() + "://" + net.JoinHostPort(naming.MemberHost(s.Namespace, naming.Etcd, ordinal), strconv.Itoa(naming.PortEtcdClient))
}

func (s Settings) scheme() string {
	if s.Plain {
		return "http"
	}
	return "https"
}

// etcdUser is who logs in at etcd; nobody by name where it knows no users.
type etcdUser struct{ name, password string }

// etcdApp is the application's.
func (r *Run) etcdApp(secrets Secrets) etcdUser {
	if r.settings.Plain {
		return etcdUser{}
	}
	return etcdUser{secrets.EtcdAppUser, secrets.EtcdApp}
}

// etcdPatroni may read Patroni's leader key.
func (r *Run) etcdPatroni(secrets Secrets) etcdUser {
	if r.settings.Plain {
		return etcdUser{}
	}
	return etcdUser{secrets.EtcdPatroniUser, secrets.EtcdPatroni}
}

func newEtcd(user etcdUser, endpoints ...string) (*clientv3.Client, error) {
	config := clientv3.Config{
		Endpoints: endpoints, DialTimeout: operationTimeout, Logger: zap.NewNop(),
		DialKeepAliveTime: time.Second, DialKeepAliveTimeout: 2 * time.Second, PermitWithoutStream: true,
		DialOptions: []grpc.DialOption{etcd.Redial()},
	}
	if user.name != "" {
		config.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		config.Username, config.Password = user.name, user.password
	}
	return clientv3.New(config)
}

func etcdEndpoints(s Settings) []string {
	var list []string
	for i := int32(1); i <= s.EtcdReplicas; i++ {
		list = append(list, etcdEndpoint(s, i))
	}
	return list
}

// etcdClient puts each value under a key of its own.
type etcdClient struct {
	*clientv3.Client
	name string
}

func (c *etcdClient) key(value int64) string {
	return fmt.Sprintf("%s%s/%019d", etcdPrefix, c.name, value)
}

func (c *etcdClient) write(ctx context.Context, value int64) (string, error) {
	_, err := c.Put(ctx, c.key(value), "")
	return "", err
}

func (c *etcdClient) read(ctx context.Context) (int64, string, error) {
	answer, err := c.Get(ctx, etcdPrefix+c.name+"/", clientv3.WithLastKey()...)
	if err != nil || len(answer.Kvs) == 0 {
		return 0, "", err
	}
	_, value := splitKey(string(answer.Kvs[0].Key))
	return value, "", nil
}

func (c *etcdClient) close() { _ = c.Close() }

// outcome: without a leader nothing is proposed; all else may have been.
func (*etcdClient) outcome(err error) drill.Outcome {
	if errors.Is(err, rpctypes.ErrNoLeader) || status.Code(err) == codes.FailedPrecondition {
		return drill.Failed
	}
	return drill.Uncertain
}

// etcdRegisterClient is a register of one key.
type etcdRegisterClient struct{ etcdClient }

func (c *etcdRegisterClient) write(ctx context.Context, value int64) (string, error) {
	_, err := c.Put(ctx, etcdRegister, strconv.FormatInt(value, 10))
	return "", err
}

func (c *etcdRegisterClient) read(ctx context.Context) (int64, string, error) {
	answer, err := c.Get(ctx, etcdRegister)
	if err != nil || len(answer.Kvs) == 0 {
		return 0, "", err
	}
	value, err := strconv.ParseInt(string(answer.Kvs[0].Value), 10, 64)
	return value, "", err
}

// etcdFinal reads all keys of one member, as it has them itself.
func etcdFinal(ctx context.Context, s Settings, user etcdUser, ordinal int32) FinalRows {
	f := FinalRows{Final: drill.Final{System: drill.Etcd, Member: naming.Member(naming.Etcd, ordinal)}}
	err := func() error {
		member, err := newEtcd(user, etcdEndpoint(s, ordinal))
		if err != nil {
			return err
		}
		defer func() { _ = member.Close() }()
		about, err := etcd.Status(ctx, member)
		if err != nil {
			return err
		}
		f.Authority = about.Leader == about.Header.MemberId
		answer, err := member.Get(ctx, etcdPrefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithSerializable())
		if err != nil {
			return err
		}
		for _, kv := range answer.Kvs {
			client, value := splitKey(string(kv.Key))
			f.Rows = append(f.Rows, drill.Row{Client: client, Value: value, Count: 1})
		}
		return nil
	}()
	if err != nil {
		f.Error = short(err)
	}
	return f
}

func splitKey(key string) (client string, value int64) {
	rest := strings.TrimPrefix(key, etcdPrefix)
	slash := strings.LastIndex(rest, "/")
	value, err := strconv.ParseInt(rest[slash+1:], 10, 64)
	if err != nil {
		value = -1
	}
	return rest[:max(slash, 0)], value
}
