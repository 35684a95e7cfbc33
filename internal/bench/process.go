package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// measure starts a server, puts the load of a row on it, and says what the
// server's CPU time per operation was, after a short run that does not count.
func measure(w work, server string, seconds float64) (r result, err error) {
	addr, err := freeAddr()
	if err != nil {
		return r, err
	}
	cmd := onCore(0, command(server, addr)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return r, err
	}
	defer func() {
		cmd.Process.Kill()
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

// command is how a server is started: this program, or one of another's.
func command(server, addr string) []string {
	if program, ok := programs[server]; ok {
		return program(addr)
	}
	return []string{cmp.Or(os.Args[0]), "-serve", server, addr}
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

// cpuTime returns what a process has used, from /proc: user and system time in
// ticks of 10 ms.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name of the program, in parentheses, may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
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
