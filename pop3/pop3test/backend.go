package pop3test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
)

// A Store is a Backend to be tested.
type Store struct {
	Backend pop3server.Backend
	User    string // whose maildrop it is: Authzid of the Identity that Open gets
	// Reset makes the maildrop hold exactly these messages, in this order. No
	// session is open then. Unique-ids must not be used again.
	Reset func(ctx context.Context, messages []string) error
	Known map[string]string // as of Target
}

// RunBackend tests a store against the contract of pop3server.Backend and
// Maildrop: that the lock holds and is given back, that sizes and unique-ids are
// true, that nothing but Commit removes, and that it removes what it is told.
// The store runs behind a pop3server.Server in memory, with all cases of Run
// that are about what a store does.
func RunBackend(t *testing.T, s *Store) {
	t.Helper()
	const password = "correct horse"
	w := &watched{Backend: s.Backend, t: t}
	srv := &pop3server.Server{Backend: w, Auth: Accept(s.User, password), Cleartext: true}
	srv.Auth.Cleartext = auth.CleartextAny
	t.Cleanup(func() { srv.Close() })
	target := &Target{
		Dial: func(context.Context) (net.Conn, error) {
			near, far := memnet.Pipe(memnet.Options{})
			go srv.ServeConn(context.Background(), far)
			return near, nil
		},
		Login: &auth.Credentials{Username: s.User, Password: password},
		Reset: s.Reset,
		Known: s.Known,
	}
	runAll(t, target, slices.Concat(dropCases, messageCases))
}

// watched looks at what a store gives before a server sees it.
type watched struct {
	pop3server.Backend
	t *testing.T
}

func (w *watched) Open(ctx context.Context, id auth.Identity, c *pop3server.Conn) (pop3server.Maildrop, error) {
	d, err := w.Backend.Open(ctx, id, c)
	if (d == nil) == (err == nil) {
		w.t.Errorf("Open returned %v and the error %v: want one of them", d, err)
	}
	if err != nil {
		return nil, err
	}
	return &watchedDrop{Maildrop: d, t: w.t}, nil
}

type watchedDrop struct {
	pop3server.Maildrop
	t *testing.T
}

// Messages compares sizes with contents, which a server never does.
func (d *watchedDrop) Messages(ctx context.Context) ([]pop3server.Message, error) {
	all, err := d.Maildrop.Messages(ctx)
	if err != nil {
		d.t.Errorf("Messages: %v", err)
	}
	for i, m := range all {
		if err := d.check(ctx, m); err != nil {
			d.t.Errorf("message %d, unique-id %.80q: %v", i+1, m.UID, err)
		}
	}
	return all, err
}

func (d *watchedDrop) check(ctx context.Context, m pop3server.Message) error {
	if !pop3.ValidUID(m.UID) {
		return fmt.Errorf("bad unique-id")
	}
	content, err := d.Maildrop.Fetch(ctx, m, -1)
	if err != nil {
		return fmt.Errorf("Fetch: %w", err)
	}
	defer content.Close()
	size, err := pop3.Size(content)
	if err == nil && size != m.Size {
		err = fmt.Errorf("size %d, but the content has %d octets", m.Size, size)
	}
	return err
}

func (d *watchedDrop) Commit(ctx context.Context, deleted []pop3server.Message) error {
	err := d.Maildrop.Commit(ctx, deleted)
	if err != nil {
		var uids []string
		for _, m := range deleted {
			uids = append(uids, m.UID)
		}
		d.t.Errorf("Commit of %s: %v", strings.Join(uids, " "), err)
	}
	return err
}
