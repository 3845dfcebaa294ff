// Package join is what the CNI plugin netd-cni and netd say to each other when a
// pod gets its network: here is a pod with these addresses; its rules are in place.
package join

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Socket is where netd listens, on the node.
const Socket = "/run/netd/join.sock"

// Pod is a pod whose network is made.
type Pod struct {
	Namespace string       `json:"namespace"`
	Name      string       `json:"name"`
	UID       string       `json:"uid"`
	Addresses []netip.Addr `json:"addresses"`
}

// answer is netd's; no error is a yes.
type answer struct {
	Error string `json:"error,omitempty"`
}

// again is how soon one who does not listen yet is asked again.
const again = 50 * time.Millisecond

// Tell tells netd of a pod and returns once the pod's rules are in place. It
// waits for a netd that has not started, as long as the context lasts.
func Tell(ctx context.Context, socket string, p Pod) error {
	conn, err := dial(ctx, socket)
	if err != nil {
		return fmt.Errorf("reaching netd: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if deadline, set := ctx.Deadline(); set {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("talking to netd: %w", err)
		}
	}
	if err := json.NewEncoder(conn).Encode(p); err != nil {
		return fmt.Errorf("telling netd of a pod: %w", err)
	}
	var a answer
	if err := json.NewDecoder(conn).Decode(&a); err != nil {
		return fmt.Errorf("hearing netd's answer: %w", err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}

func dial(ctx context.Context, socket string) (net.Conn, error) {
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(again):
		}
	}
}

// Serve hears of pods until the context ends. What take returns is the answer.
func Serve(ctx context.Context, socket string, take func(context.Context, Pod) error) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		return fmt.Errorf("making the socket's folder: %w", err)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing an old socket: %w", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listening for new pods: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listening for new pods: %w", err)
		}
		go hear(ctx, conn, take)
	}
}

func hear(ctx context.Context, conn net.Conn, take func(context.Context, Pod) error) {
	defer func() { _ = conn.Close() }()
	var p Pod
	if json.NewDecoder(conn).Decode(&p) != nil {
		return // it left
	}
	var a answer
	if err := take(ctx, p); err != nil {
		a.Error = err.Error()
	}
	_ = json.NewEncoder(conn).Encode(a)
}
