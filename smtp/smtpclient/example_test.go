package smtpclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
	"github.com/mailwire/mailwire/smtp/smtpserver"
	"github.com/mailwire/mailwire/smtp/smtptest"
)

// dial reaches a server in memory that knows nobody by the name of stranger.
func dial(context.Context, string, string) (net.Conn, error) {
	c, _ := smtptest.Pipe(&smtpserver.Server{Hostname: "mx.example", Handler: &smtptest.Recorder{Refuse: func(to smtp.Rcpt) error {
		if to.Path.Local == "stranger" {
			return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "nobody of that name"}
		}
		return nil
	}}})
	return c, nil
}

// Without Dial this would be a connection over TCP, and without Level: TLSNever
// verified TLS, which is the zero value.
func Example() {
	d := &smtpclient.Dialer{Addr: "mx.example:25", TLS: auth.TLSPolicy{Level: auth.TLSNever}, Dial: dial}
	_, err := d.Send(context.Background(), smtp.NewEnvelope("me@a.example", "you@b.example"), strings.NewReader("Subject: hello\n\nhello\n"))
	fmt.Println(err)
	// Output: <nil>
}

// Those who are accepted get the message, and for each of the others there is
// a reason.
func ExampleClient_Send() {
	ctx := context.Background()
	c, err := (&smtpclient.Dialer{Addr: "mx.example:25", TLS: auth.TLSPolicy{Level: auth.TLSNever}, Dial: dial}).Connect(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	e := smtp.NewEnvelope("me@a.example", "you@b.example", "stranger@b.example")
	result, err := c.Send(ctx, e, strings.NewReader("Subject: hello\n\nhello\n"))
	for i, r := range result.Rcpts {
		fmt.Println(e.To[i].Path, r.Err == nil, r.Rcpt)
	}
	if failed, ok := errors.AsType[*smtpclient.SendError](err); ok {
		fmt.Println("worth trying again:", failed.Temporary())
	}
	// Output:
	// you@b.example true 250 2.1.5 recipient OK
	// stranger@b.example false 550 5.1.1 nobody of that name
	// worth trying again: false
}

// A Pool is for many goroutines.
func ExamplePool() {
	p := &smtpclient.Pool{Dialer: smtpclient.Dialer{Addr: "mx.example:25", TLS: auth.TLSPolicy{Level: auth.TLSNever}, Dial: dial}}
	defer p.Close()
	errs := make(chan error)
	for range 100 {
		go func() {
			_, err := p.Send(context.Background(), smtp.NewEnvelope("me@a.example", "you@b.example"), strings.NewReader("Subject: hello\n\n"))
			errs <- err
		}()
	}
	for range 100 {
		if err := <-errs; err != nil {
			fmt.Println(err)
		}
	}
	// Output:
}

// A proxy: the hooks of a session around one transaction upstream. Relay hands
// over what the upstream has said; every other error is ours, and told as 451.
func ExampleClient_Begin() {
	ctx := context.Background()
	up, err := (&smtpclient.Dialer{Addr: "mx.example:25", TLS: auth.TLSPolicy{Level: auth.TLSNever}, Dial: dial}).Connect(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer up.Close()
	var tx *smtpclient.Transaction
	session := &smtpserver.Session{
		Mail: func(ctx context.Context, m *smtpserver.Message) (err error) {
			tx, err = up.Begin(ctx, m.From, m.Options)
			return smtpclient.Relay(err)
		},
		Rcpt: func(ctx context.Context, m *smtpserver.Message, to smtp.Rcpt) error {
			return smtpclient.Relay(tx.Rcpt(ctx, to))
		},
		Data: func(ctx context.Context, m *smtpserver.Message) error {
			_, err := tx.Send(ctx, m)
			return smtpclient.Relay(err)
		},
		End: func(*smtpserver.Message, smtpserver.EndReason) { tx.Abort(context.Background()) },
	}
	front, _ := smtptest.Pipe(&smtpserver.Server{Hostname: "proxy.example", Handler: smtpserver.SessionFunc(func(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
		return session, nil
	})})
	fmt.Fprint(front, "EHLO c.example\r\nMAIL FROM:<me@a.example>\r\nRCPT TO:<stranger@b.example>\r\nQUIT\r\n")
	replies, _ := io.ReadAll(front)
	for line := range strings.Lines(string(replies)) {
		if strings.HasPrefix(line, "550") {
			fmt.Print(line)
		}
	}
	// Output: 550 5.1.1 upstream said: nobody of that name
}

// A connection that is there already, and what can be asked over it.
func ExampleNewClient() {
	ctx := context.Background()
	nc, err := dial(ctx, "", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := smtpclient.NewClient(ctx, nc, &smtpclient.Dialer{TLS: auth.TLSPolicy{Level: auth.TLSNever}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	x := c.Extensions()
	fmt.Println(x.EightBitMIME, x.StartTLS, *x.Size)
	reply, err := c.Query(ctx, smtp.VRFY, "you")
	fmt.Println(reply.Code, err)
	// Output:
	// true false 52428800
	// 252 <nil>
}

// Without an Addr that can be reached there is no result, and the error says why.
// Verified TLS is the default: this server has none.
func ExampleDialer_Connect() {
	_, err := (&smtpclient.Dialer{Addr: "mx.example:25", Dial: dial}).Connect(context.Background())
	fmt.Println(errors.Is(err, auth.ErrTLSRequired))
	// Output: true
}

// The codes of the upstream server, and its words as those of another.
func ExampleRelay() {
	upstream := &smtp.ReplyError{Command: smtp.RCPT, Reply: smtp.Reply{Code: 450, Enhanced: smtp.EnhancedCode{4, 2, 1}, Text: "greylisted"}}
	fmt.Println(smtpclient.Relay(upstream))
	fmt.Println(smtpclient.Relay(io.ErrUnexpectedEOF))
	// Output:
	// smtp: refused with 450 4.2.1 upstream said: greylisted
	// unexpected EOF
}

// A proxy tells for whom it speaks, as far as it is asked for that.
func ExampleClient_XClient() {
	ctx := context.Background()
	c, err := (&smtpclient.Dialer{Addr: "mx.example:25", TLS: auth.TLSPolicy{Level: auth.TLSNever}, Dial: dial}).Connect(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	x := smtp.XClient{Login: "ann", Given: smtp.XClientLogin & smtp.ParseXClientAttrs(c.Extensions().XClient)}
	if x.Given == 0 {
		fmt.Println("it does not want to know")
		return
	}
	fmt.Println(c.XClient(ctx, x))
	// Output: it does not want to know
}
