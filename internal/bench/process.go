package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// measure starts a server, puts the load of a row on it, and says what the
// server's CPU time per operation was, after a short run that does not count.
func measure(w work, server string, seconds float64) (r result, err error) {
	addr, err := freeAddr()
	if err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	if w.prepare != nil {
		if err := w.prepare(dir); err != nil {
			return r, err
		}
	}
	args, err := command(server, addr, dir)
	if err != nil {
		return r, err
	}
	cmd := onCore(0, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return r, err
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM) // servers of many processes end their own
		time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
	}()
	if err := listening(addr); err != nil {
		return r, err
	}
	if _, _, err := load(w.name, addr, 0.3); err != nil {
		return r, err
	}
	before, err := cpuTime(cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	n, took, err := load(w.name, addr, seconds)
	if err != nil {
		return r, err
	}
	after, err := cpuTime(cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	if n == 0 {
		return r, errors.New("no operation came to an end")
	}
	return result{cpu: (after - before) / time.Duration(n), rate: float64(n) / took.Seconds()}, nil
}

// command is how a server is started: this program, or one of another's. dir
// holds what the row has prepared, and takes what the server needs.
func command(server, addr, dir string) ([]string, error) {
	if program, ok := programs[server]; ok {
		return program(addr, dir)
	}
	return []string{os.Args[0], "-serve", server, addr, dir}, nil
}

// onCore returns the command, pinned. Go's scheduler sees one core then.
func onCore(core int, args ...string) *exec.Cmd {
	return exec.Command("taskset", append([]string{"-c", strconv.Itoa(core)}, args...)...)
}

// load runs the generator on the other core.
func load(name, addr string, seconds float64) (operations int, took time.Duration, err error) {
	out, err := onCore(1, os.Args[0], "-load", name, "-seconds", strconv.FormatFloat(seconds, 'f', -1, 64), addr).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("load: %w: %s", err, bytes.TrimSpace(out))
	}
	_, err = fmt.Sscan(string(out), &operations, &took)
	return operations, took, err
}

// cpuTime returns what a process and all below it have used, those that have
// ended among them, from /proc: user and system time in ticks of 10 ms.
func cpuTime(pid int) (total time.Duration, err error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	parent, used := make(map[int]int), make(map[int]time.Duration)
	for _, name := range names {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// The name of the program, in parentheses, may hold anything.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		var n [5]int // parent; user, system; of children that have ended: user, system
		for i, field := range []int{1, 11, 12, 13, 14} {
			if n[i], err = strconv.Atoi(fields[field]); err != nil {
				return 0, err
			}
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			return 0, err
		}
		parent[id] = n[0]
		used[id] = time.Duration(n[1]+n[2]+n[3]+n[4]) * 10 * time.Millisecond
	}
	for id := range parent {
		for up := id; up != 0; up = parent[up] {
			if up == pid {
				total += used[id]
				break
			}
		}
	}
	return total, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// listening waits until a server takes connections.
func listening(addr string) error {
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			return c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("nobody listens on %s", addr)
}
