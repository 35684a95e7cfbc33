package imapclient_test

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/memnet"
)

// TestLogout: RFC 9051, section 6.1.3. The connection is closed whatever comes. A
// server that hangs up, before or behind the command, has done what it was asked for.
func TestLogout(t *testing.T) {
	const greeting = "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"
	for _, tc := range []struct {
		name     string
		before   string // said before LOGOUT comes
		hangsUp  bool   // before it comes
		answer   string
		want     error // nil: none; io.EOF: any
		dontWait bool  // ctx is done while the answer is awaited
	}{
		{name: "BYE and OK", answer: "* BYE see you\r\nA1 OK done\r\n"},
		{name: "BYE", answer: "* BYE see you\r\n"},
		{name: "OK", answer: "A1 OK done\r\n"},
		{name: "half a line", answer: "* BY"},
		{name: "nothing"},
		{name: "BYE before", before: "* BYE [UNAVAILABLE] restart\r\n"},
		{name: "hung up with BYE", before: "* BYE restart\r\n", hangsUp: true},
		{name: "hung up", hangsUp: true},
		{name: "refused", answer: "A1 NO stay\r\n", want: io.EOF},
		{name: "not understood", answer: "A1 BAD what\r\n", want: io.EOF},
		{name: "garbage", answer: "HTTP/1.1 400\r\n", want: io.EOF},
		{name: "given up", dontWait: true, want: context.Canceled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := memnet.Pipe(memnet.Options{})
				go func() {
					io.WriteString(far, greeting+tc.before)
					if !tc.hangsUp {
						far.Read(make([]byte, 100))
						io.WriteString(far, tc.answer)
					}
					if !tc.dontWait {
						far.Close()
					}
				}()
				c, err := imapclient.NewClient(t.Context(), near, plainDialer())
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // it has hung up
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.dontWait {
					time.AfterFunc(time.Second, cancel)
				}
				err = c.Logout(ctx)
				switch {
				case tc.want == io.EOF && err == nil, tc.want == nil && err != nil,
					tc.want == context.Canceled && !errors.Is(err, tc.want):
					t.Errorf("got %v", err)
				}
				if err := c.Noop(t.Context()); err == nil {
					t.Error("a command behind LOGOUT")
				}
				if _, err := near.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
					t.Errorf("the connection is open: %v", err)
				}
			})
		})
	}
}

// TestLogoutReset: so has one whose end comes as a reset.
func TestLogoutReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{})
		defer far.Close()
		go io.WriteString(far, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
		c, err := imapclient.NewClient(t.Context(), near, plainDialer())
		if err != nil {
			t.Fatal(err)
		}
		near.SetFault(memnet.FailWriteAt(0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}))
		if err := c.Logout(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
