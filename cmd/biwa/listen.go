package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/biwa-data/biwa/internal/record"
)

// listen opens a listener; where the port is taken it names who holds it and the
// flag that chooses another.
func listen(address, flag string, open bool) (net.Listener, error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, usagef("--%s %s: want an address such as 127.0.0.1:2492: %w", flag, address, err)
	}
	if open && !onLoopback(host) {
		return nil, record.Errorf(record.Invalid, "--%s %s: a node without keys listens on loopback only; add keys to biwa.yaml to serve others", flag, address)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is taken%s: stop it, or choose another with --%s", port, holderOf(port), flag)
	}
	return l, err
}

// splitAddress is an address to listen on as host and port; without a host it is the
// loopback address.
func splitAddress(address string) (host, port string, err error) {
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	if host, port, err = net.SplitHostPort(address); host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	return host, port, err
}

// onLoopback says whether a host is reached from this machine only.
func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// holderOf names the process that listens on a port, as far as /proc tells.
func holderOf(port string) string {
	inode := listeningSocket(port)
	if inode == "" {
		return ""
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == "socket:["+inode+"]" {
			pid := strings.Split(link, "/")[2]
			name, err := os.ReadFile("/proc/" + pid + "/comm")
			if err != nil {
				name = []byte("a process")
			}
			return fmt.Sprintf(" by %s (pid %s)", strings.TrimSpace(string(name)), pid)
		}
	}
	return " by another process"
}

// listeningSocket is the inode of the socket that listens on a port, "" without one.
func listeningSocket(port string) string {
	number, err := strconv.Atoi(port)
	if err != nil {
		return ""
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			const listening = "0A"
			if len(fields) > 9 && fields[3] == listening && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", number)) {
				f.Close()
				return fields[9]
			}
		}
		f.Close()
	}
	return ""
}
