package imapclient_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
)

// exampleDialer returns a Dialer for a server in memory, with two messages. One for
// a server on the network has Addr and Credentials, and TLS that is verified
// unless told otherwise.
func exampleDialer() *imapclient.Dialer {
	store := imapmem.New()
	store.AddUser("ann", "secret")
	store.Deliver("ann", "INBOX", []byte("Subject: one\r\n\r\nfirst\r\n"))
	store.Deliver("ann", "INBOX", []byte("Subject: two\r\n\r\nsecond\r\n"))
	l := memnet.Listen(memnet.Options{})
	go (&imapserver.Server{Backend: store, Auth: &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny}}).Serve(l)
	return &imapclient.Dialer{
		Addr: "imap.example:143", TLS: auth.TLSPolicy{Level: auth.TLSNever},
		Auth:        auth.ClientPolicy{Cleartext: auth.CleartextAny},
		Credentials: auth.Credentials{Username: "ann", Password: "secret"},
		Dial:        l.DialContext,
	}
}

func connect(d *imapclient.Dialer) *imapclient.Client {
	c, err := d.Connect(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	return c
}

// Print every message of a mailbox, and leave all of them unseen.
func Example() {
	ctx := context.Background()
	c, err := exampleDialer().Connect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Logout(ctx)
	if _, err := c.Select(ctx, "INBOX", nil); err != nil {
		log.Fatal(err)
	}
	for m, err := range c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.ItemEnvelope, imap.Peek("TEXT")) {
		if err != nil {
			log.Fatal(err)
		}
		env, _ := m.Envelope()
		text, err := io.ReadAll(m.Body("TEXT"))
		if err != nil {
			log.Fatal(err) // a connection that was lost, never a short text
		}
		fmt.Printf("UID %d, %s: %q\n", m.UID, env.Subject, text)
	}
	// Output:
	// UID 1, one: "first\r\n"
	// UID 2, two: "second\r\n"
}

// Wait for mail. The loop leaves IDLE while its body issues commands.
func ExampleClient_Events() {
	ctx := context.Background()
	d := exampleDialer()
	c, other := connect(d), connect(d)
	defer c.Close()
	defer other.Close()
	box, err := c.Select(ctx, "INBOX", nil)
	if err != nil {
		log.Fatal(err)
	}
	go other.Append(ctx, "INBOX", imapclient.NewMessage([]byte("Subject: three\r\n\r\nnews\r\n")))
	next := box.UIDNext
	for ev, err := range c.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if ev.Kind != imapclient.Exists {
			continue
		}
		for m, err := range c.Fetch(ctx, imap.UIDs(next, imap.Star), imap.ItemUID, imap.ItemEnvelope) {
			if err != nil {
				log.Fatal(err)
			}
			if m.UID < next { // "n:*" always names the last message
				continue
			}
			env, _ := m.Envelope()
			fmt.Printf("UID %d: %s\n", m.UID, env.Subject)
			next = m.UID + 1
		}
		break
	}
	// Output:
	// UID 3: three
}

// Flag what is found, by UIDs, which stay what they are whatever others do.
func ExampleClient_Search() {
	ctx := context.Background()
	c := connect(exampleDialer())
	defer c.Close()
	if _, err := c.Select(ctx, "INBOX", nil); err != nil {
		log.Fatal(err)
	}
	found, err := c.Search(ctx, imap.Contains{Name: "SUBJECT", Text: "two"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	res, err := c.Store(ctx, found.Ref(), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range res.Rows {
		flags, _ := m.Flags()
		fmt.Println(m.UID, imap.HasFlag(flags, imap.FlagFlagged))
	}
	// Output:
	// 2 true
}

// Keep a copy of a mailbox. The same calls do with QRESYNC, with CONDSTORE and
// without either.
func ExampleClient_Sync() {
	ctx := context.Background()
	c := connect(exampleDialer())
	defer c.Close()
	var state imapclient.SyncState // to be stored beside the copy
	for range 2 {
		now, err := c.Sync(ctx, "INBOX", state, func(ch imapclient.Change) error {
			switch ch.Kind {
			case imapclient.Reset: // forget all
			case imapclient.Removed: // forget ch.UIDs
			case imapclient.Flags: // set the flags of ch.Message
			case imapclient.Added:
				var b strings.Builder
				n, err := io.Copy(&b, ch.Message.Body(""))
				fmt.Println("UID", ch.Message.UID, "with", n, "octets")
				return err
			}
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		state = now
		fmt.Println("level, with", state.UIDs)
	}
	// Output:
	// UID 1 with 23 octets
	// UID 2 with 24 octets
	// level, with 1:2
	// level, with 1:2
}

// Move a message, by MOVE or by what is as safe.
func ExampleClient_Move() {
	ctx := context.Background()
	c := connect(exampleDialer())
	defer c.Close()
	if err := c.Create(ctx, "Done"); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Select(ctx, "INBOX", nil); err != nil {
		log.Fatal(err)
	}
	res, err := c.Move(ctx, imap.UIDs(1, 1), "Done")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Source, "is", res.Dest, "now; left:", c.Exists())
	// Output:
	// 1 is 1 now; left: 1
}

// List mailboxes with numbers, in one command where the server can.
func ExampleClient_List() {
	ctx := context.Background()
	c := connect(exampleDialer())
	defer c.Close()
	args := imap.ListArgs{Return: imap.Params{{Name: "STATUS", Arg: imap.StatusItems{"MESSAGES", "UNSEEN"}}}}
	for m, err := range c.List(ctx, args) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Name, m.Status.Messages, m.Status.Unseen)
	}
	// Output:
	// INBOX 2 2
}

// Append a message to a mailbox that may have to be made.
func ExampleClient_Append() {
	ctx := context.Background()
	c := connect(exampleDialer())
	defer c.Close()
	m := imapclient.NewMessage([]byte("Subject: a draft\r\n\r\n"), imap.FlagDraft, imap.FlagSeen)
	res, err := c.Append(ctx, "Drafts", m)
	if st, refused := imap.ErrorOf(err); refused && st.Code.Name == "TRYCREATE" {
		if err = c.Create(ctx, "Drafts", imap.AttrDrafts); err == nil {
			res, err = c.Append(ctx, "Drafts", m)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("UID", res.UIDs)
	// Output:
	// UID 1
}
