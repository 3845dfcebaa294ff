package services

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"

	"github.com/paws360/pawskind/internal/ci/schedule"
)

const loopback = "127.0.0.1"

// forwarder listens on loopback and hands each connection to serve, which ends
// with it.
type forwarder struct {
	listener net.Listener
	serve    func(ctx context.Context, client net.Conn)
	stop     context.CancelFunc
	wg       sync.WaitGroup
}

// forward listens on the port, or on a free one when something has that already.
func forward(port int, serve func(ctx context.Context, client net.Conn)) (*forwarder, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil && port != 0 {
		listener, err = net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("listening on loopback: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &forwarder{listener: listener, serve: serve, stop: stop}
	f.wg.Go(func() { f.accept(ctx) })
	return f, nil
}

func (f *forwarder) port() int { return f.listener.Addr().(*net.TCPAddr).Port }

func (f *forwarder) accept(ctx context.Context) {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return // closed
		}
		f.wg.Go(func() {
			defer func() { _ = client.Close() }()
			defer context.AfterFunc(ctx, func() { _ = client.Close() })()
			f.serve(ctx, client)
		})
	}
}

// close ends all connections and waits until they have ended.
func (f *forwarder) close() {
	_ = f.listener.Close()
	f.stop()
	f.wg.Wait()
}

// join copies both ways until one side ends.
func join(client io.ReadWriter, toServer io.Writer, fromServer io.Reader, end func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(toServer, client) // its end is all that is to be known
		end()
	})
	_, _ = io.Copy(client, fromServer)
	end()
	if c, closes := client.(io.Closer); closes {
		_ = c.Close()
	}
	wg.Wait()
}

// open opens the service's ports, all leading to serve. A service that names no
// port has its own under its own number.
func open(s []mapping, own int, serve func(ctx context.Context, client net.Conn), undo *stack) (schedule.ServiceAddress, error) {
	if len(s) == 0 {
		s = []mapping{{0, own}}
	}
	address := schedule.ServiceAddress{Host: loopback, Ports: map[string]int{}, Env: map[string]string{}, Instead: map[string]string{}}
	for _, m := range s {
		f, err := forward(m.host, serve)
		if err != nil {
			return address, err
		}
		undo.add(f.close)
		address.Ports[m.key()] = f.port()
		if m.host != 0 && m.host != f.port() {
			for _, host := range []string{"localhost", loopback} {
				address.Instead[net.JoinHostPort(host, strconv.Itoa(m.host))] = net.JoinHostPort(loopback, strconv.Itoa(f.port()))
			}
		}
	}
	return address, nil
}

// first is the port behind the service's own.
func first(address schedule.ServiceAddress, own int) int {
	if port, known := address.Ports[strconv.Itoa(own)]; known {
		return port
	}
	for _, port := range address.Ports {
		return port
	}
	return 0
}
