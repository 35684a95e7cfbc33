package main

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
)

// maildrops gives the shelf to POP3, to one session at a time: RFC 1939, section 4.
type maildrops struct {
	shelf *shelf
	taken sync.Mutex
}

func (d *maildrops) Open(context.Context, auth.Identity, *pop3server.Conn) (pop3server.Maildrop, error) {
	if !d.taken.TryLock() {
		return nil, &pop3.Reject{Code: pop3.InUse, Text: "Another session has this maildrop open"}
	}
	return &maildrop{d.shelf, d.taken.Unlock}, nil
}

type maildrop struct {
	shelf  *shelf
	unlock func()
}

// Messages numbers the messages. The unique-id is UIDVALIDITY and UID, which
// together never come back. RFC 1939, section 7.
func (d *maildrop) Messages(context.Context) ([]pop3server.Message, error) {
	now := d.shelf.snapshot()
	all := make([]pop3server.Message, len(now.entries))
	for i, e := range now.entries {
		all[i] = pop3server.Message{Key: e.uid, UID: fmt.Sprintf("%d.%d", d.shelf.validity, e.uid), Size: e.popSize}
	}
	return all, nil
}

func (d *maildrop) Fetch(ctx context.Context, m pop3server.Message, _ int) (io.ReadCloser, error) {
	msg, err := d.shelf.message(ctx, m.Key.(imap.UID))
	if err != nil {
		return nil, &pop3.Reject{Text: "The message is gone"}
	}
	source, _ := msg.Section(everything)
	return io.NopCloser(source), nil
}

func (d *maildrop) Commit(ctx context.Context, deleted []pop3server.Message) error {
	var uids imap.UIDSet
	for _, m := range deleted {
		uids.Add(m.Key.(imap.UID))
	}
	_, err := d.shelf.remove(ctx, uids)
	return err
}

func (d *maildrop) Close() error {
	d.unlock()
	return nil
}
