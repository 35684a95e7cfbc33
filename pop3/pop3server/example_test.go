package pop3server_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// A server over any store: here one in memory, on a network in memory, and so
// without TLS, which has to be allowed twice.
func ExampleServer() {
	s := &pop3server.Server{
		Hostname: "pop.example",
		Backend:  pop3test.NewMemory("Subject: hello\r\n\r\nworld\r\n"),
		Auth: &auth.Authenticator{
			CheckPassword: func(_ context.Context, user string, password auth.Secret) error {
				if user != "mrose" || password != "tanstaaf" {
					return auth.ErrCredentials
				}
				return nil
			},
			Cleartext: auth.CleartextAny,
		},
		Cleartext: true,
	}
	l := memnet.Listen(memnet.Options{})
	go s.Serve(context.Background(), l)

	c, err := l.Dial(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	io.WriteString(c, "USER mrose\r\nPASS tanstaaf\r\nTOP 1 0\r\nQUIT\r\n")
	answers, _ := io.ReadAll(c)
	fmt.Print(strings.ReplaceAll(string(answers), "\r\n", "\n"))
	fmt.Println(s.Shutdown(context.Background()))
	// Output:
	// +OK pop.example POP3 ready
	// +OK send PASS
	// +OK maildrop has 1 message (25 octets)
	// +OK top of message follows
	// Subject: hello
	//
	// .
	// +OK bye
	// <nil>
}
