package preflight

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/paws360/pawskind/internal/engine"
)

// look tries to listen on the port, and finds who does already.
func look(ctx context.Context, e *engine.Engine, bind string, p *Port) {
	listener, err := net.Listen("tcp", net.JoinHostPort(bind, strconv.Itoa(p.Number)))
	if err == nil {
		_ = listener.Close()
		return
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return // a privileged port, say, is the engine's to open
	}
	p.InUse = true
	p.Holder.Container = publisher(ctx, e, p.Number)
	if p.Holder.Container == "" {
		p.Holder = process(ctx, p.Number)
	}
}

// publisher names the container for which the engine publishes the port.
func publisher(ctx context.Context, e *engine.Engine, port int) string {
	if e == nil {
		return ""
	}
	out, err := e.Output(ctx, "ps", "--format", "{{.Names}}\t{{.Ports}}")
	if err != nil {
		return ""
	}
	return publisherIn(string(out), port)
}

func publisherIn(table string, port int) string {
	for line := range strings.Lines(table) {
		name, ports, _ := strings.Cut(strings.TrimSpace(line), "\t")
		for _, mapping := range strings.Split(ports, ", ") {
			host, _, published := strings.Cut(mapping, "->")
			if published && strings.HasSuffix(host, fmt.Sprintf(":%d", port)) {
				return name
			}
		}
	}
	return ""
}

// process finds the listening process in /proc, else through lsof.
func process(ctx context.Context, port int) Holder {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if file, err := os.Open(table); err == nil {
			listeners(bufio.NewScanner(file), port, inodes)
			_ = file.Close()
		}
	}
	if len(inodes) > 0 {
		return owner(inodes)
	}
	out, err := exec.CommandContext(ctx, "lsof", "-nP", "-Fpc", fmt.Sprintf("-iTCP:%d", port), "-sTCP:LISTEN").Output()
	if err != nil {
		return Holder{}
	}
	return fromLsof(string(out))
}

// listeners collects the inodes of sockets that listen on the port.
func listeners(lines *bufio.Scanner, port int, inodes map[string]bool) {
	const state, local, listen, inode = 3, 1, "0A", 9
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) <= inode || fields[state] != listen {
			continue
		}
		_, hex, _ := strings.Cut(fields[local], ":")
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
			inodes[fields[inode]] = true
		}
	}
}

// owner finds a process that holds one of the sockets. Those of other users
// cannot be seen without being root.
func owner(inodes map[string]bool) Holder {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(target, "socket:[") || !inodes[strings.Trim(target, "socket:[]")] {
			continue
		}
		folder := filepath.Dir(filepath.Dir(link))
		pid, _ := strconv.Atoi(filepath.Base(folder))
		name, _ := os.ReadFile(filepath.Join(folder, "comm"))
		return Holder{Name: strings.TrimSpace(string(name)), PID: pid}
	}
	return Holder{}
}

func fromLsof(fields string) Holder {
	var h Holder
	for line := range strings.Lines(fields) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "p") && h.PID == 0:
			h.PID, _ = strconv.Atoi(line[1:])
		case strings.HasPrefix(line, "c") && h.Name == "":
			h.Name = line[1:]
		}
	}
	return h
}
