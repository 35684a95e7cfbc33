package imapmem

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/mime"
)

const delim = "/"

// A Store is users and their mail. It is safe for concurrent use.
type Store struct {
	mu       sync.Mutex
	users    map[string]*user
	validity imapserver.Validity
	masked   imapserver.Ability
	fails    map[string]error
	now      func() time.Time
}

var _ imapserver.Backend = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{users: make(map[string]*user), fails: make(map[string]error), now: time.Now}
}

// user is one user's mail.
type user struct {
	store     *Store
	verifiers []auth.Verifier

	mu         sync.RWMutex
	mailboxes  map[string]*mailbox
	subscribed map[string]bool
	lastID     int
}

// AddUser makes a user with an INBOX, or gives one that is there another
// password. The password is kept as a verifier of few iterations, which is
// enough where nothing is kept for long.
func (s *Store) AddUser(name string, password auth.Secret) error {
	v, err := auth.NewVerifier("SCRAM-SHA-256", password, auth.VerifierOptions{Iterations: 4096})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[name]
	if u == nil {
		u = &user{store: s, mailboxes: make(map[string]*mailbox), subscribed: make(map[string]bool)}
		u.add(imap.INBOX)
		s.users[name] = u
	}
	u.verifiers = []auth.Verifier{v}
	return nil
}

// Lookup is for auth.Authenticator.
func (s *Store) Lookup(_ context.Context, name string) ([]auth.Verifier, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[name]; u != nil {
		return u.verifiers, nil
	}
	return nil, auth.ErrCredentials
}

// Open implements imapserver.Backend.
func (s *Store) Open(_ context.Context, id auth.Identity, _ *imapserver.Conn) (imapserver.Account, error) {
	if err := s.failing("Login"); err != nil {
		return nil, err
	}
	u, err := s.user(id.Authzid)
	if err != nil {
		return nil, err
	}
	return &account{user: u}, nil
}

func (s *Store) user(name string) (*user, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[name]
	if u == nil {
		return nil, imap.No("AUTHORIZATIONFAILED", "no such account")
	}
	return u, nil
}

// Mask takes abilities away, to see what is left to clients without them.
func (s *Store) Mask(a imapserver.Ability) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.masked |= a
}

func (s *Store) abilities() imapserver.Ability {
	s.mu.Lock()
	defer s.mu.Unlock()
	return imapserver.AllAbilities &^ imapserver.HasSearch &^ s.masked
}

// Fail makes an operation fail with err, until it is called with nil. The
// operations are the names of the methods of imapserver.Account and Mailbox:
// "Append", "Messages", "Store" …; and "Login".
func (s *Store) Fail(op string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[op] = err
}

func (s *Store) failing(op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fails[op]
}

// Deliver adds a message to a mailbox from outside of any session, as a delivery
// agent does. The mailbox is made if it is missing. Line ends are as given.
func (s *Store) Deliver(name, mailbox string, octets []byte) (imap.UID, error) {
	u, err := s.user(name)
	if err != nil {
		return 0, err
	}
	m := newMessage(bytes.Clone(octets), nil, s.now())
	m.index = imapserver.NewIndex(mime.Parse(m.octets, nil))
	u.mu.Lock()
	defer u.mu.Unlock()
	b := u.mailboxes[mailbox]
	if b == nil {
		b = u.create(mailbox)
	}
	return b.append(m).Min(), nil
}

// Names returns the mailboxes of a user, in order.
func (s *Store) Names(name string) []string {
	u, err := s.user(name)
	if err != nil {
		return nil
	}
	u.mu.RLock()
	defer u.mu.RUnlock()
	return slices.Sorted(maps.Keys(u.mailboxes))
}

// Dump says what is in a mailbox, a line per message: UID, flags in order, size.
// It is for tests that compare.
func (s *Store) Dump(name, mailbox string) string {
	u, err := s.user(name)
	if err != nil {
		return err.Error()
	}
	u.mu.RLock()
	defer u.mu.RUnlock()
	b := u.mailboxes[mailbox]
	if b == nil {
		return "no such mailbox"
	}
	var out strings.Builder
	for _, m := range b.messages {
		flags := slices.Clone(m.state.Load().flags)
		slices.Sort(flags)
		fmt.Fprintf(&out, "%d %v %d\n", m.uid, flags, len(m.octets))
	}
	return out.String()
}
