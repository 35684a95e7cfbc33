package smtpclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// The first host of a domain is down, the second one takes the message.
func ExampleDeliverer_Deliver() {
	second := &smtpserver.Server{Hostname: "mx2.example.org", Handler: smtpserver.HandlerFunc(func(_ context.Context, m *smtpserver.Message) error {
		_, err := io.Copy(io.Discard, m)
		return err
	})}
	d := &smtpclient.Deliverer{Dialer: smtpclient.Dialer{
		LocalName: "client.example",
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr != "192.0.2.2:25" {
				return nil, errors.New("no route")
			}
			client, server := net.Pipe()
			go second.ServeConn(context.Background(), server)
			return client, nil
		},
	}}
	defer d.Close()
	hosts := []smtpclient.Host{ // a plan of package dnsmx says so
		{Name: "mx1.example.org", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, TLS: auth.TLSPolicy{Level: auth.TLSEncrypted}},
		{Name: "mx2.example.org", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.2")}, TLS: auth.TLSPolicy{Level: auth.TLSOpportunistic}},
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("Subject: hi\r\n\r\n")), nil }
	r, err := d.Deliver(context.Background(), hosts, smtp.NewEnvelope("me@client.example", "you@example.org"), open)
	for _, a := range r.Attempts {
		fmt.Println(a.Host, a.Err)
	}
	fmt.Println("error:", err)
	// Output:
	// mx1.example.org smtpclient: "mx1.example.org" (192.0.2.1:25): connect: no route
	// mx2.example.org <nil>
	// error: <nil>
}
