package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// A server is one of IMAP whose connections can be cut.
type server struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (s *server) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conns = append(s.conns, c)
	}
	return c, err
}

// cut ends the connections that there are.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

func serve(t *testing.T, store *imapmem.Store) *server { return serveTLS(t, store, nil) }

func serveTLS(t *testing.T, store *imapmem.Store, cfg *tls.Config) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	imap := &imapserver.Server{Backend: store, TLS: cfg, Auth: &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny, Floor: -1}}
	go imap.Serve(s)
	t.Cleanup(func() { imap.Close() })
	return s
}

func newStore() *imapmem.Store {
	store := imapmem.New()
	store.AddUser("ann", "secret")
	return store
}

func deliver(t *testing.T, store *imapmem.Store, subject string) {
	t.Helper()
	if _, err := store.Deliver("ann", "INBOX", []byte("From: Eve <eve@example.org>\r\nSubject: "+subject+"\r\n\r\nbody of "+subject+"\r\n")); err != nil {
		t.Fatal(err)
	}
}

// A program is one that runs.
type program struct {
	t       *testing.T
	out     *bufio.Reader
	stop    func() error  // ends it
	waiting chan struct{} // closed when it waits for news
	once    sync.Once
}

// Write is told the log.
func (p *program) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("msg=waiting")) {
		p.once.Do(func() { close(p.waiting) })
	}
	return len(line), nil
}

func start(t *testing.T, s *server, args ...string) *program {
	t.Setenv("MAIL_PASSWORD", "secret")
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	ended := make(chan error, 1)
	p := &program{t: t, out: bufio.NewReader(r), waiting: make(chan struct{}), stop: func() error { cancel(); return <-ended }}
	go func() {
		err := run(ctx, append([]string{"-server", s.Addr().String(), "-user", "ann", "-insecure", "-retry", "1ms"}, args...), w, p)
		w.CloseWithError(fmt.Errorf("the program has ended: %w", err))
		ended <- err
	}()
	return p
}

// expect wants messages of these subjects, in lines of the output.
func (p *program) expect(subjects ...string) {
	p.t.Helper()
	for _, want := range subjects {
		line, err := p.out.ReadString('\n')
		if err != nil {
			p.t.Fatal(err)
		}
		columns := strings.Split(line, "\t")
		if len(columns) != 5 || columns[2] != `"eve@example.org"` || columns[3] != fmt.Sprintf("%q", want) {
			p.t.Errorf("got %q, want %q", line, want)
		}
	}
}

// end stops it, which is no error.
func (p *program) end() {
	p.t.Helper()
	if err := p.stop(); err != nil {
		p.t.Error(err)
	}
}

// TestFetch: what is there, what comes, what comes when the connection was lost, and
// what has come while the program did not run: each once.
func TestFetch(t *testing.T) {
	store, dir := newStore(), t.TempDir()
	s := serve(t, store)
	deliver(t, store, "one")
	deliver(t, store, "=?utf-8?q?zw=C3=B6lf?=")
	p := start(t, s, "-all", "-dir", dir)
	p.expect("one", "zwölf")
	deliver(t, store, "three")
	p.expect("three")
	s.cut()
	deliver(t, store, "four")
	p.expect("four")
	p.end()

	deliver(t, store, "five")
	p = start(t, s, "-all", "-dir", dir)
	p.expect("five")
	p.end()
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if len(files) != 5 || err != nil {
		t.Fatalf("%q, %v", files, err)
	}
	if b, err := os.ReadFile(files[0]); !strings.HasSuffix(string(b), "\r\n\r\nbody of one\r\n") || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// TestFromNow: without -all, what is there is not news.
func TestFromNow(t *testing.T) {
	store := newStore()
	s := serve(t, store)
	deliver(t, store, "old")
	state := filepath.Join(t.TempDir(), "state.json")
	p := start(t, s, "-state", state)
	<-p.waiting
	p.end()
	deliver(t, store, "new")
	p = start(t, s, "-state", state)
	p.expect("new")
	p.end()
}

// TestAnew: numbers that mean nothing any more are not gone by.
func TestAnew(t *testing.T) {
	store := newStore()
	deliver(t, store, "one")
	state := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(state, []byte(`{"UIDValidity":1,"Seen":"1:100"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, serve(t, store), "-state", state)
	p.expect("one")
	p.end()
}

// TestFinal: what cannot get better ends the program.
func TestFinal(t *testing.T) {
	addr := serve(t, newStore()).Addr().String()
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	stranger := serveTLS(t, newStore(), &tls.Config{Certificates: web.TLS.Certificates}).Addr().String()
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"wrong user", "AUTHENTICATIONFAILED", []string{"-user", "bob"}},
		{"no such mailbox", "NONEXISTENT", []string{"-mailbox", "lists"}},
		{"no TLS", "TLS", []string{"-insecure=false"}},
		{"not the server that is meant", "certificate", []string{"-insecure=false", "-server", stranger}},
		{"no place for the state", "missing", []string{"-state", filepath.Join(t.TempDir(), "missing", "state.json")}},
		{"no certificates", "PEM", []string{"-cafile", os.DevNull}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("MAIL_PASSWORD", "secret")
			args := []string{"-server", addr, "-user", "ann", "-insecure", "-state", filepath.Join(t.TempDir(), "state.json")}
			err := run(t.Context(), append(args, tt.args...), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestNext(t *testing.T) {
	for text, want := range map[string]imap.UID{"": 1, "1:5": 6, "1:3,9": 4, "2:9": 1} {
		var s state
		if err := s.Seen.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := s.next(); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
