package pop3client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3/pop3client"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// exampleDialer returns a Dialer for a server in memory. One for a server on the
// network has an Addr, Credentials, and TLS that is verified unless told otherwise.
func exampleDialer(messages ...string) (*pop3client.Dialer, *pop3test.Memory) {
	store := pop3test.NewMemory(messages...)
	me := auth.Credentials{Username: "mrose", Password: "tanstaaf"}
	accounts := pop3test.Accept(me.Username, me.Password)
	accounts.Cleartext = auth.CleartextAny
	l := memnet.Listen(memnet.Options{})
	go (&pop3server.Server{Backend: store, Auth: accounts, Cleartext: true}).Serve(context.Background(), l)
	return &pop3client.Dialer{
		Addr:        "pop.example:110",
		TLS:         auth.TLSPolicy{Level: auth.TLSNever},
		Auth:        auth.ClientPolicy{Cleartext: auth.CleartextAny},
		Credentials: me,
		Dial:        l.DialContext,
	}, store
}

// Leave the mail on the server, and fetch what was not fetched before, the next
// message being on its way while one is read.
func ExampleClient_RetrAll() {
	d, _ := exampleDialer("Subject: one\r\n\r\n1\r\n", "Subject: two\r\n\r\n2\r\n", "Subject: three\r\n\r\n3\r\n")
	seen := map[string]bool{"uid-1": true} // kept from the last time

	ctx := context.Background()
	c, err := d.Connect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	all, err := c.UIDs(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var fresh []int
	for _, e := range all {
		if !seen[e.UID] {
			fresh = append(fresh, e.N)
		}
	}
	for m, err := range c.RetrAll(ctx, fresh) {
		if err != nil {
			log.Fatal(err)
		}
		text, err := io.ReadAll(m)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d: %q\n", m.N, text)
	}
	// Output:
	// 2: "Subject: two\r\n\r\n2\r\n"
	// 3: "Subject: three\r\n\r\n3\r\n"
}

// Fetch everything, and delete it once it is safe.
func ExampleDialer_Connect() {
	d, store := exampleDialer("Subject: one\r\n\r\n1\r\n", "Subject: two\r\n\r\n2\r\n")
	ctx := context.Background()
	c, err := d.Connect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close() // never deletes
	all, err := c.UIDs(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range all {
		r, err := c.Retr(ctx, e.N)
		if err != nil {
			log.Fatal(err)
		}
		message, err := io.ReadAll(r)
		if err != nil {
			log.Fatal(err) // a connection that was lost, never a short message
		}
		subject, _, _ := strings.Cut(string(message), "\r\n")
		fmt.Println(e.UID, subject)
		if err := c.Dele(ctx, e.N); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(len(store.Contents()), "before QUIT")
	if err := c.Quit(ctx); err != nil { // commits
		log.Fatal(err)
	}
	fmt.Println(len(store.Contents()), "behind it")
	// Output:
	// uid-1 Subject: one
	// uid-2 Subject: two
	// 2 before QUIT
	// 0 behind it
}

// A connection that is there already. Without Credentials the client logs in when it
// is told to.
func ExampleNewClient() {
	d, _ := exampleDialer("Subject: one\r\n\r\n1\r\n")
	me := d.Credentials
	d.Credentials = auth.Credentials{}
	ctx := context.Background()
	nc, err := d.Dial(ctx, "tcp", d.Addr)
	if err != nil {
		log.Fatal(err)
	}
	c, err := pop3client.NewClient(ctx, nc, d)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(ctx, me); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Stat(ctx))
	// Output: 1 19 <nil>
}
