package services

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// redisProxy lets clients into the keyspace as if it were a Redis of their own:
// its database is their database 0, and nobody asks for a password. Only what
// they say is rewritten, so answers stay in their order.
type redisProxy struct {
	address string
	// tls is how the environment's Redis is spoken to; nil for plain text.
	tls   *tls.Config
	space keyspace
}

func (p *redisProxy) serve(ctx context.Context, client net.Conn) {
	server, answers, err := p.login(ctx)
	if err != nil {
		_, _ = fmt.Fprintf(client, "-ERR %s\r\n", strings.Join(strings.Fields(err.Error()), " "))
		return
	}
	defer func() { _ = server.Close() }()
	join(rewriting{client, p.rewrite}, server, answers, func() { _ = server.Close() })
}

func (p *redisProxy) dial(ctx context.Context) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if p.tls == nil {
		return dialer.DialContext(ctx, "tcp", p.address)
	}
	secure := tls.Dialer{NetDialer: dialer, Config: p.tls}
	return secure.DialContext(ctx, "tcp", p.address)
}

// login connects as the keyspace's user.
func (p *redisProxy) login(ctx context.Context) (net.Conn, *bufio.Reader, error) {
	server, err := p.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	answers := bufio.NewReader(server)
	for _, command := range [][]string{{"AUTH", p.space.user, p.space.password}, {"SELECT", strconv.Itoa(p.space.number)}} {
		answer := ""
		if _, err = server.Write(encode(command)); err == nil {
			answer, err = answers.ReadString('\n')
		}
		if err == nil && !strings.HasPrefix(answer, "+") {
			err = errors.New(strings.TrimSpace(strings.TrimPrefix(answer, "-")))
		}
		if err != nil {
			_ = server.Close()
			return nil, nil, fmt.Errorf("logging in to Redis: %w", err)
		}
	}
	return server, answers, nil
}

// rewrite is the command as the keyspace's user may say it.
func (p *redisProxy) rewrite(command []string) []string {
	if len(command) == 0 {
		return command
	}
	switch strings.ToUpper(command[0]) {
	case "AUTH":
		return []string{"AUTH", p.space.user, p.space.password}
	case "HELLO":
		for i := range command {
			if strings.EqualFold(command[i], "AUTH") && i+2 < len(command) {
				command[i+1], command[i+2] = p.space.user, p.space.password
			}
		}
	case "SELECT":
		if len(command) == 2 && command[1] == "0" {
			return []string{"SELECT", strconv.Itoa(p.space.number)}
		}
	case "FLUSHALL":
		command[0] = "FLUSHDB"
	}
	return command
}

// rewriting is a client whose commands are rewritten on their way out.
type rewriting struct {
	net.Conn
	rewrite func([]string) []string
}

// WriteTo is what io.Copy uses.
func (r rewriting) WriteTo(out io.Writer) (int64, error) {
	in := bufio.NewReader(r.Conn)
	var written int64
	for {
		command, err := decode(in)
		if err != nil {
			return written, err
		}
		if command == nil { // an empty line
			continue
		}
		n, err := out.Write(encode(r.rewrite(command)))
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// Bounds of what a client may say, which are Redis's own.
const (
	mostArguments = 1 << 20
	longestBulk   = 512 << 20
)

// decode reads one command: an array of bulk strings, or a line of words.
// Source: Redis, "Redis serialization protocol specification".
func decode(in *bufio.Reader) ([]string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if !strings.HasPrefix(line, "*") {
		if words := strings.Fields(line); len(words) > 0 {
			return words, nil
		}
		return nil, nil
	}
	count, err := length(line, mostArguments)
	if err != nil {
		return nil, err
	}
	var command []string
	for range count {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(line, "$") {
			return nil, fmt.Errorf("expected a bulk string, got %q", line)
		}
		size, err := length(strings.TrimRight(line, "\r\n"), longestBulk)
		if err != nil {
			return nil, err
		}
		var content bytes.Buffer
		if _, err := io.CopyN(&content, in, int64(size)+2); err != nil {
			return nil, err
		}
		command = append(command, string(content.Bytes()[:size]))
	}
	return command, nil
}

func length(line string, most int) (int, error) {
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%q is no length", line)
	}
	return n, nil
}

func encode(command []string) []byte {
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, "*%d\r\n", len(command))
	for _, argument := range command {
		_, _ = fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(argument), argument)
	}
	return b.Bytes()
}
