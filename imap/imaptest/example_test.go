package imaptest_test

import (
	"context"
	"fmt"
	"net"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imaptest"
	"github.com/mailwire/mailwire/internal/memnet"
)

// The suite without package testing: what does a server do about one rule?
func ExampleCase_Run() {
	store := imapmem.New()
	if err := store.AddUser("ann", "secret"); err != nil {
		fmt.Println(err)
		return
	}
	srv := &imapserver.Server{Backend: store, Auth: imaptest.Accept("ann", "secret")}
	srv.Auth.Cleartext = auth.CleartextAny
	target := &imaptest.Target{
		Dial: func(context.Context) (net.Conn, error) {
			near, far := memnet.Pipe(memnet.Options{})
			go srv.ServeConn(context.Background(), far)
			return near, nil
		},
		Login: &auth.Credentials{Username: "ann", Password: "secret"},
	}
	for _, c := range imaptest.Cases() {
		if c.ID == "VIEW-3" {
			fmt.Println(c.Run(context.Background(), target))
		}
	}
	// Output:
	// VIEW-3 (MUST; RFC 9051, section 7.5.1): STORE by number changes the message that the session knows by it: passed
}
