package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Users of etcd. Root is the operator's; the others see their own prefix alone.
const (
	RootUser    = "root"
	PatroniUser = "patroni"
	AppUser     = "app"
)

// AppPrefix is where the apps keep their keys.
const AppPrefix = "/app/"

// User is a user of etcd with the prefix it may read and write; root has none.
type User struct {
	Name, Password, Prefix string
}

// Users are all users, root first: etcd turns authentication on only once root
// is there (etcd documentation, "Role-based access control").
func Users(rootPassword, patroniPassword, appPassword, patroniPrefix string) []User {
	return []User{
		{RootUser, rootPassword, ""},
		{PatroniUser, patroniPassword, patroniPrefix},
		{AppUser, appPassword, AppPrefix},
	}
}

// Secure makes the users and turns authentication on. What is there stays as it
// is, so that an interrupted call is finished by the next. It asks nothing once
// it has seen that authentication is on.
func (p *Prober) Secure(ctx context.Context, namespace string, via int32, users []User) error {
	if p.isSecured(namespace) {
		return nil
	}
	c, err := p.client(namespace, via)
	if err != nil {
		return err
	}
	status, err := c.AuthStatus(ctx)
	if err != nil {
		return fmt.Errorf("asking whether etcd asks for passwords: %w", err)
	}
	if !status.Enabled {
		for _, u := range users {
			if err := addUser(ctx, c, u); err != nil {
				return fmt.Errorf("adding etcd's user %s: %w", u.Name, err)
			}
		}
		if _, err := c.AuthEnable(ctx); err != nil {
			return fmt.Errorf("turning etcd's authentication on: %w", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secured[namespace] = true
	return nil
}

func (p *Prober) isSecured(namespace string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.secured[namespace]
}

// addUser makes a user and the role of the same name that allows its prefix.
func addUser(ctx context.Context, c *clientv3.Client, u User) error {
	if _, err := c.RoleAdd(ctx, u.Name); err != nil && !errors.Is(err, rpctypes.ErrRoleAlreadyExist) {
		return err
	}
	if u.Prefix != "" {
		end := clientv3.GetPrefixRangeEnd(u.Prefix)
		if _, err := c.RoleGrantPermission(ctx, u.Name, u.Prefix, end, clientv3.PermissionType(clientv3.PermReadWrite)); err != nil {
			return err
		}
	}
	if _, err := c.UserAdd(ctx, u.Name, u.Password); err != nil && !errors.Is(err, rpctypes.ErrUserAlreadyExist) {
		return err
	}
	_, err := c.UserGrantRole(ctx, u.Name, u.Name)
	return err
}

// Let lets a user in with the password, with all that the role allows. A user
// that is missing is made. What is already so changes nothing: each change has
// every client log in again.
func (p *Prober) Let(ctx context.Context, namespace string, via int32, user, role, password string) error {
	c, err := p.client(namespace, via)
	if err != nil {
		return err
	}
	if err := let(ctx, c, user, role, password); err != nil {
		return fmt.Errorf("giving etcd's user %s its password: %w", user, err)
	}
	return nil
}

func let(ctx context.Context, c *clientv3.Client, user, role, password string) error {
	known, err := c.UserGet(ctx, user)
	switch {
	case errors.Is(err, rpctypes.ErrUserNotFound):
		if _, err := c.UserAdd(ctx, user, password); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		_, err := c.Authenticate(ctx, user, password)
		if errors.Is(err, rpctypes.ErrAuthFailed) {
			_, err = c.UserChangePassword(ctx, user, password)
		}
		if err != nil {
			return err
		}
	}
	if known != nil && slices.Contains(known.Roles, role) {
		return nil
	}
	_, err = c.UserGrantRole(ctx, user, role)
	return err
}

// Bar removes a user. One that is not there needs nothing.
func (p *Prober) Bar(ctx context.Context, namespace string, via int32, user string) error {
	c, err := p.client(namespace, via)
	if err != nil {
		return err
	}
	if _, err := c.UserDelete(ctx, user); err != nil && !errors.Is(err, rpctypes.ErrUserNotFound) {
		return fmt.Errorf("removing etcd's user %s: %w", user, err)
	}
	return nil
}
