package netserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A visitor is a Member that notes what is asked of it.
type visitor struct {
	addr             string
	stopped, aborted chan struct{}
}

func newVisitor(addr string) *visitor {
	return &visitor{addr, make(chan struct{}, 9), make(chan struct{}, 9)}
}

func (v *visitor) Remote() netip.AddrPort {
	if v.addr == "" {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.MustParseAddr(v.addr), 1)
}
func (v *visitor) Stop()  { v.stopped <- struct{}{} }
func (v *visitor) Abort() { v.aborted <- struct{}{} }

func TestAdmit(t *testing.T) {
	tests := []struct {
		name  string
		most  Limits
		addrs []string
		want  error // of the last
	}{
		{"one", Limits{}, []string{"192.0.2.1"}, nil},
		{"total", Limits{Total: 2}, []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, ErrTotal},
		{"total counts loopback", Limits{Total: 2}, []string{"127.0.0.1", "::1", "127.0.0.1"}, ErrTotal},
		{"per address", Limits{PerIP: 2}, []string{"192.0.2.1", "192.0.2.1", "192.0.2.1"}, ErrPerIP},
		{"mapped addresses are the same", Limits{PerIP: 1}, []string{"192.0.2.1", "::ffff:192.0.2.1"}, ErrPerIP},
		{"other address", Limits{PerIP: 1}, []string{"192.0.2.1", "192.0.2.2"}, nil},
		{"one /64", Limits{PerIP: 1}, []string{"2001:db8::1", "2001:db8::2:1"}, ErrPerIP},
		{"two /64", Limits{PerIP: 1}, []string{"2001:db8::1", "2001:db8:0:1::1"}, nil},
		{"loopback is exempt", Limits{PerIP: 1}, []string{"127.0.0.1", "127.0.0.1", "::1", "::1"}, nil},
		{"no address", Limits{PerIP: 1}, []string{"", ""}, nil},
		{"no limit", Limits{Total: -1, PerIP: -1}, []string{"192.0.2.1", "192.0.2.1", "192.0.2.1"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g Group
			var admitted []*visitor
			for i, addr := range tt.addrs {
				v := newVisitor(addr)
				err := g.Admit(v, tt.most)
				want := error(nil)
				if i == len(tt.addrs)-1 {
					want = tt.want
				}
				if err != want {
					t.Fatalf("visitor %d: %v, want %v", i, err, want)
				}
				if err == nil {
					admitted = append(admitted, v)
				}
			}
			for _, v := range admitted {
				g.Dismiss(v)
			}
			if len(g.members) > 0 || len(g.perIP) > 0 {
				t.Errorf("left behind: %v, %v", g.members, g.perIP)
			}
		})
	}
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		quick, slow := newVisitor("192.0.2.1"), newVisitor("192.0.2.2")
		for _, v := range []*visitor{quick, slow} {
			if err := g.Admit(v, Limits{}); err != nil {
				t.Fatal(err)
			}
		}
		go func() {
			<-quick.stopped
			g.Dismiss(quick)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("with one left: %v", err)
		}
		<-slow.stopped
		<-slow.aborted
		if err := g.Admit(newVisitor(""), Limits{}); err != ErrClosed {
			t.Errorf("Admit: %v, want ErrClosed", err)
		}
		g.Dismiss(slow)
		if err := g.Shutdown(t.Context()); err != nil {
			t.Errorf("with none left: %v", err)
		}
		if err := g.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// Who has nobody to wait for does not say that he waited too long.
func TestShutdownOfNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if err := new(Group).Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// A member is counted by the address that it had when it was admitted last, and
// goes once, whatever it says of itself then.
func TestAdmitAgain(t *testing.T) {
	var g Group
	most := Limits{Total: 2, PerIP: 1}
	v, other := newVisitor(""), newVisitor("192.0.2.1")
	for _, m := range []Member{v, other} {
		if err := g.Admit(m, most); err != nil {
			t.Fatal(err)
		}
	}
	v.addr = "192.0.2.1"
	if err := g.Admit(v, most); err != ErrPerIP {
		t.Errorf("under an address that is taken: %v", err)
	}
	v.addr = "192.0.2.2"
	if err := g.Admit(v, most); err != nil {
		t.Errorf("under another one: %v", err)
	}
	v.addr = "192.0.2.3"
	for range 2 {
		g.Dismiss(v)
		g.Dismiss(other)
	}
	if len(g.members) > 0 || len(g.perIP) > 0 {
		t.Errorf("left behind: %v, %v", g.members, g.perIP)
	}
	if err := g.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	g.Dismiss(v)
}

// A failer is a listener that fails a few times, then has a connection, then is closed.
type failer struct {
	errs   []error
	closed chan struct{}
}

func (f *failer) Accept() (net.Conn, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		if err != nil {
			return nil, err
		}
		c, _ := net.Pipe()
		return c, nil
	}
	<-f.closed
	return nil, net.ErrClosed
}
func (f *failer) Addr() net.Addr { return nil }
func (f *failer) Close() error {
	select {
	case <-f.closed:
	default:
		close(f.closed)
	}
	return nil
}

// Shutdown waits for what Serve has begun, also where that is not let in.
func TestShutdownWaitsForServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		l := &failer{errs: []error{nil}, closed: make(chan struct{})}
		done := make(chan error)
		go func() { done <- g.Serve(l, slog.New(slog.DiscardHandler), func(net.Conn) { time.Sleep(time.Minute) }) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("within a second: %v", err)
		}
		began := time.Now()
		if err := g.Shutdown(t.Context()); err != nil || time.Since(began) != 59*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := <-done; err != ErrClosed {
			t.Errorf("Serve: %v", err)
		}
	})
}

// Running out of files is waited out; any other failure ends Serve.
func TestServe(t *testing.T) {
	full := &net.OpError{Op: "accept", Err: syscall.EMFILE}
	broken := errors.New("broken")
	log := slog.New(slog.DiscardHandler)
	t.Run("out of files", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g Group
			l := &failer{errs: []error{full, full, nil}, closed: make(chan struct{})}
			served := make(chan struct{})
			done := make(chan error)
			began := time.Now()
			go func() { done <- g.Serve(l, log, func(net.Conn) { close(served) }) }()
			<-served
			if took := time.Since(began); took != 15*time.Millisecond {
				t.Errorf("waited for %v, want 5 ms and 10 ms", took)
			}
			g.Close()
			if err := <-done; err != ErrClosed {
				t.Errorf("Serve: %v", err)
			}
			if err := g.Serve(l, log, nil); err != ErrClosed {
				t.Errorf("Serve again: %v", err)
			}
		})
	})
	t.Run("broken", func(t *testing.T) {
		var g Group
		l := &failer{errs: []error{broken}, closed: make(chan struct{})}
		if err := g.Serve(l, log, nil); err != broken {
			t.Errorf("Serve: %v", err)
		}
	})
}
