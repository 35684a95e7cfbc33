package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	netsmtp "net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// start runs the program, and returns its address and what stops it.
func start(t *testing.T, args ...string) (addr string, stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append(args, "-listen", "127.0.0.1:0"), w) }()
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("got %q", line)
	}
	return addr, func() error { cancel(); return <-ended }
}

// files returns what a folder has, by extension.
func files(t *testing.T, dir, ext string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"+ext))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestStore: the client of the standard library delivers a message, and there is a
// file with it and one with its envelope.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	addr, stop := start(t, "-dir", dir)
	to := []string{"you@example.org", "them@EXAMPLE.org", "postmaster"}
	if err := netsmtp.SendMail(addr, nil, "me@example.com", to, []byte("Subject: hi\r\n\r\n.hello\r\n")); err != nil {
		t.Fatal(err)
	}
	eml, sidecar := files(t, dir, ".eml"), files(t, dir, ".json")
	if len(eml) != 1 || len(sidecar) != 1 || strings.TrimSuffix(eml[0], ".eml") != strings.TrimSuffix(sidecar[0], ".json") {
		t.Fatalf("got %q and %q", eml, sidecar)
	}
	m := read(t, eml[0])
	if !strings.HasPrefix(m, "Return-Path: <me@example.com>\r\nReceived: from ") || !strings.HasSuffix(m, "\r\nSubject: hi\r\n\r\n.hello\r\n") {
		t.Errorf("got %q", m)
	}
	var e envelope
	if err := json.Unmarshal([]byte(read(t, sidecar[0])), &e); err != nil {
		t.Fatal(err)
	}
	if e.From != "me@example.com" || strings.Join(e.To, " ") != "you@example.org them@EXAMPLE.org postmaster" || e.Octets != 23 {
		t.Errorf("got %+v", e)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); len(left) != 0 || err != nil {
		t.Errorf("%d temporary files, %v", len(left), err)
	}
}

// TestLimits: what is refused leaves no file.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	addr, stop := start(t, "-dir", dir, "-size", "1000", "-rcpts", "2", "-domains", "a.example,b.example")
	for _, tt := range []struct {
		name string
		to   []string
		body string
		want int
	}{
		{"another domain", []string{"you@c.example"}, "x", 550},
		{"too many recipients", []string{"1@a.example", "2@a.example", "3@b.example"}, "x", 452},
		{"too large", []string{"you@a.example"}, strings.Repeat("x", 1000), 552},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := netsmtp.SendMail(addr, nil, "me@example.com", tt.to, []byte("Subject: hi\r\n\r\n"+tt.body+"\r\n"))
			if e, ok := errors.AsType[*textproto.Error](err); !ok || e.Code != tt.want {
				t.Errorf("got %v, want %d", err, tt.want)
			}
		})
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if eml, sidecar := files(t, dir, ".eml"), files(t, dir, ".json"); len(eml)+len(sidecar) != 0 {
		t.Errorf("got %q, %q", eml, sidecar)
	}
}

// TestGracefulEnd: a message that is on its way when the program is told to end is
// stored, and its sender told so.
func TestGracefulEnd(t *testing.T) {
	dir := t.TempDir()
	addr, stop := start(t, "-dir", dir)
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := textproto.NewConn(nc)
	expect := func(code int) {
		t.Helper()
		if _, _, err := c.ReadResponse(code); err != nil {
			t.Fatal(err)
		}
	}
	expect(220)
	for _, line := range []string{"EHLO c.example", "MAIL FROM:<>", "RCPT TO:<you@example.org>"} {
		c.PrintfLine("%s", line)
		expect(250)
	}
	c.PrintfLine("DATA")
	expect(354)
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for { // until the listener is closed, which is the first thing that Shutdown does
		other, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		other.Close()
	}
	c.PrintfLine("Subject: late\r\n\r\nbut here\r\n.")
	expect(250)
	expect(421)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if eml := files(t, dir, ".eml"); len(eml) != 1 || !strings.HasSuffix(read(t, eml[0]), "but here\r\n") {
		t.Errorf("got %q", eml)
	}
}
