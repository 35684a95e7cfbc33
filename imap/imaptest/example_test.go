package imaptest_test

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imaptest"
)

// serve begins a server on loopback, as a program that is to be tested would be.
func serve() *imaptest.Target {
	store := imapmem.New()
	if err := store.AddUser("ann", "secret"); err != nil {
		panic(err)
	}
	users := imaptest.Accept("ann", "secret")
	users.Cleartext = auth.CleartextAny
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go (&imapserver.Server{Backend: store, Auth: users}).Serve(l)
	return &imaptest.Target{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		},
		Login: &auth.Credentials{Username: "ann", Password: "secret"},
	}
}

// The suite without package testing: what does a server do about some of the rules?
func Example() {
	target := serve()
	for _, c := range imaptest.Cases() {
		if slices.Contains([]string{"AUT-5", "RO-1", "NUM-5"}, c.ID) {
			fmt.Println(c.Run(context.Background(), target))
		}
	}
	// Output:
	// AUT-5 (MUST; RFC 9051, section 6.2.1): a command in one packet with STARTTLS is never answered: skipped: the Target does not have what is needed: tls
	// RO-1 (MUST; RFC 9051, section 6.4.1): CLOSE behind EXAMINE removes nothing: passed
	// NUM-5 (MUST; RFC 9051, section 9): what is no number is refused, and no fault of the server: passed
}

// What becomes of a case is an Outcome, whose parts a report can be made of.
func ExampleCase_Run() {
	target := serve()
	target.Known = map[string]string{"VIEW-3": "to show what that looks like"}
	for _, c := range imaptest.Cases() {
		if c.ID == "VIEW-3" {
			o := c.Run(context.Background(), target)
			fmt.Println(o.Verdict, c.Level, c.Harm)
			fmt.Println(o.Reason)
		}
	}
	// Output:
	// failed MUST changes
	// the case is in Known, and passes: to show what that looks like
}
