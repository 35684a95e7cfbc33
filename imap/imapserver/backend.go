package imapserver

import (
	"context"
	"iter"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

// A Backend is where mail is stored. It speaks UIDs and octets: message
// numbers, "*", patterns, search keys, sections and all else that is written on
// the wire are this package's business.
//
// Errors of its methods: an *imap.Reject, wrapped or not, is answered as it says;
// an error of the context becomes NO [UNAVAILABLE]; any other one is NO
// [SERVERBUG] with an id, which the log has too, beside the error's text.
type Backend interface {
	// Open returns the account that an authenticated client acts on: that of
	// id.Authzid. ctx is of the session. An *imap.Reject refuses the login.
	Open(ctx context.Context, id auth.Identity, c *Conn) (Account, error)
}

// base makes embedding mandatory: of BaseAccount or BaseMailbox, or of another
// Account or Mailbox by whoever wraps one. So all methods are forwarded, also
// those that a later version adds, and nothing is lost to a type assertion.
type base interface{ embedBase() }

// An Account is the mailboxes of one user, for one session. Its methods are
// called by one goroutine at a time, but any number of sessions may have one
// of the same user. Embed BaseAccount, or an Account.
//
// Names are UTF-8 in NFC, without control characters, INBOX spelled so; the
// delimiter is that of the first personal namespace.
type Account interface {
	base
	// Abilities says what the account can do beyond the core. What it cannot do
	// is not offered.
	Abilities() Ability
	// Mailboxes lists everything there is, in any order: mailboxes, INBOX among
	// them, with \Subscribed and special-use attributes, and as \NonExistent the
	// names that are subscribed to and have no mailbox. Attributes that follow
	// from the hierarchy are computed here, where LIST is.
	Mailboxes(ctx context.Context) iter.Seq2[imap.MailboxInfo, error]
	// Status fills in at least what is wanted; see Mailbox.Status.
	Status(ctx context.Context, name string, want imap.StatusItems) (imap.MailboxStatus, error)
	// Open opens a mailbox. NO [NONEXISTENT] if there is none.
	Open(ctx context.Context, name string, readOnly bool) (Mailbox, error)
	// Create makes a mailbox, and what is missing above it. The id is for
	// MAILBOXID, and may be "". NO [ALREADYEXISTS] if it is there.
	Create(ctx context.Context, name string, o CreateOptions) (id string, err error)
	// Delete removes a mailbox with its mail. Mailboxes below it stay, and so do
	// subscriptions. Sessions that have it open are told Gone.
	Delete(ctx context.Context, name string) error
	// Rename renames a mailbox with all below it, and makes what is missing above
	// the new name. INBOX moves its mail to a new mailbox, and stays with all
	// below it. Sessions that have it open go on. RFC 9051, section 6.3.6.
	Rename(ctx context.Context, from, to string) error
	// Subscribe puts a name on the list of subscriptions or takes it off. It need
	// not be the name of a mailbox. RFC 9051, section 6.3.7.
	Subscribe(ctx context.Context, name string, on bool) error
	// Append stores messages, all or none: an error of m means none. Each has to
	// be read to its end before the next one is asked for. A missing mailbox is
	// NO [TRYCREATE], returned before anything is read, which spares the client
	// the upload.
	Append(ctx context.Context, name string, m iter.Seq2[*NewMessage, error]) (imap.UIDCode, error)
	// Close ends the session's use of the account.
	Close() error

	// Namespaces says where mailboxes are found. BaseAccount: the personal
	// namespace is everything, with the delimiter "/".
	Namespaces(ctx context.Context) (*imap.Namespaces, error)
}

// CreateOptions are what CREATE asks for beyond a name.
type CreateOptions struct {
	// Use is special-use attributes for the mailbox. One that it cannot have is NO
	// [USEATTR]. RFC 6154, section 3.
	Use []imap.Attr
}

// A Mailbox is an open mailbox, for one session. Its methods are called by one
// goroutine at a time. Embed BaseMailbox, or a Mailbox.
//
// UIDs that are asked for and do not exist (any more) are left out silently:
// whether that is worth a word is decided here.
type Mailbox interface {
	base
	// Status fills in all that STATUS knows, and Has accordingly; a field that is
	// not in Has is unknown. UIDValidity and UIDNext always count.
	Status(ctx context.Context) (imap.MailboxStatus, error)
	// UIDs returns all messages.
	UIDs(ctx context.Context) (imap.UIDSet, error)
	// Messages returns messages in ascending order. Only the fields in need have
	// to be filled in, besides UID. The *Message is valid until the next step.
	Messages(ctx context.Context, u imap.UIDSet, need Need) iter.Seq2[*Message, error]
	// Store changes flags, in ascending order. The test of UnchangedSince and the
	// change of one message are one step.
	Store(ctx context.Context, u imap.UIDSet, op *imap.FlagOp) iter.Seq2[Stored, error]
	// Copy copies messages with flags and date to another mailbox of the account,
	// all or none: NO [EXPUNGEISSUED] if one of them is gone, NO [TRYCREATE] if
	// the mailbox does not exist.
	Copy(ctx context.Context, u imap.UIDSet, to string) (imap.CopyCode, error)
	// Expunge removes those of u that have \Deleted at that instant, or all of u
	// if force, and returns which they were.
	Expunge(ctx context.Context, u imap.UIDSet, force bool) (Removed, error)
	// Watch has push called with whatever happens to the mailbox, in order, from
	// now on, but not with what Store, Expunge and Move of this handle change and
	// remove. push is short, and does not call back. It may be called while locks
	// are held, and from any goroutine, until stop has returned.
	Watch(push func(imapview.Change)) (stop func())
	// Close ends the use of the handle.
	Close() error

	// Keywords returns the keywords in use, in any order. BaseMailbox: none, which
	// only means that clients learn of them row by row.
	Keywords(ctx context.Context) ([]imap.Flag, error)
	// Move is Copy and Expunge in one step; the removed UIDs are those of
	// Source. Asked for only with HasMove; otherwise it is made of the two.
	Move(ctx context.Context, u imap.UIDSet, to string) (imap.CopyCode, imap.ModSeq, error)
	// Vanished returns what was removed behind a mod-sequence. complete: false if
	// the history does not go back so far. Asked for only with HasVanished.
	Vanished(ctx context.Context, since imap.ModSeq) (u imap.UIDSet, complete bool, err error)
	// ClaimRecent returns the messages that no session has claimed, and claims
	// them for this one if claim is set. RFC 3501, section 2.3.2.
	ClaimRecent(ctx context.Context, claim bool) (imap.UIDSet, error)
	// Search narrows a search: hit are messages known to match the key, maybe
	// those that have to be looked at; both within in. BaseMailbox: all are maybe.
	Search(ctx context.Context, key imap.SearchKey, in imap.UIDSet) (hit, maybe imap.UIDSet, err error)
}

// Stored is what became of one message in Mailbox.Store.
type Stored struct {
	UID    imap.UID
	Flags  []imap.Flag // as they are now
	ModSeq imap.ModSeq
	// Failed: UnchangedSince kept it as it was. RFC 7162, section 3.1.3.
	Failed bool
	// Changed: it is not as it was.
	Changed bool
}

// Removed is what Mailbox.Expunge has removed. ModSeq is that of the removal, 0
// without HasModSeq.
type Removed struct {
	UIDs   imap.UIDSet
	ModSeq imap.ModSeq
}

// Ability says what an account can do, one bit each.
type Ability uint32

const (
	HasModSeq     Ability = 1 << iota // mod-sequences: CONDSTORE
	HasVanished                       // and a history of removals: QRESYNC
	HasMove                           // Move is one step
	HasRecent                         // ClaimRecent
	HasSpecialUse                     // special-use attributes are known, and taken by CREATE
	HasSearch                         // Search knows more than BaseMailbox
	HasWatch                          // Watch tells; without it mailboxes are polled for new and removed messages

	AllAbilities Ability = 1<<iota - 1 // each of them
)

// Has reports whether all of b are there.
func (a Ability) Has(b Ability) bool { return a&b == b }

// ErrUnsupported is what BaseAccount and BaseMailbox answer with where there is
// no default.
var ErrUnsupported = imap.No("CANNOT", "not supported here")

// BaseAccount has the defaults of what an Account need not have.
type BaseAccount struct{}

func (BaseAccount) embedBase() {}

// Abilities: none.
func (BaseAccount) Abilities() Ability { return 0 }

// Namespaces: see Account.
func (BaseAccount) Namespaces(context.Context) (*imap.Namespaces, error) {
	return &imap.Namespaces{Personal: []imap.NamespaceRow{{Prefix: "", Delim: '/'}}}, nil
}

// Close does nothing.
func (BaseAccount) Close() error { return nil }

// BaseMailbox has the defaults of what a Mailbox need not have.
type BaseMailbox struct{}

func (BaseMailbox) embedBase() {}

// Watch tells nothing: see HasWatch.
func (BaseMailbox) Watch(func(imapview.Change)) (stop func()) { return func() {} }

// Close does nothing.
func (BaseMailbox) Close() error { return nil }

// Keywords: none.
func (BaseMailbox) Keywords(context.Context) ([]imap.Flag, error) { return nil, nil }

// Move: ErrUnsupported.
func (BaseMailbox) Move(context.Context, imap.UIDSet, string) (imap.CopyCode, imap.ModSeq, error) {
	return imap.CopyCode{}, 0, ErrUnsupported
}

// Vanished knows of nothing.
func (BaseMailbox) Vanished(context.Context, imap.ModSeq) (imap.UIDSet, bool, error) {
	return imap.UIDSet{}, false, nil
}

// ClaimRecent: no message is recent.
func (BaseMailbox) ClaimRecent(context.Context, bool) (imap.UIDSet, error) {
	return imap.UIDSet{}, nil
}

// Search: all may match.
func (BaseMailbox) Search(_ context.Context, _ imap.SearchKey, in imap.UIDSet) (hit, maybe imap.UIDSet, err error) {
	return imap.UIDSet{}, in, nil
}
