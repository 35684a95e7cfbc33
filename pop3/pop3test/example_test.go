package pop3test_test

import (
	"context"
	"fmt"
	"net"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// The suite without package testing, as a command would use it. The server is ours,
// in memory; any other is reached by its own Dial.
func ExampleCase_Run() {
	store := pop3test.NewMemory()
	accounts := pop3test.Accept("ann", "secret")
	accounts.Cleartext = auth.CleartextAny
	l := memnet.Listen(memnet.Options{})
	go (&pop3server.Server{Hostname: "pop.example", Backend: store, Auth: accounts, Cleartext: true}).Serve(context.Background(), l)

	target := &pop3test.Target{
		Dial:  func(ctx context.Context) (net.Conn, error) { return l.DialContext(ctx, "tcp", "pop.example:110") },
		Login: &auth.Credentials{Username: "ann", Password: "secret"},
		Reset: func(_ context.Context, messages []string) error { store.Set(messages...); return nil },
	}
	for _, c := range pop3test.Cases() {
		if c.ID == "BARE-44" || c.ID == "LANG-25c" {
			o := c.Run(context.Background(), target)
			fmt.Printf("%s (%s): %s %q\n", c.ID, c.Level, o.Verdict, o.Reason)
		}
	}
	// Unordered output:
	// BARE-44 (practice): passed ""
	// LANG-25c (MUST): skipped "the server does not offer LANG"
}
