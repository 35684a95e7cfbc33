package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
)

// start runs the program, and returns its address and what stops it.
func start(t *testing.T, args ...string) (addr string, stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, w) }()
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	return strings.TrimPrefix(strings.TrimSpace(line), "listening on "), func() error { cancel(); return <-ended }
}

// stored returns the messages of a user.
func stored(t *testing.T, dir, user string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, user, "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		names[i] = string(b)
	}
	return names
}

// TestDeliver: each recipient has a result of its own, and the folders of those that
// were accepted have the message once.
func TestDeliver(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			dir := t.TempDir()
			for _, user := range []string{"ann", "bob", "full"} {
				if err := os.Mkdir(filepath.Join(dir, user), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "full", "new"), nil, 0o600); err != nil { // nothing can be stored there
				t.Fatal(err)
			}
			listen := "127.0.0.1:0"
			if network == "unix" {
				sockets, err := os.MkdirTemp("", "lmtp") // short, as the name of a socket must be
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(sockets)
				listen = "unix:" + filepath.Join(sockets, "s")
			}
			addr, stop := start(t, "-dir", dir, "-listen", listen)
			d := &smtpclient.Dialer{Addr: addr, Protocol: smtp.LMTP, TLS: auth.TLSPolicy{Level: auth.TLSNever},
				Dial: func(ctx context.Context, _, addr string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, addr)
				}}
			to := []string{"ann@example.org", "Ann+tag@example.org", "eve@example.org", "full@example.org", "bob@example.org", `"../bob"@example.org`}
			result, err := d.Send(t.Context(), smtp.NewEnvelope("me@example.com", to...), strings.NewReader("Subject: hi\r\n\r\nhello\r\n"))
			if err == nil {
				t.Error("everybody has got it")
			}
			for i, want := range []int{250, 250, 550, 451, 250, 550} {
				got := result.Rcpts[i].Final.Code
				if got == 0 {
					got = result.Rcpts[i].Rcpt.Code
				}
				if got != want {
					t.Errorf("%s: %d, want %d", to[i], got, want)
				}
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			for user, delivered := range map[string]string{"ann": "ann@example.org", "bob": "bob@example.org"} {
				all := stored(t, dir, user)
				if len(all) != 1 {
					t.Errorf("%s has %q", user, all)
					continue
				}
				top := "Return-Path: <me@example.com>\r\nDelivered-To: " + delivered + "\r\nReceived: "
				if !strings.HasPrefix(all[0], top) || !strings.HasSuffix(all[0], "\r\nSubject: hi\r\n\r\nhello\r\n") {
					t.Errorf("%s has %q", user, all[0])
				}
			}
			if left, err := os.ReadDir(filepath.Join(dir, ".tmp")); len(left) != 0 || err != nil {
				t.Errorf("%d temporary files, %v", len(left), err)
			}
		})
	}
}
