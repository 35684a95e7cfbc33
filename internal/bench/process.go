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

// A process is a server that runs, with all its children.
type process struct {
	cmd  *exec.Cmd
	dir  string // what is its own
	addr string // for dial
}

// start runs a server for a row, and returns when it takes connections.
func start(w work, server string) (p *process, err error) {
	p = new(process)
	if p.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	if w.prepare != nil {
		if err := w.prepare(p.dir); err != nil {
			return nil, err
		}
	}
	if w.tls {
		if err := writeCertificate(p.dir); err != nil {
			return nil, err
		}
	}
	args, err := command(server, p.addr, p.dir)
	if err != nil {
		return nil, err
	}
	p.cmd = onCore(0, args...)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := listening(p.addr); err != nil {
		return nil, err
	}
	if w.tls {
		p.addr = tlsPrefix + p.addr
	}
	return p, nil
}

// stop ends the server, and removes what it had.
func (p *process) stop() {
	if p.pid() != 0 {
		p.cmd.Process.Signal(syscall.SIGTERM) // servers of many processes end their own
		kill := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
		p.cmd.Wait()
		kill.Stop()
	}
	os.RemoveAll(p.dir)
}

// pid is 0 if the process has not begun.
func (p *process) pid() int {
	if p.cmd == nil || p.cmd.Process == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// measure puts the load of a row on a server, and says what the server's CPU time
// per operation was, after a short run that does not count.
func measure(w work, server string, seconds float64) (r result, err error) {
	p, err := start(w, server)
	if err != nil {
		return r, err
	}
	defer p.stop()
	if _, _, err := load(w.name, p.addr, 0.3); err != nil {
		return r, err
	}
	before, err := cpuTime(p.pid())
	if err != nil {
		return r, err
	}
	n, took, err := load(w.name, p.addr, seconds)
	if err != nil {
		return r, err
	}
	after, err := cpuTime(p.pid())
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
// ended among them.
func cpuTime(pid int) (total time.Duration, err error) {
	family, err := processes(pid)
	for _, p := range family {
		total += p.cpu
	}
	return total, err
}

// A member is a process as /proc has it.
type member struct {
	pid, parent int
	cpu         time.Duration // its own, and of children that have ended
}

// processes returns a process and all below it.
func processes(pid int) (family []member, err error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := make(map[int]member)
	for _, name := range names {
		m, err := readStat(name)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return nil, err
		}
		all[m.pid] = m
	}
	for _, m := range all {
		for up := m.pid; up != 0; up = all[up].parent {
			if up == pid {
				family = append(family, m)
				break
			}
		}
	}
	return family, nil
}

// readStat reads /proc/pid/stat, whose times are in ticks of 10 ms.
func readStat(name string) (m member, err error) {
	stat, err := os.ReadFile(name)
	if err != nil {
		return m, err
	}
	// The name of the program, in parentheses, may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var n [5]int // parent; user, system; of children that have ended: user, system
	for i, field := range []int{1, 11, 12, 13, 14} {
		if n[i], err = strconv.Atoi(fields[field]); err != nil {
			return m, err
		}
	}
	m.parent, m.cpu = n[0], time.Duration(n[1]+n[2]+n[3]+n[4])*10*time.Millisecond
	m.pid, err = strconv.Atoi(filepath.Base(filepath.Dir(name)))
	return m, err
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
