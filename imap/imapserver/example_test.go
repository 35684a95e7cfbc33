package imapserver_test

import (
	"bufio"
	"context"
	"fmt"
	"net"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
)

// talk sends commands one by one and prints what comes.
func talk(srv *imapserver.Server, commands ...string) {
	near, far := memnet.Pipe(memnet.Options{})
	go srv.ServeConn(context.Background(), far)
	r := bufio.NewScanner(near)
	r.Scan() // the greeting
	for _, command := range commands {
		fmt.Fprintf(near, "a %s\r\n", command)
		for r.Scan() && r.Text()[0] == '*' {
			fmt.Println(r.Text())
		}
		fmt.Println(r.Text())
	}
	near.Close()
}

// A server on a loopback address, with mail in memory.
func Example() {
	store := imapmem.New()
	store.AddUser("ann", "secret")
	srv := &imapserver.Server{
		Backend: store,
		Auth:    &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny}, // LOGIN without TLS
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- srv.Serve(l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	greeting := bufio.NewScanner(c)
	greeting.Scan()
	fmt.Println(greeting.Text()[:4])
	srv.Close()
	fmt.Println(<-done)
	// Output:
	// * OK
	// server closed
}

// Whoever wraps a backend embeds what it wraps: all methods are there, and one
// is another.
type quiet struct{ imapserver.Account }

func (quiet) Subscribe(context.Context, string, bool) error {
	return imap.No("NOPERM", "nothing is subscribed to here")
}

type quietBackend struct{ *imapmem.Store }

func (q quietBackend) Open(ctx context.Context, id auth.Identity, c *imapserver.Conn) (imapserver.Account, error) {
	a, err := q.Store.Open(ctx, id, c)
	return quiet{a}, err
}

func ExampleAccount() {
	store := imapmem.New()
	store.AddUser("ann", "secret")
	srv := &imapserver.Server{
		Backend: quietBackend{store},
		Auth:    &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny},
		Caps:    func(*imapserver.Conn, []imap.Cap) []imap.Cap { return []imap.Cap{imap.CapRev1} },
	}
	talk(srv, "LOGIN ann secret", "SUBSCRIBE INBOX", `LIST "" *`)
	// Output:
	// a OK [CAPABILITY IMAP4rev1] logged in
	// a NO [NOPERM] nothing is subscribed to here
	// * LIST (\HasNoChildren) "/" INBOX
	// a OK done
}

// An extension of one's own: the grammar of a command, and what it does.
func ExampleExtension() {
	greet := imapserver.Extension{
		Feature: &imap.Feature{
			Name: "X-GREET",
			Commands: []imap.CommandSpec{{
				Name: "X-GREET", In: imap.States(imap.Authenticated, imap.Selected),
				Parse: func(p *imap.Parser, c *imap.Command) {
					p.SP()
					c.Args = string(p.AString())
				},
			}},
		},
		Commands: map[string]imapserver.Command{
			"X-GREET": func(_ context.Context, c *imapserver.Conn, ev *imap.CommandEvent) error {
				if ev.Args == "nobody" {
					return imap.No("NONEXISTENT", "there is nobody of that name")
				}
				id, _ := c.Identity()
				c.Encoder().Status("*", imap.Status{Text: id.Authzid + " greets " + ev.Args.(string)})
				return nil
			},
		},
	}
	store := imapmem.New()
	store.AddUser("ann", "secret")
	srv := &imapserver.Server{
		Backend:    store,
		Auth:       &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny},
		Extensions: []imapserver.Extension{greet},
	}
	talk(srv, "LOGIN ann secret", "X-GREET bob", "X-GREET nobody", "X-GREET")
	// Output:
	// a OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ X-GREET] logged in
	// * OK ann greets bob
	// a OK done
	// a NO [NONEXISTENT] there is nobody of that name
	// a BAD syntax error: want a space
}
