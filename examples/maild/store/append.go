package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/pop3"
)

// Append stores messages in a mailbox of an account, all or none. ErrTarget comes
// before anything is read. now is the date of those that have none.
func (s *Store) Append(ctx context.Context, account int64, name string, now time.Time, list iter.Seq2[*imapserver.NewMessage, error]) (code imap.UIDCode, err error) {
	if _, err := s.Folder(ctx, account, name); errors.Is(err, ErrNotFound) {
		return code, ErrTarget
	} else if err != nil {
		return code, err
	}
	var octets int64
	var arrivals []*arrival
	var messages []message
	defer func() {
		for _, a := range arrivals {
			a.Close()
		}
	}()
	for n, err := range list {
		if err != nil {
			return code, err
		}
		a := &arrival{spool: spool{dir: s.dir}}
		arrivals = append(arrivals, a)
		if err := a.take(n); err != nil {
			return code, err
		}
		m := message{flags: textOf(n.Flags), date: n.Received}
		if m.date.IsZero() {
			m.date = now
		}
		messages = append(messages, m)
		octets += a.size
	}
	if err := ctx.Err(); err != nil {
		return code, err
	}
	err = s.change(octets, func(t *tx) error {
		id, err := t.target(account, name) // it may have gone meanwhile
		if err != nil {
			return err
		}
		for i, a := range arrivals {
			if messages[i].content, err = a.insert(t); err != nil {
				return err
			}
		}
		code, err = t.add(id, messages)
		return err
	})
	return code, err
}

// take is read for what IMAP brings, which is indexed already.
func (a *arrival) take(n *imapserver.NewMessage) (err error) {
	if _, err := n.WriteTo(&a.spool); err != nil {
		return err
	}
	a.index = n.Index(a.spool.at())
	a.textSize, err = pop3.Size(a.spool.reader())
	return err
}
