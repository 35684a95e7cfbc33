package imaptest_test

import (
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imaptest"
)

// FuzzPlay: whatever octets come, what our server says is grammatical and true.
func FuzzPlay(f *testing.F) {
	imaptest.Seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		store := imapmem.New()
		if err := store.AddUser(imaptest.User, imaptest.Password); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := store.Deliver(imaptest.User, "INBOX", []byte("From: a@example.org\r\nSubject: x\r\n\r\ny\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		srv := &imapserver.Server{Hostname: "mail.example", Backend: store, Auth: imaptest.Accept(imaptest.User, imaptest.Password)}
		srv.Auth.Cleartext = auth.CleartextAny
		imaptest.Play(t, srv, in)
	})
}
