package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
)

// reset makes the INBOX hold exactly these messages. What IMAP cannot carry, or
// the server does not take, is errors.ErrUnsupported.
func (s *server) reset(ctx context.Context, messages []string) error {
	c, err := s.imap(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	box, err := c.Select(ctx, "INBOX", nil)
	if err != nil {
		return err
	}
	if box.Exists > 0 {
		if _, err := c.Store(ctx, imap.UIDs(1, imap.Star), imap.FlagOp{Mode: imap.FlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}); err != nil {
			return err
		}
		if err := c.Expunge(ctx); err != nil {
			return err
		}
	}
	for _, m := range messages {
		if strings.Contains(m, "\x00") {
			return fmt.Errorf("NUL in a message: %w", errors.ErrUnsupported)
		}
		_, err := c.Append(ctx, "INBOX", imap.AppendMessage{Size: uint64(len(m)), Src: strings.NewReader(m)})
		if _, refused := errors.AsType[*imap.StatusError](err); refused {
			return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		} else if err != nil {
			return err
		}
	}
	return c.Logout(ctx)
}

func (s *server) imap(ctx context.Context) (*imapclient.Client, error) {
	d := &imapclient.Dialer{
		Addr: s.addr, Credentials: *s.login, Enable: []imap.Cap{},
		// The connection that comes from here has its TLS if the scheme says so, and
		// what is left is STARTTLS.
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx) },
	}
	if s.tls == nil {
		d.TLS.Level, d.Auth.Cleartext = auth.TLSNever, auth.CleartextAny
	} else {
		d.TLS = auth.TLSPolicy{ServerName: s.tls.ServerName, Roots: s.tls.RootCAs}
	}
	if s.insecure {
		d.TLS.Level, d.Auth.Cleartext = auth.TLSOpportunistic, auth.CleartextAny
	}
	return d.Connect(ctx)
}
