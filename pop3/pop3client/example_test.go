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

// Fetch what is new, and delete it once it is safe. The server is one in memory;
// one on the network has an Addr, and TLS that is verified unless told otherwise.
func ExampleDialer_Connect() {
	store := pop3test.NewMemory("Subject: one\r\n\r\n1\r\n", "Subject: two\r\n\r\n2\r\n")
	me := auth.Credentials{Username: "mrose", Password: "tanstaaf"}
	accounts := pop3test.Accept(me.Username, me.Password)
	accounts.Cleartext = auth.CleartextAny
	l := memnet.Listen(memnet.Options{})
	go (&pop3server.Server{Backend: store, Auth: accounts, Cleartext: true}).Serve(context.Background(), l)

	d := &pop3client.Dialer{
		Addr:        "pop.example:110",
		TLS:         auth.TLSPolicy{Level: auth.TLSNever},
		Auth:        auth.ClientPolicy{Cleartext: auth.CleartextAny},
		Credentials: me,
		Dial:        l.DialContext,
	}
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
