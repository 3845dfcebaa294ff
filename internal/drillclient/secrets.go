package drillclient

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/naming"
)

// Secrets are the passwords that the clients use, and the users whose they are
// where those change.
type Secrets struct {
	Database, Redis, Sentinel, EtcdApp, EtcdPatroni string
	DatabaseUser, EtcdAppUser, EtcdPatroniUser      string
}

// Source gives the secrets as they are now.
type Source func() Secrets

// SecretFiles are the files that Files reads, by their names.
func SecretFiles() []string {
	return []string{
		naming.KeyDatabasePassword, naming.KeyRedisPassword, naming.KeySentinelPassword, naming.KeyEtcdAppPassword, naming.KeyEtcdPatroniPassword,
		naming.KeyDatabaseUser, naming.KeyEtcdAppUser, naming.KeyEtcdPatroniUser,
	}
}

// secretsAge is how long what was read of the secrets is believed.
const secretsAge = 200 * time.Millisecond

// Files reads the secrets from a folder that follows them.
func Files(folder string) Source {
	var mu sync.Mutex
	var last Secrets
	var at time.Time
	read := func(key string) string {
		content, _ := os.ReadFile(filepath.Join(folder, key)) // without it the clients are refused, and say so
		return string(content)
	}
	return func() Secrets {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(at) > secretsAge {
			at = time.Now()
			last = Secrets{
				Database: read(naming.KeyDatabasePassword), Redis: read(naming.KeyRedisPassword), Sentinel: read(naming.KeySentinelPassword),
				EtcdApp: read(naming.KeyEtcdAppPassword), EtcdPatroni: read(naming.KeyEtcdPatroniPassword),
				DatabaseUser: read(naming.KeyDatabaseUser), EtcdAppUser: read(naming.KeyEtcdAppUser), EtcdPatroniUser: read(naming.KeyEtcdPatroniUser),
			}
		}
		return last
	}
}

// renewing is a client that is made anew when the secrets change, as the pods of
// an app are: it comes with the new ones while the old ones still open.
type renewing struct {
	source Source
	make   func(Secrets) (client, error)
	used   Secrets
	client client
}

func (c *renewing) current() (client, error) {
	if now := c.source(); c.client == nil || now != c.used {
		fresh, err := c.make(now)
		if err != nil {
			return nil, connectError{err}
		}
		c.close()
		c.used, c.client = now, fresh
	}
	return c.client, nil
}

func (c *renewing) write(ctx context.Context, value int64) (string, error) {
	inner, err := c.current()
	if err != nil {
		return "", err
	}
	return inner.write(ctx, value)
}

func (c *renewing) read(ctx context.Context) (int64, string, error) {
	inner, err := c.current()
	if err != nil {
		return 0, "", err
	}
	return inner.read(ctx)
}

func (c *renewing) outcome(err error) drill.Outcome {
	if unsent := (connectError{}); errors.As(err, &unsent) {
		return drill.Failed
	}
	return c.client.outcome(err)
}

func (c *renewing) close() {
	if c.client != nil {
		c.client.close()
	}
}
