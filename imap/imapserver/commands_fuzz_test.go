package imapserver_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/internal/memnet"
)

// offered lists the commands of the grammar that can stand anywhere in a session.
func offered() (list []*imap.CommandSpec) {
	for _, f := range imap.Features() {
		for i := range f.Commands {
			c := &f.Commands[i]
			if c.Traits&imap.Alone == 0 {
				list = append(list, c)
			}
		}
	}
	return list
}

// aim makes the arguments of a command be about something that there is.
func aim(r *rand.Rand, args any) {
	ref := func(to *imap.Ref) {
		n := imap.SeqNum(1 + r.IntN(2))
		switch {
		case to.Saved || r.IntN(4) == 0:
		case to.ByUID:
			*to = imap.UIDs(imap.UID(n), imap.UID(n+1))
		default:
			*to = imap.Seqs(n, 2)
		}
	}
	name := func(to *string) {
		if r.IntN(3) > 0 {
			*to = []string{imap.INBOX, "a", "a/b", "b"}[r.IntN(4)]
		}
	}
	switch a := args.(type) {
	case *imap.FetchArgs:
		ref(&a.Ref)
		for i := range a.Items {
			if p := a.Items[i].Partial; p != nil && r.IntN(2) == 0 {
				p.Offset, p.Count = p.Offset%100, 1+p.Count%100
			}
		}
	case *imap.StoreArgs:
		ref(&a.Ref)
	case *imap.CopyArgs:
		ref(&a.Ref)
		name(&a.Mailbox)
	case *imap.ExpungeArgs:
		ref(&a.Ref)
	case *imap.SelectArgs:
		name(&a.Mailbox)
	case *imap.CreateArgs:
		name(&a.Mailbox)
	case *imap.MailboxArgs:
		name(&a.Mailbox)
	case *imap.StatusArgs:
		name(&a.Mailbox)
	case *imap.AppendArgs:
		name(&a.Mailbox)
	case *imap.RenameArgs:
		name(&a.From)
		name(&a.To)
	}
}

// FuzzCommands sends commands that are right by the grammar. Each is answered
// once, in order, with responses that are right by it too, and nothing of ours
// fails.
func FuzzCommands(f *testing.F) {
	for i := range 20 {
		f.Add(uint64(i), uint8(10*i))
	}
	list := offered()
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		e := &imap.Encoder{Literals: imap.PlusLiterals}
		e.Raw("a LOGIN u p\r\nb SELECT INBOX\r\n")
		var tags []string
		for i := range n {
			c := &imap.Command{Tag: fmt.Sprintf("t%d", i), Spec: list[r.IntN(len(list))]}
			c.UID = c.Spec.UID && r.IntN(2) == 0
			if c.Spec.Sample != nil {
				c.Args = c.Spec.Sample(r, c.UID)
				aim(r, c.Args)
			}
			if c.Spec.Name == "ENABLE" && r.IntN(8) > 0 {
				continue
			}
			before := *e
			if e.Command(c); e.Err() != nil {
				*e = before
				continue
			}
			tags = append(tags, c.Tag)
		}
		e.Raw("z LOGOUT\r\n")
		var in bytes.Buffer
		if _, err := e.WriteTo(&in); err != nil {
			t.Fatal(err)
		}

		store := newStore(t)
		fill(t, store)
		srv := newServer(store)
		log := new(alarm)
		srv.Logger = slog.New(log)
		srv.Limits.Bad = -1
		near, far := memnet.Pipe(memnet.Options{})
		defer near.Close()
		done := make(chan error, 1)
		go func() { done <- srv.ServeConn(context.Background(), far) }()
		sent := in.String()
		go near.Write([]byte(sent))
		var answered []string
		checkEach(t, near, sent, func(tag string) { answered = append(answered, tag) })
		<-done
		if text := log.rang.Load(); text != nil {
			t.Fatalf("log: %s\nsent: %q", *text, sent)
		}
		want := append(append([]string{"a", "b"}, tags...), "z")
		if !slices.Equal(answered, want) && !strings.Contains(sent, "DELETE") {
			t.Fatalf("answered are %q, want %q\nsent: %q", answered, want, sent)
		}
	})
}
